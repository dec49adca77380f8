// A checkpoint in one file, as CompVis, Stability and those who tune their models publish them: all networks under the names of the
// original code, no settings. What a network is follows from its tensors' names and shapes; ours are looked up by those names.
// https://github.com/huggingface/diffusers/blob/58eb52c/src/diffusers/loaders/single_file_utils.py
import { quickGelu } from '../../graph/functions.ts';
import { gelu } from '../../graph/ops.ts';
import type { Specs } from '../../nn/scope.ts';
import { sgmNames } from '../../adapters/sgm.ts';
import { cutRows, transposed, type Tensor } from '../../tensor/tensor.ts';
import type { Weights } from '../../tensor/weights.ts';
import { InputError } from '../../util/errors.ts';
import type { ModelFile } from '../family.ts';
import { weightsUnder } from '../weights-under.ts';
import type { AutoencoderConfig } from './autoencoder.ts';
import type { ClipConfig } from './clip.ts';
import { clipTokenizer, clipVocabulary } from './clip-tokenizer.ts';
import { renamed, type Components, type PicturePart, type TextPart } from './part.ts';
import { USUAL } from './schedule.ts';
import { decodeStage, encodeStage, unetStage } from './stages.ts';
import { SIZES, type Level, type UnetConfig } from './unet-config.ts';

const UNET = 'model.diffusion_model.';
const PICTURES = 'first_stage_model.';

/** Where text encoders lie, and whether as OpenCLIP's code has them. */
const TEXTS: readonly { readonly prefix: string; readonly open: boolean }[] = [
  { prefix: 'cond_stage_model.transformer.', open: false }, //   SD 1
  { prefix: 'cond_stage_model.model.', open: true }, //          SD 2
  { prefix: 'conditioner.embedders.0.transformer.', open: false }, // SDXL, the first
  { prefix: 'conditioner.embedders.1.model.', open: true }, //   and the second
];
const TOKENS = { true: 'token_embedding.weight', false: 'text_model.embeddings.token_embedding.weight' };

/** Whether tensors are a checkpoint of this kind. */
export const isSingleFile = (tensors: ModelFile['tensors']): boolean => tensors.has(`${UNET}input_blocks.0.0.weight`);

/** The parts of a checkpoint. Throws InputError naming `source` and what it has not. */
export function singleFile(file: ModelFile, source: string): Components {
  const texts = TEXTS.filter(({ prefix, open }) => file.tensors.has(prefix + TOKENS[`${open}`]));
  const pictures = weightsUnder(file, PICTURES, `${source} ${PICTURES}`);
  const lost = [...(texts.length ? [] : ['text encoder']), ...(pictures.names.includes('decoder.conv_in.weight') ? [] : ['autoencoder'])];
  if (lost.length > 0)
    throw new InputError(
      'model.missing',
      `${source}: a U-Net without ${lost.join(' and ')}: take a checkpoint that has all, or the model's folder`,
    );
  const raw = weightsUnder(file, UNET, `${source} ${UNET}`);
  const config = unetOf(raw);
  const xl = config.added !== undefined;
  const oneStep = config.middle === undefined && config.levels[0]!.down === 0;
  return {
    unet: { config, weights: named(raw, unetStage(config).specs, (modules) => sgmNames(modules)) },
    texts: texts.map((where, i) => textOf(file, where, xl && i > 0, source)),
    pictures: picturesOf(pictures, xl ? 0.13025 : 0.18215),
    previews: undefined,
    schedule: oneStep ? { ...USUAL, spacing: 'trailing' } : USUAL,
    side: xl ? 128 : 64,
    zeros: xl,
  };
}

/** Weights by our names: `rule` gives the file's name of a module from ours. */
function named(weights: Weights, specs: Specs, rule: (modules: string[]) => (module: string) => string | undefined): Weights {
  const has = new Set(weights.names);
  const split = [...specs.keys()].map((path) => [path, path.slice(0, path.lastIndexOf('.')), path.slice(path.lastIndexOf('.'))] as const);
  const theirs = rule(split.map(([, module]) => module));
  const pairs = split.map(([path, module, end]) => [path, `${theirs(module)}${end}`] as const);
  return renamed(weights, new Map(pairs.filter(([, name]) => has.has(name))));
}

