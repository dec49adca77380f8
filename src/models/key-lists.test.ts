// Our networks of full size ask for every weight that the real files have, each once and in its shape: built from the true configs, held
// against what the reference implementations have (tools/reference/keys.py). No numbers are needed for it.
import { expect, test } from 'vitest';
import { keyLists } from '../../test/open-weights.ts';
import type { Dim } from '../graph/dim.ts';
import { input } from '../graph/value.ts';
import { embedding } from '../nn/layers.ts';
import { rootScope, type Scope, type Specs } from '../nn/scope.ts';
import { emmdit } from './nitro/emmdit.ts';
import { emmditConfig, TRAINED } from './nitro/emmdit-config.ts';
import { llamaConfig, llamaFeatures } from './nitro/llama.ts';
import { clipConfig, clipFeatures, clipPooled, clipProjected, clipRoot } from './stable-diffusion/clip.ts';
import { settingsOf, type Settings } from './stable-diffusion/settings.ts';
import { RAW_LAYERS, TAESANA, tinyAutoencoderConfig, tinyDecoder, tinyEncoder } from './stable-diffusion/tiny-autoencoder.ts';
import { unet } from './stable-diffusion/unet.ts';
import { unetConfig } from './stable-diffusion/unet-config.ts';

const LISTS = keyLists();

/** A scope that notes every weight that is asked for, each time. */
function noting(s: Scope, asked: string[]): Scope {
  const note = (name: string) => void asked.push(`${s.path}.${name}`.replace(/^\./, ''));
  return {
    ...s,
    in: (name) => noting(s.in(name), asked),
    declare: (traits) => noting(s.declare(traits), asked),
    parameter: (name, ...rest) => (note(name), s.parameter(name, ...rest)),
    product: (x, name, ...rest) => (note(name), s.product(x, name, ...rest)),
    convolve: (x, name, ...rest) => (note(name), s.convolve(x, name, ...rest)),
  };
}

/** Asks for the weights of a network. */
type Ask = (s: Scope, settings: Settings, names: readonly string[]) => void;

const picture = (channels: number, factor: number) => input('x', ['B', channels, `${factor}*h`, `${factor}*w`]);

const askUnet: Ask = (s, settings) => {
  const config = unetConfig(settings);
  const told = (name: string, shape: readonly Dim[]) => input(name, shape);
  const inputs = {
    x: picture(config.inChannels, 2 ** (config.levels.length - 1)),
    time: told('time', ['B']),
    context: told('context', ['B', 'M', config.context]),
    guidance: told('guidance', ['B']),
    pooled: told('pooled', ['B', config.added?.pooled ?? 1]),
    sizes: told('sizes', ['B', 6]),
  };
  unet(s, inputs, config);
};

const askClip: Ask = (s, settings, names) => {
  const config = clipConfig(settings);
  const ids = input('ids', ['B', config.length], 'int64');
  const features = clipFeatures(clipRoot(s, names), ids, config);
  if (names.includes('text_projection.weight')) clipProjected(s, clipPooled(features, ids, config), config);
};

const askTiny: Ask = (s, settings) => {
  const config = tinyAutoencoderConfig(settings);
  tinyDecoder(s, picture(config.latentChannels, 1), config);
  tinyEncoder(s, picture(config.pictureChannels, 8), config);
};

const LLAMA_TOKENS = 128;

const askLlama: Ask = (s, settings) => {
  const config = llamaConfig(settings);
  embedding(s.in('embed_tokens'), input('ids', ['B', LLAMA_TOKENS], 'int64'), config.vocabulary, config.width, undefined, 'weight');
  llamaFeatures(s, input('x', ['B', LLAMA_TOKENS, config.width]), input('seen', ['B', LLAMA_TOKENS]), config);
};

/** From the names and shapes, as it has no config. */
const askEmmdit: Ask = (s) => {
  const shapes = new Map(LISTS['nitro/transformer']!.weights.map(([name, shape]) => [name, shape]));
  const outline = (name: string) => ({ dtype: 'float32', stored: 'BF16', shape: shapes.get(name)! }) as const;
  const config = emmditConfig({ source: 'nitro', names: [...shapes.keys()], outline }, TRAINED[512]);
  const ids = (name: string, count: number) => input(name, [count], 'int64');
  const inputs = {
    x: input('x', ['B', 16, 16, config.channels]),
    time: input('time', ['B']),
    context: input('context', ['B', LLAMA_TOKENS, config.context]),
    places: input('places', [1, 256, config.width]),
    ...{ cells: ids('cells', 256), halves: ids('halves', 64), quarters: ids('quarters', 16) },
  };
  emmdit(s, inputs, config);
};

const NETWORKS: Readonly<Record<string, Ask>> = {
  'sd1/unet': askUnet,
  'lcm/unet': askUnet,
  'turbo/unet': askUnet,
  'sdxl/unet': askUnet,
  'sdxs/unet': askUnet,
  'sd1/text_encoder': askClip,
  'turbo/text_encoder': askClip,
  'sdxl/text_encoder_2': askClip,
  'sdxs/vae': askTiny,
  'nitro/text_encoder': askLlama,
  'nitro/transformer': askEmmdit,
  'taesana/decoder': (s) => tinyDecoder(s, picture(32, 1), TAESANA, RAW_LAYERS),
};

/** A matrix may be kept as a convolution of one point. */
const flat = (shape: readonly number[]) => shape.join().replace(/,1,1$/, '');

test.each(Object.entries(NETWORKS))('%s', (model, ask) => {
  const { config, weights } = LISTS[model]!;
  const specs: Specs = new Map();
  const asked: string[] = [];
  const names = weights.map(([name]) => name);
  ask(noting(rootScope(specs).declare({ turned: true }), asked), settingsOf(JSON.stringify(config), model), names);
  expect(asked.sort()).toEqual(names.sort());
  const shapes = [...specs].map(([name, { shape, turned }]) => [name, flat(turned ? [...shape].reverse() : shape)]);
  expect(Object.fromEntries(shapes)).toEqual(Object.fromEntries(weights.map(([name, shape]) => [name, flat(shape)])));
});
