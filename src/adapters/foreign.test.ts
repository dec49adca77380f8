// Adapters as other tools write them, named by each tool's rule over the real names of full-size models (tools/reference/keys.py):
// every one finds every weight; and what does not fit is counted.
import { describe, expect, test } from 'vitest';
import { keyLists } from '../../test/open-weights.ts';
import { float32, type Tensor } from '../tensor/tensor.ts';
import type { Weights } from '../tensor/weights.ts';
import { checkReport, foreignAdapter, reportText } from './foreign.ts';
import { sgmNames } from './sgm.ts';
import type { Components, Modules } from './targets.ts';

type Row = { module: string; single: string; shape: readonly number[] };

const LISTS = keyLists();
const moduleOf = (name: string) => name.replace(/\.weight$/, '');

/** The matrices and convolutions of a model, tables not. */
const rowsOf = (model: string): Row[] =>
  LISTS[model]!.weights.filter(([name, shape]) => name.endsWith('.weight') && shape.length > 1 && !name.includes('embeddings.')).map(
    ([name, shape, single = '']) => ({ module: moduleOf(name), single: moduleOf(single), shape }),
  );

const modulesOf = (rows: readonly Row[]): Modules => new Map(rows.map(({ module, shape }) => [module, shape]));

const SD1 = rowsOf('sd1/unet');
const SDXL = rowsOf('sdxl/unet');
const NITRO = rowsOf('nitro/transformer');
const TEXT = rowsOf('sd1/text_encoder');
const BIG = rowsOf('sdxl/text_encoder_2').filter(({ module }) => module !== 'text_projection');
const sd1: Components = { unet: modulesOf(SD1), text_encoder: modulesOf(TEXT) };
const sdxl: Components = { unet: modulesOf(SDXL), text_encoder: modulesOf(TEXT), text_encoder_2: modulesOf(BIG) };
const nitro: Components = { transformer: modulesOf(NITRO) };
const inAttention = ({ module }: Row) => /attentions\..*(to_[qkv]|to_out\.0)$/.test(module);

/** A file of tensors without numbers, but for those that are given. */
function fileOf(
  entries: readonly (readonly [name: string, tensor: Pick<Tensor, 'shape'> & Partial<Tensor>])[],
  metadata: Record<string, string> = {},
): Weights {
  const tensors = new Map(entries);
  return {
    source: 'x.safetensors',
    names: [...tensors.keys()],
    metadata,
    outline: (name) => ({ dtype: 'float32', stored: 'F16', shape: tensors.get(name)!.shape }),
    read: async (name) =>
      float32(
        tensors.get(name)!.shape,
        (tensors.get(name)!.data as Float32Array) ?? new Float32Array(tensors.get(name)!.shape.reduce((a, b) => a * b, 1)),
      ),
    close: async () => {},
  };
}

type Ends = readonly [down: string, up: string];
const R = 4;
const KOHYA: Ends = ['.lora_down.weight', '.lora_up.weight'];
const PEFT: Ends = ['.lora_A.weight', '.lora_B.weight'];

/** Two matrices for each row: [r, in, ...] and [out, r, 1, ...]. */
const pairs = (rows: readonly Row[], name: (row: Row) => string, [down, up]: Ends, alpha = false) =>
  rows.flatMap((row) => {
    const [out, inner, ...kernel] = row.shape as [number, number, ...number[]];
    const entries: [string, Pick<Tensor, 'shape'>][] = [
      [name(row) + down, { shape: [R, inner, ...kernel] }],
      [name(row) + up, { shape: [out, R, ...kernel.map(() => 1)] }],
    ];
    return alpha ? [...entries, [`${name(row)}.alpha`, { shape: [] }] as [string, Pick<Tensor, 'shape'>]] : entries;
  });

const joined = (prefix: string, which: (row: Row) => string) => (row: Row) => prefix + which(row).replaceAll('.', '_');
const here = ({ module }: Row) => module;
const single = ({ single }: Row) => single;
const oldest = ({ module }: Row) => module.replace(/\.(to_[qkv]|to_out)(\.0)?$/, '.processor.$1');

test.each(['sd1', 'turbo', 'sdxl', 'sdxs'])('%s: single-file names are those of diffusers’ converter', (model) => {
  const modules = new Map(LISTS[`${model}/unet`]!.weights.map(([name, , single]) => [name, single]));
  const ends = [...modules].map(([name, single]) => [name.replace(/\.\w+$/, ''), single!.replace(/\.\w+$/, '')] as const);
  const sgm = sgmNames(ends.map(([module]) => module));
  expect(ends.map(([module]) => sgm(module))).toEqual(ends.map(([, single]) => single));
});

