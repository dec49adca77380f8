// Which files are taken, from lists as repositories have them.
import { describe, expect, test } from 'vitest';
import { included, needed, type ModelIndex } from './choose.ts';

const files = (text: string) =>
  text
    .trim()
    .split(/\s+/)
    .map((path, i) => ({ path, size: i + 1 }));
const taken = (text: string, index?: ModelIndex) => needed(files(text), index).map(({ path }) => path);

const SD: ModelIndex = {
  _class_name: 'StableDiffusionPipeline',
  _diffusers_version: '0.6.0',
  requires_safety_checker: true,
  feature_extractor: ['transformers', 'CLIPImageProcessor'],
  safety_checker: ['stable_diffusion', 'StableDiffusionSafetyChecker'],
  scheduler: ['diffusers', 'PNDMScheduler'],
  text_encoder: ['transformers', 'CLIPTextModel'],
  text_encoder_2: [null, null],
  tokenizer: ['transformers', 'CLIPTokenizer'],
  unet: ['diffusers', 'UNet2DConditionModel'],
  vae: ['diffusers', 'AutoencoderKL'],
};

describe('a folder of parts', () => {
  test('one set of weights a part, in 16 bits where there are such; no single file, no other framework, no part that does not draw', () => {
    expect(
      taken(
        `
      README.md LICENSE.md model_index.json .gitattributes v1-5-pruned.ckpt v1-5-pruned.safetensors sample.png
      feature_extractor/preprocessor_config.json safety_checker/config.json safety_checker/model.safetensors scheduler/scheduler_config.json
      text_encoder/config.json text_encoder/model.fp16.safetensors
      text_encoder/model.safetensors text_encoder/pytorch_model.bin text_encoder/flax_model.msgpack
      tokenizer/merges.txt tokenizer/vocab.json tokenizer/tokenizer_config.json tokenizer/special_tokens_map.json
      unet/config.json unet/diffusion_pytorch_model.bin unet/diffusion_pytorch_model.fp16.safetensors
      unet/diffusion_pytorch_model.non_ema.safetensors unet/diffusion_pytorch_model.safetensors
      vae/config.json vae/diffusion_pytorch_model.safetensors vae_1_0/config.json vae_1_0/diffusion_pytorch_model.safetensors`,
        SD,
      ),
    ).toEqual(
      `
      README.md LICENSE.md model_index.json scheduler/scheduler_config.json
      text_encoder/config.json text_encoder/model.fp16.safetensors
      tokenizer/merges.txt tokenizer/vocab.json tokenizer/tokenizer_config.json tokenizer/special_tokens_map.json
      unet/config.json unet/diffusion_pytorch_model.fp16.safetensors vae/config.json vae/diffusion_pytorch_model.safetensors`
        .trim()
        .split(/\s+/),
    );
  });

  test.each([
    ['model.fp16-00001-of-00002.safetensors', 'model.fp16-00002-of-00002.safetensors', 'model.safetensors.index.fp16.json'],
    ['model-00001-of-00002.fp16.safetensors', 'model-00002-of-00002.fp16.safetensors', 'model.fp16.safetensors.index.json'],
  ])('shards and their index: %s', (...shards) => {
    const index = { unet: ['diffusers', 'X'] };
    const others = [
      'model.safetensors.index.json',
      'model-00001-of-00003.safetensors',
      'model-00002-of-00003.safetensors',
      'model-00003-of-00003.safetensors',
    ];
    const all = ['config.json', ...shards, ...others].map((name) => `unet/${name}`);
    expect(taken(all.join(' '), index)).toEqual(all.slice(0, 4));
    expect(() => taken(all.filter((path) => !path.includes('00002-of-00002')).join(' '), index)).toThrow('says 2 files, here are 1');
  });

  test('pickled weights alone are refused', () => {
    expect(() => taken('unet/config.json unet/model.bin', { unet: ['diffusers', 'X'] })).toThrow(
      /no weights that can be read in unet: expected .safetensors, found unet\/model.bin/,
    );
  });
});

describe('one folder', () => {
  test.each([
    [
      'config.json generation_config.json model.safetensors original/consolidated.00.pth pytorch_model.bin tokenizer.json',
      'config.json generation_config.json model.safetensors tokenizer.json',
    ],
    [
      'README.md adapter_config.json adapter_model.safetensors adapter_model.bin',
      'README.md adapter_config.json adapter_model.safetensors',
    ],
    ['taef2.pth', 'taef2.pth'],
    ['diffusion_pytorch_model.safetensors taesd_decoder.safetensors config.json', 'diffusion_pytorch_model.safetensors config.json'],
    ['sd_xl_base_1.0.safetensors', 'sd_xl_base_1.0.safetensors'],
  ])('%s', (all, wanted) => expect(taken(all)).toEqual(wanted.split(' ')));

  test('several and nothing that says which; none', () => {
    expect(() => taken('README.md Nitro-E-1024px.safetensors Nitro-E-512px-dist.safetensors')).toThrow(
      /nothing says which; there are Nitro-E-512px-dist.safetensors, Nitro-E-1024px.safetensors$/,
    );
    expect(() => taken('README.md config.json')).toThrow(/no weights that can be read in its top folder/);
  });
});

test.each([
  [['*.safetensors'], 'unet/a.safetensors b.safetensors'],
  [['unet/'], 'unet/a.safetensors unet/config.json'],
  [['[!u]*.json', 'b.*'], 'b.safetensors c.json'],
  [['?.json'], 'c.json'],
])('--include %s', (patterns, wanted) => {
  const all = files('README.md unet/a.safetensors unet/config.json b.safetensors c.json');
  expect(included(all, patterns).map(({ path }) => path)).toEqual(['README.md', ...wanted.split(' ')]);
});
