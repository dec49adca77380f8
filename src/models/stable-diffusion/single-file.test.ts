// Single files of full size: what is read from the names and shapes alone is what the settings of the same model's folder say, and every
// weight is found (tools/reference/keys.py; no numbers are needed).
import { expect, test } from 'vitest';
import { keyLists } from '../../../test/open-weights.ts';
import type { Outline } from '../../tensor/safetensors.ts';
import { zeros } from '../../tensor/tensor.ts';
import type { ModelFile } from '../family.ts';
import { settingsOf } from './settings.ts';
import { singleFile } from './single-file.ts';
import { unetConfig } from './unet-config.ts';

const LISTS = keyLists();
/** What was read: tensor, rows from and to. */
const asked: [string, number, number][] = [];
const outline = (shape: readonly number[]): Outline => ({ dtype: 'float16', shape });

/** OpenCLIP's tensors of a text encoder of transformers' shapes. */
function openClip(prefix: string, weights: (typeof LISTS)[string]['weights']): [string, Outline][] {
  const renames: [RegExp, string][] = [
    [/^text_model\.embeddings\.token_embedding\.weight$/, 'token_embedding.weight'],
    [/^text_model\.embeddings\.position_embedding\.weight$/, 'positional_embedding'],
    [/^text_model\.final_layer_norm/, 'ln_final'],
    [/^text_model\.encoder\.layers/, 'transformer.resblocks'],
    [/layer_norm/, 'ln_'],
    [/mlp\.fc1/, 'mlp.c_fc'],
    [/mlp\.fc2/, 'mlp.c_proj'],
    [/self_attn\.out_proj/, 'attn.out_proj'],
    [/self_attn\.q_proj\.(weight|bias)/, 'attn.in_proj_$1'],
    [/^text_projection\.weight/, 'text_projection'],
  ];
  return weights
    .filter(([name]) => !/[kv]_proj/.test(name))
    .map(([name, [rows, ...rest]]) => [
      prefix + renames.reduce((found, [from, to]) => found.replace(from, to), name),
      outline([name.includes('q_proj') ? 3 * rows! : rows!, ...rest]),
    ]);
}

/** CompVis's names of an autoencoder, whose attention is convolutions. */
const klNamed = (name: string): string =>
  name
    .replace(/down_blocks\.(\d)\.resnets\.(\d)/, 'down.$1.block.$2')
    .replace(/down_blocks\.(\d)\.downsamplers\.0/, 'down.$1.downsample')
    .replace(/up_blocks\.(\d)\.resnets\.(\d)/, (_, level, block) => `up.${3 - level}.block.${block}`)
    .replace(/up_blocks\.(\d)\.upsamplers\.0/, (_, level) => `up.${3 - level}.upsample`)
    .replace(/mid_block\.resnets\.(\d)/, (_, block) => `mid.block_${Number(block) + 1}`)
    .replace('mid_block.attentions.0', 'mid.attn_1')
    .replace('.group_norm.', '.norm.')
    .replace(/\.to_([qkv])\./, '.$1.')
    .replace('.to_out.0.', '.proj_out.')
    .replace('conv_shortcut', 'nin_shortcut')
    .replace('conv_norm_out', 'norm_out');

const TEXTS = {
  sd1: () => LISTS['sd1/text_encoder']!.weights.map(([name, shape]) => [`cond_stage_model.transformer.${name}`, outline(shape)] as const),
  turbo: () => openClip('cond_stage_model.model.', LISTS['turbo/text_encoder']!.weights),
  sdxl: () => [
    ...LISTS['sd1/text_encoder']!.weights.map(
      ([name, shape]) => [`conditioner.embedders.0.transformer.${name}`, outline(shape)] as [string, Outline],
    ),
    ...openClip('conditioner.embedders.1.model.', LISTS['sdxl/text_encoder_2']!.weights),
  ],
  sdxs: () => TEXTS.sd1(),
};

function checkpoint(name: keyof typeof TEXTS): ModelFile {
  const unet = LISTS[`${name}/unet`]!.weights.map(([, shape, single]) => [`model.diffusion_model.${single}`, outline(shape)] as const);
  const kl = LISTS['sd1/vae']!.weights.map(([key, shape]) => [`first_stage_model.${klNamed(key)}`, outline(shape)] as const);
  const tensors = new Map<string, Outline>([...unet, ...kl, ...TEXTS[name]()]);
  const merges = Array.from({ length: 48_894 }, (_, i) => `a${i} b`).join('\n');
  const read = (key: string, [from, to] = [0, tensors.get(key)!.shape[0]!]) => {
    asked.push([key, from, to]);
    return zeros('float32', [to - from, ...tensors.get(key)!.shape.slice(1)]);
  };
  return { tensors, metadata: {}, read, text: (path) => (path === 'clip/merges.txt' ? merges : undefined) };
}

test.each(['sd1', 'turbo', 'sdxl', 'sdxs'] as const)('%s', (name) => {
  const { unet, texts, pictures, zeros: silent, side } = singleFile(checkpoint(name), 'model');
  const { config, weights } = LISTS[`${name}/unet`]!;
  expect(unet.config).toEqual(unetConfig(settingsOf(JSON.stringify(config), 'unet')));
  expect([...unet.weights.names].sort()).toEqual(weights.map(([key]) => key).sort());
  expect([...pictures.weights.names].sort()).toEqual(LISTS['sd1/vae']!.weights.map(([key]) => key).sort());
  expect(pictures.config).toMatchObject({
    channels: [128, 256, 512, 512],
    layers: 2,
    groups: 32,
    scale: name === 'sdxl' ? 0.13025 : 0.18215,
  });
  // the list of SD 2 is diffusers', which has left out the last layer already: here it is left out once more
  const [depth, width] = { sd1: [12, 768], turbo: [22, 1024], sdxl: [12, 768], sdxs: [12, 768] }[name] as [number, number];
  expect(texts[0]!.config).toMatchObject({ depth, width, heads: width / 64, hidden: 4 * width, length: 77, vocabulary: 49408 });
  expect({ texts: texts.length, silent, side }).toEqual(
    name === 'sdxl' ? { texts: 2, silent: true, side: 128 } : { texts: 1, silent: false, side: 64 },
  );
  for (const { weights: own } of texts) for (const key of own.names) expect(own.outline(key).shape.length).toBeGreaterThan(0);
});

test('the second encoder of SDXL: thirds of one matrix, the projection turned around', async () => {
  const [, second] = singleFile(checkpoint('sdxl'), 'model').texts;
  const { weights, config } = second!;
  const expected = new Map(LISTS['sdxl/text_encoder_2']!.weights.map(([key, shape]) => [key, shape.join()]));
  expect(new Map(weights.names.map((key) => [key, weights.outline(key).shape.join()]))).toEqual(expected);
  const key = 'text_model.encoder.layers.0.self_attn.k_proj.weight';
  expect((await weights.read(key)).shape).toEqual([1280, 1280]);
  expect((await weights.read(key, [1, 3])).shape).toEqual([2, 1280]);
  const fused = 'conditioner.embedders.1.model.transformer.resblocks.0.attn.in_proj_weight';
  expect(asked.splice(0)).toEqual([
    [fused, 1280, 2560],
    [fused, 1281, 1283],
  ]);
  expect((await weights.read('text_projection.weight', [2, 5])).shape).toEqual([3, 1280]);
  expect(config).toMatchObject({ depth: 32, heads: 20, projection: 1280 });
});