describe('every tool’s names', () => {
  const cases: [what: string, components: Components, entries: ReturnType<typeof pairs>, matched: number[]][] = [
    [
      'kohya, SD 1',
      sd1,
      [...pairs(SD1, joined('lora_unet_', here), KOHYA, true), ...pairs(TEXT, joined('lora_te_', here), KOHYA, true)],
      [SD1.length, 72],
    ],
    [
      'kohya, SDXL',
      sdxl,
      [
        ...pairs(SDXL, joined('lora_unet_', single), KOHYA, true),
        ...pairs(TEXT, joined('lora_te1_', here), KOHYA),
        ...pairs(BIG, joined('lora_te2_', here), KOHYA),
      ],
      [SDXL.length, 72, 192],
    ],
    [
      'diffusers',
      sdxl,
      [
        ...pairs(SDXL, (row) => `unet.${row.module}`, PEFT),
        ...pairs(TEXT, (row) => `text_encoder.${row.module}`, PEFT),
        ...pairs(BIG, (row) => `text_encoder_2.${row.module}`, PEFT),
      ],
      [SDXL.length, 72, 192],
    ],
    [
      'diffusers before PEFT',
      sd1,
      [
        ...pairs(SD1, (row) => `unet.${row.module}`, ['.lora.down.weight', '.lora.up.weight']),
        ...pairs(TEXT, (row) => `text_encoder.${row.module}`, ['.lora_linear_layer.down.weight', '.lora_linear_layer.up.weight']),
      ],
      [SD1.length, 72],
    ],
    [
      'diffusers at first',
      sd1,
      pairs(SD1.filter(inAttention), (row) => `unet.${oldest(row)}`, ['_lora.down.weight', '_lora.up.weight']),
      [128, 0],
    ],
    ['PEFT', sd1, pairs(SD1, (row) => `base_model.model.${row.module}`, PEFT), [SD1.length, 0]],
    [
      'PEFT with an adapter’s name',
      sd1,
      pairs(SD1, (row) => `base_model.model.${row.module}`, ['.lora_A.default.weight', '.lora_B.default.weight']),
      [SD1.length, 0],
    ],
    ['PEFT, Nitro-E', nitro, pairs(NITRO, (row) => `base_model.model.${row.module}`, PEFT), [NITRO.length]],
    ['ComfyUI', sdxl, pairs(SDXL, (row) => `diffusion_model.${row.single}`, PEFT, true), [SDXL.length, 0, 0]],
  ];
  test.each(cases)('%s', (_, components, entries, matched) => {
    const { report, targets } = foreignAdapter(fileOf(entries), components);
    expect(report.fits.map((fit) => fit.matched)).toEqual(matched);
    expect(report.fits.flatMap(({ unmatched, misshapen }) => [...unmatched, ...misshapen])).toEqual([]);
    expect(report.unread).toEqual([]);
    expect(targets).toHaveLength(matched.reduce((a, b) => a + b));
    expect(() => checkReport(report, 'x')).not.toThrow();
  });

  test('LyCORIS: LoHa, LoKr, DoRA and whole differences among them', () => {
    const [linear, conv] = [SD1.find(inAttention)!, SD1.find(({ module }) => module.endsWith('conv1'))!];
    const name = (row: Row) => joined('lora_unet_', here)(row);
    const [out, inner] = conv.shape as [number, number];
    const { report } = foreignAdapter(
      fileOf([
        ...['w1', 'w2'].flatMap(
          (w) =>
            [
              [`${name(linear)}.hada_${w}_a`, { shape: [320, R] }],
              [`${name(linear)}.hada_${w}_b`, { shape: [R, 320] }],
            ] as [string, { shape: number[] }][],
        ),
        [`${name(conv)}.lokr_w1`, { shape: [8, 8] }],
        [`${name(conv)}.lokr_w2`, { shape: [out / 8, inner / 8, 3, 3] }],
        ['lora_unet_conv_out.diff', { shape: [4, 320, 3, 3] }],
        ['lora_unet_time_embedding_linear_1.lora_down.weight', { shape: [R, 320] }],
        ['lora_unet_time_embedding_linear_1.lora_up.weight', { shape: [1280, R] }],
        ['lora_unet_time_embedding_linear_1.dora_scale', { shape: [1, 320] }],
      ]),
      sd1,
    );
    expect(report).toMatchObject({
      fits: [{ matched: 4, unmatched: [], misshapen: [] }, { matched: 0 }],
      methods: ['loha', 'lokr', 'diff', 'lora'],
    });
  });
});