/** What the tensors of a checkpoint say of its U-Net. Heads cannot be seen: SD 1 has 8, later ones as many of 64 as fit. */
function unetOf(weights: Weights): UnetConfig {
  const shape = shapesOf(weights);
  const depth = (place: string) => count((i) => shape(`${place}.transformer_blocks.${i}.norm1.weight`));
  const known = weights.names.find((name) => name.endsWith('attn2.to_k.weight'))!;
  const old = shape(known.replace(/transformer_blocks.*/, 'proj_in.weight'))?.length === 4;
  const levels: Level[] = [];
  for (let i = 1, layers = 0; ; i++) {
    const resnet = shape(`input_blocks.${i}.0.in_layers.2.weight`);
    if (resnet) layers++;
    if (resnet && shape(`input_blocks.${i + 1}.0.in_layers.2.weight`)) continue;
    const channels = shape(`input_blocks.${resnet ? i : i - 1}.0.in_layers.2.weight`)![0]!;
    levels.push({ channels, layers, heads: old ? 8 : Math.max(1, channels / 64), down: depth(`input_blocks.${i}.1`), up: 0 });
    layers = 0;
    if (!shape(`input_blocks.${++i}.0.op.weight`)) break;
  }
  const up = (level: number) => depth(`output_blocks.${(levels.length - 1 - level) * (levels[level]!.layers + 1)}.1`);
  const label = shape('label_emb.0.0.weight')?.[1];
  const size = 256;
  return {
    inChannels: shape('input_blocks.0.0.weight')![1]!,
    outChannels: shape('out.2.weight')![0]!,
    levels: levels.map((level, i) => ({ ...level, up: up(i) })),
    middle: shape('middle_block.0.in_layers.2.weight') && depth('middle_block.1'),
    groups: groupsOf(levels.map(({ channels }) => channels)),
    epsilon: 1e-5,
    context: shape(known)![1]!,
    waves: { cosineFirst: true, shift: 0 },
    guidance: 0,
    added: label === undefined ? undefined : { pooled: label - SIZES * size, size },
  };
}

const shapesOf = (weights: Weights) => {
  const has = new Set(weights.names);
  return (name: string) => (has.has(name) ? weights.outline(name).shape : undefined);
};

/** How often in a row from 0 something is there. */
function count(there: (i: number) => unknown): number {
  let i = 0;
  while (there(i)) i++;
  return i;
}

/** 32, or as many as divide all of a smaller network's channels. */
const groupsOf = (channels: readonly number[]): number => channels.reduce(divisor, 32);
const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));

function picturesOf(weights: Weights, scale: number): PicturePart {
  const shape = shapesOf(weights);
  const levels = count((i) => shape(`encoder.down.${i}.block.0.conv1.weight`));
  const channels = Array.from({ length: levels }, (_, i) => shape(`encoder.down.${i}.block.0.conv1.weight`)![0]!);
  const config: AutoencoderConfig = {
    latentChannels: shape('post_quant_conv.weight')![0]!,
    pictureChannels: shape('decoder.conv_out.weight')![0]!,
    channels,
    layers: count((i) => shape(`encoder.down.0.block.${i}.conv1.weight`)),
    groups: groupsOf(channels),
    epsilon: 1e-6,
    scale,
    shift: 0,
    quantConv: true,
  };
  const part: PicturePart = { kind: 'kl', config, weights };
  const specs: Specs = new Map([...decodeStage(part).specs, ...encodeStage(part).specs]);
  return { ...part, weights: named(weights, specs, () => (module) => klName(module, levels)) };
}

/** What modules of the autoencoder are called in a checkpoint. */
const KL_NAMES: readonly (readonly [RegExp, string])[] = [
  [/\.down_blocks\.(\d+)\.resnets\.(\d+)/, '.down.$1.block.$2'],
  [/\.down_blocks\.(\d+)\.downsamplers\.0/, '.down.$1.downsample'],
  [/\.up_blocks\.(\d+)\.resnets\.(\d+)/, '.up.$1.block.$2'],
  [/\.up_blocks\.(\d+)\.upsamplers\.0/, '.up.$1.upsample'],
  [/\.mid_block\.resnets\.0/, '.mid.block_1'],
  [/\.mid_block\.resnets\.1/, '.mid.block_2'],
  [/\.mid_block\.attentions\.0/, '.mid.attn_1'],
  [/\.group_norm$/, '.norm'],
  [/\.to_([qkv])$/, '.$1'],
  [/\.to_out\.0$/, '.proj_out'],
  [/\.conv_shortcut$/, '.nin_shortcut'],
  [/\.conv_norm_out$/, '.norm_out'],
];

/** What a module of the autoencoder is called in a checkpoint, from its name in diffusers. */
export function klName(module: string, levels: number): string {
  const named = KL_NAMES.reduce((name, [ours, theirs]) => name.replace(ours, theirs), module);
  return named.replace(/\.up\.(\d+)/, (_, level) => `.up.${levels - 1 - Number(level)}`); // counted from the finest
}

