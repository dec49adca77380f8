// The parts of a Nitro-E model in a folder: the denoiser, Llama as its text encoder with its tokenizer, TAESANA's decoder. They come from
// three places (the model's own repository holds the denoiser alone), so each is found by what its weights are called, not by its name.
// What the denoiser's weights do not say - 512 pixels or 1024, distilled to few steps or not - its file's name does: there is nothing else.
import type { Weights } from '../../tensor/weights.ts';
import { InputError } from '../../util/errors.ts';
import { setting, settingsOf, type Settings } from '../stable-diffusion/settings.ts';
import { TAESANA, type TinyLevels } from '../stable-diffusion/tiny-autoencoder.ts';
import type { ModelFile } from '../family.ts';
import { weightsUnder } from '../weights-under.ts';
import { emmditConfig, TRAINED, type Trained } from './emmdit-config.ts';
import { EMBEDDINGS, llamaConfig } from './llama.ts';
import { llamaTokenizer, type LlamaTokenizer } from './llama-tokenizer.ts';
import type { NitroWeights } from './networks.ts';

export interface NitroParts extends NitroWeights {
  /** What the denoiser's file is called, without its ending. */
  readonly name: string;
  readonly tokenizer: LlamaTokenizer;
  /** Distilled to few steps without guidance. */
  readonly distilled: boolean;
  /** What stands before the names of each part's tensors. */
  readonly places: Readonly<Record<PartName, string>>;
}

/** A part, and what a folder without it is told. */
interface Part {
  readonly is: (names: ReadonlySet<string>) => boolean;
  readonly lacking: string;
}

/** A weight by which a denoiser of this family is known. */
const DENOISER = 'block_groups.0.0.scale_shift_bias';
const PARTS = {
  denoiser: {
    is: (names) => names.has(DENOISER),
    lacking: 'the denoiser (banana pull amd/Nitro-E --include Nitro-E-512px-dist.safetensors)',
  },
  text: {
    is: (names) => names.has(EMBEDDINGS) || names.has(`model.${EMBEDDINGS}`),
    lacking: 'the text encoder (Llama-3.2-1B: the folder of meta-llama/Llama-3.2-1B)',
  },
  decoder: {
    is: (names) => names.has('1.weight') && names.has('3.conv.0.weight'),
    lacking: 'the decoder (taesana_decoder.pth of github.com/madebyollin/taesd)',
  },
} as const satisfies Record<string, Part>;
type PartName = keyof typeof PARTS;
const PART_NAMES = Object.keys(PARTS) as PartName[];

/** Whether tensors of these names are a model's of this family. */
export const isNitro = ({ tensors }: Pick<ModelFile, 'tensors'>): boolean =>
  tensors.has(DENOISER) || [...tensors.keys()].some((name) => name.endsWith(`/${DENOISER}`));

/** All parts. Throws InputError `model.missing` naming those that are not there, others for one that is damaged. */
export function nitroParts(file: ModelFile, source: string): NitroParts {
  const places = placesOf(file, source);
  const { text, denoiser, decoder } = places;
  const weights = (place: string) => weightsUnder(file, prefixOf(place), place ? `${source}/${place}` : source);
  const config = textBeside(file, text, 'config.json', source);
  const settings = settingsOf(config.text, `${source}/${config.path}`);
  const words = textBeside(file, text, 'tokenizer.json', source);
  const called = [...source.split(/[/\\]/).slice(-1), denoiser]
    .filter(Boolean)
    .at(-1)!
    .replace(/\.safetensors$/, '');
  return {
    name: called === 'transformer' ? source.split(/[/\\]/).at(-1)! : called,
    text: { config: llamaConfig(settings), weights: weights(text), padding: endOf(settings) },
    denoiser: { config: emmditConfig(weights(denoiser), trainedOn(file, denoiser, called)), weights: weights(denoiser) },
    decoder: { levels: levelsOf(weights(decoder)), weights: weights(decoder) },
    tokenizer: llamaTokenizer(words.text, `${source}/${words.path}`),
    distilled: /dist/i.test(called),
    places,
  };
}

/** What stands before the names of the tensors at a place. */
export const prefixOf = (place: string): string => place && `${place}/`;

/** Where the tensors of each part are: what stands before the last "/" of their names. */
function placesOf({ tensors }: ModelFile, source: string): Record<PartName, string> {
  const places = new Map<string, Set<string>>();
  for (const name of tensors.keys()) {
    const at = name.lastIndexOf('/');
    const place = name.slice(0, Math.max(0, at));
    places.set(place, (places.get(place) ?? new Set()).add(name.slice(at + 1)));
  }
  const found: Partial<Record<PartName, string>> = {};
  for (const [place, names] of places)
    for (const part of PART_NAMES) {
      if (!PARTS[part].is(names)) continue;
      const before = found[part];
      if (before !== undefined)
        throw new InputError('model.missing', `${source}: several ${part}s: ${before} and ${place}; keep one of them`);
      found[part] = place;
    }
  const lacking = PART_NAMES.filter((part) => found[part] === undefined).map((part) => PARTS[part].lacking);
  if (lacking.length > 0)
    throw new InputError('model.missing', `${source}: of a Nitro-E model it lacks ${lacking.join(', and ')}; lay all parts in one folder`);
  return found as Record<PartName, string>;
}

/** A text of the text encoder: in its folder, or where a pipeline keeps its tokenizer. */
function textBeside(file: ModelFile, place: string, name: string, source: string): { path: string; text: string } {
  const folder = /\.\w+$/.test(place) ? '' : `${place}/`;
  const paths = [folder + name, `tokenizer/${name}`];
  for (const path of paths) {
    const text = file.text(path);
    if (text !== undefined) return { path, text };
  }
  throw new InputError('model.missing', `${source}: ${paths[0]} is missing; it belongs to the text encoder`);
}

/** What it was trained on: by its settings, where it has any, else by what it is called. */
function trainedOn(file: ModelFile, place: string, called: string): Trained {
  const text = file.text(`${place}/config.json`);
  if (text === undefined) return TRAINED[/1024/.test(called) ? 1024 : 512];
  const settings = settingsOf(text, `${place}/config.json`);
  return { cells: setting(settings, 'sample_size', 'number', 16), regions: setting(settings, 'use_sub_attn', 'boolean', true) };
}

/** The token that ends a text also fills it up. Instruct models have several: the first. */
function endOf(settings: Settings): number {
  const end = settings.values['eos_token_id'];
  return Array.isArray(end) ? (end[0] as number) : setting(settings, 'eos_token_id', 'number', 128001);
}

/** Widths of the decoder's levels, from its weights: five times twice as large, three blocks each, and one at the end. */
function levelsOf(weights: Weights): TinyLevels {
  const firsts = TAESANA.decoder.map((_, i) => `${3 + 5 * i}.conv.0.weight`);
  return TAESANA.decoder.map(({ blocks }, i) => ({ channels: weights.outline(firsts[i]!).shape[0]!, blocks }));
}