describe('what does not fit', () => {
  test('an SDXL file for SD 1: counts, examples, and what it was made for', () => {
    const file = fileOf([
      ...pairs(SDXL.filter(inAttention), joined('lora_unet_', single), KOHYA),
      ...pairs(BIG, joined('lora_te2_', here), KOHYA),
    ]);
    const { report } = foreignAdapter(file, sd1);
    expect(report.base).toBe('stable diffusion xl');
    expect(reportText(report)).toMatch(
      /^unet 30 match, 496 are no layer of it \(.+; .+; \.{3}\), 34 have other shapes \(.+\); text_encoder 0 match; text_encoder_2 0 match, 192 are no/,
    );
    expect(() => checkReport(report, 'x.safetensors')).toThrow(/^x.safetensors: does not fit: unet/);
    expect(() => checkReport(report, 'x.safetensors', { force: true })).not.toThrow();
    expect(() =>
      checkReport(foreignAdapter(fileOf(pairs(BIG, joined('lora_te2_', here), KOHYA)), sd1).report, 'x', { force: true }),
    ).toThrow(/does not fit/);
  });

  test('methods that are not read, a part alone, the same layer twice', () => {
    const { report } = foreignAdapter(
      fileOf([
        ...pairs(SD1.slice(0, 1), joined('lora_unet_', here), KOHYA),
        ...pairs(SD1.slice(0, 1), ({ module }) => `unet.${module}`, PEFT),
        ['lora_unet_conv_out.lora_down.weight', { shape: [R, 320, 3, 3] }],
        ['lora_unet_mid_block_attentions_0_proj_in.oft_blocks', { shape: [4, 8, 8] }],
        ['emb_params', { shape: [4, 768] }],
        ['lora_unet_conv_in.diff_b', { shape: [320] }],
        ['what\nis this', { shape: [1] }],
      ]),
      sd1,
    );
    expect(report.fits[0]!.matched).toBe(1);
    expect(report.fits[0]!.misshapen).toEqual([
      'unet.conv_in is there twice',
      'lora_unet_conv_out has a [4,320,3,3], the weight is [4,320,3,3]',
    ]);
    expect(report.unread).toEqual([
      'lora_unet_mid_block_attentions_0_proj_in.oft_blocks: OFT',
      'emb_params: a textual inversion',
      'lora_unet_conv_in.diff_b: the change of a bias',
      'what?is this',
    ]);
  });
});

describe('scales', () => {
  const [row] = SD1.filter(inAttention) as [Row];
  const scale = async (name: string, ends: Ends, more: [string, Tensor][] = [], metadata: Record<string, string> = {}) => {
    const adapter = foreignAdapter(fileOf([...pairs([row], () => name, ends), ...more], metadata), sd1);
    return (await adapter.read(adapter.targets[0]!)).scale;
  };
  const kohya = joined('lora_unet_', here)(row);
  const diffusers = `unet.${row.module}`;

  test('alpha’s own tensor, PEFT’s config, diffusers’ metadata, kohya’s; else 1', async () => {
    expect(await scale(kohya, KOHYA, [[`${kohya}.alpha`, float32([], [1])]], { ss_network_alpha: '8' })).toBe(0.25);
    expect(await scale(kohya, KOHYA, [], { ss_network_alpha: '8' })).toBe(2);
    expect(await scale(diffusers, PEFT)).toBe(1);
    expect(
      await scale(diffusers, PEFT, [], { lora_adapter_metadata: JSON.stringify({ 'unet.lora_alpha': 8, 'text_encoder.lora_alpha': 2 }) }),
    ).toBe(2);
    const config = (settings: object) => ({ lora_adapter_metadata: JSON.stringify(settings) });
    expect(await scale(diffusers, PEFT, [], config({ lora_alpha: 8, use_rslora: true }))).toBe(4);
    expect(await scale(diffusers, PEFT, [], config({ lora_alpha: 8, alpha_pattern: { 'attn1.to_q': 2, to_k: 6 } }))).toBe(0.5);
  });

  test('numbers that are none', async () => {
    const adapter = foreignAdapter(fileOf([...pairs([row], () => kohya, KOHYA), [`${kohya}.alpha`, float32([], [NaN])]]), sd1);
    await expect(adapter.read(adapter.targets[0]!)).rejects.toMatchObject({ code: 'peel.number' });
  });
});

test('the base and trigger words of the metadata', () => {
  const of = (metadata: Record<string, string>) =>
    foreignAdapter(
      fileOf(
        pairs(SD1.slice(0, 1), ({ module }) => module, PEFT),
        metadata,
      ),
      sd1,
    ).report;
  expect(of({ ss_base_model_version: 'sdxl_base_v1-0' }).base).toBe('stable diffusion xl');
  expect(of({ 'modelspec.architecture': 'stable-diffusion-v1/lora' }).base).toBe('stable diffusion 1');
  expect(of({}).base).toBeUndefined();
  expect(of({ 'modelspec.trigger_phrase': 'mystyle, by hand' }).triggers).toEqual(['mystyle', 'by hand']);
  const counted = { ss_tag_frequency: '{"10_fox": {"fox": 3, "a red": 5}, "b": {"fox": 4}}' };
  expect(of(counted)).toMatchObject({ triggers: [], tags: ['fox', 'a red'] });
  expect(of({ ss_tag_frequency: 'no JSON' }).tags).toEqual([]);
});