/** A text encoder. `last`: it is the one whose pooled features are told. */
function textOf(file: ModelFile, { prefix, open }: (typeof TEXTS)[number], last: boolean, source: string): TextPart {
  const raw = weightsUnder(file, prefix, `${source} ${prefix}`);
  const weights = open ? fromOpenClip(raw, last) : raw;
  const shape = shapesOf(weights);
  const layers = count((i) => shape(`text_model.encoder.layers.${i}.mlp.fc1.weight`));
  const [vocabulary, width] = shape('text_model.embeddings.token_embedding.weight') as [number, number];
  const config: ClipConfig = {
    vocabulary,
    width,
    length: shape('text_model.embeddings.position_embedding.weight')![0]!,
    depth: open && !last ? layers - 1 : layers, // SD 2 was trained without the last one
    heads: Math.max(1, width / 64),
    hidden: shape('text_model.encoder.layers.0.mlp.fc1.weight')![0]!,
    activation: open ? (x) => gelu(x) : quickGelu,
    epsilon: 1e-5,
    projection: shape('text_projection.weight')?.[0] ?? 0,
    end: undefined,
  };
  return { config, weights, tokenizer: tokenizerOf(file, vocabulary, open ? '!' : undefined, source) };
}

/** CLIP's own, as far as a vocabulary of that size goes. */
function tokenizerOf(file: ModelFile, vocabulary: number, pad: string | undefined, source: string) {
  const merges = file.text('clip/merges.txt');
  if (merges === undefined) throw new InputError('model.missing', `${source}: CLIP's vocabulary is not here: give the model's folder`);
  const { words, lines } = clipVocabulary(merges, vocabulary);
  return clipTokenizer(JSON.stringify(words), lines, source, pad);
}

/** Modules of OpenCLIP's by transformers' names. */
const OPEN_NAMES: readonly (readonly [RegExp, string])[] = [
  [/^text_model\.embeddings\.token_embedding\.weight$/, 'token_embedding.weight'],
  [/^text_model\.embeddings\.position_embedding\.weight$/, 'positional_embedding'],
  [/^text_model\.final_layer_norm/, 'ln_final'],
  [/^text_model\.encoder\.layers/, 'transformer.resblocks'],
  [/\.layer_norm([12])/, '.ln_$1'],
  [/\.mlp\.fc1/, '.mlp.c_fc'],
  [/\.mlp\.fc2/, '.mlp.c_proj'],
  [/\.self_attn\.out_proj/, '.attn.out_proj'],
  [/\.self_attn\.[qkv]_proj\.(weight|bias)$/, '.attn.in_proj_$1'],
  [/^text_projection\.weight$/, 'text_projection'],
];

/** OpenCLIP's weights by transformers' names: three products in one matrix are thirds of it, the projection is turned around. */
function fromOpenClip(weights: Weights, projected: boolean): Weights {
  const layers = count((i) => weights.names.includes(`transformer.resblocks.${i}.ln_1.weight`));
  const inner = ['layer_norm1', 'layer_norm2', 'mlp.fc1', 'mlp.fc2', ...['q', 'k', 'v', 'out'].map((part) => `self_attn.${part}_proj`)];
  const modules = [
    'text_model.final_layer_norm',
    ...Array.from({ length: layers }, (_, i) => inner.map((name) => `text_model.encoder.layers.${i}.${name}`)).flat(),
  ];
  const tables = ['token', 'position'].map((name) => `text_model.embeddings.${name}_embedding.weight`);
  const names = [
    ...tables,
    ...modules.flatMap((name) => [`${name}.weight`, `${name}.bias`]),
    ...(projected ? ['text_projection.weight'] : []),
  ];
  const theirs = (name: string) => OPEN_NAMES.reduce((found, [ours, open]) => found.replace(ours, open), name);
  const view = renamed(weights, new Map(names.map((name) => [name, theirs(name)])));
  const third = (name: string) => 'qkv'.indexOf(/\.([qkv])_proj\./.exec(name)?.[1] ?? '-');
  return {
    ...view,
    outline(name) {
      const outline = view.outline(name);
      const [rows, ...rest] = outline.shape as [number, ...number[]];
      if (third(name) >= 0) return { ...outline, shape: [rows / 3, ...rest] };
      return name === 'text_projection.weight' ? { ...outline, shape: [...outline.shape].reverse() } : outline;
    },
    async read(name, rows) {
      if (name === 'text_projection.weight') {
        const t = transposed((await view.read(name)) as Tensor<'float32'>);
        return rows ? cutRows(t, rows) : t;
      }
      if (third(name) < 0) return view.read(name, rows);
      const count = view.outline(name).shape[0]! / 3;
      const [from, to] = rows ?? [0, count];
      return view.read(name, [third(name) * count + from, third(name) * count + to]);
    },
  };
}
