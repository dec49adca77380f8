// The file of a Peel: there and back, other tools' keys, refusals, and files that were damaged on purpose.
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { layersPreset } from '../models/layers/config.ts';
import { denoiseStage } from '../models/layers/stages.ts';
import { decodeSafetensors, encodeSafetensors } from '../tensor/safetensors.ts';
import { float32, type Tensor, type Tensors } from '../tensor/tensor.ts';
import { expectClose } from '../sdk/testing.ts';
import { InputError } from '../util/errors.ts';
import { random } from '../util/random.ts';
import { loraNames } from './lora.ts';
import { encodePeel, fitPeel, nameFrom, readPeel, type BaseId, type Peel, type PeelInfo } from './peel.ts';

const { specs } = denoiseStage(layersPreset('tiny'));
const base: BaseId = { name: 'tiny', version: '1', preset: 'tiny', hash: '0123456789abcdef' };
const info: PeelInfo = {
  name: 'ink',
  description: 'Ink, seen from above — “wet”',
  base,
  rank: 2,
  alpha: 2,
  layers: ['attention'],
  triggers: ['ink style'],
  licence: 'CC0-1.0',
  author: 'A. Person',
  thumbnails: ['data:image/webp;base64,UklGRg=='],
  training: { steps: 3, objective: 'image' },
};
const MODULES = ['transformer.blocks.0.attention.query', 'transformer.blocks.1.mlp.down', 'transformer.last-modulation'];

function peelOf(modules: readonly string[], r = 2): Pick<Peel, 'info' | 'tensors'> {
  const rng = random(4);
  const tensors: Tensors = {};
  for (const module of modules) {
    const [width, out] = specs.get(`${module}.weight`)!.shape as [number, number];
    const { a, b } = loraNames(`${module}.weight`);
    tensors[a] = float32([width, r], rng.normals(width * r));
    tensors[b] = float32([r, out], rng.normals(r * out));
  }
  return { info: { ...info, rank: r, alpha: r }, tensors };
}
const joined = (chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.concat(chunks));
const read = async (bytes: Uint8Array, options = {}): Promise<Peel> =>
  fitPeel(await readPeel(bytes, 'x.safetensors', options), specs, base, 'x.safetensors', options);

/** The same matrices in another tool's file. */
function foreign(
  name: (module: string, part: 'a' | 'b' | 'alpha') => string,
  { alpha, metadata = {} }: { alpha?: number; metadata?: Record<string, string> } = {},
): Uint8Array {
  const { tensors } = peelOf(MODULES);
  const stored: Tensors = {};
  const turned = ({ shape: [m, n], data }: Tensor) =>
    float32(
      [n!, m!],
      Array.from({ length: m! * n! }, (_, i) => data[(i % m!) * n! + Math.floor(i / m!)] as number),
    );
  for (const module of MODULES) {
    const { a, b } = loraNames(`${module}.weight`);
    stored[name(module, 'a')] = turned(tensors[a]!);
    stored[name(module, 'b')] = turned(tensors[b]!);
    if (alpha !== undefined) stored[name(module, 'alpha')] = float32([], [alpha]);
  }
  return joined(encodeSafetensors(stored, metadata));
}

let file: Uint8Array<ArrayBuffer>;
beforeAll(async () => void (file = joined(await encodePeel(peelOf(MODULES)))));

describe('the file', () => {
  test('there and back: info as it was, numbers to half precision', async () => {
    const { info: back, tensors, hash } = await read(file);
    expect(back).toEqual(info);
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expectClose(tensors, peelOf(MODULES).tensors, { rtol: 1e-3, atol: 1e-6 });
  });

  test('keys, orientation and metadata are those that other tools know', () => {
    const { tensors, metadata } = decodeSafetensors(file, 'ink');
    const {
      shape: [width, out],
    } = specs.get(`${MODULES[1]}.weight`)!;
    expect(Object.keys(tensors).sort()).toEqual(
      MODULES.flatMap((m) => ['A', 'B'].map((x) => `base_model.model.${m}.lora_${x}.weight`)).sort(),
    );
    expect(tensors[`base_model.model.${MODULES[1]}.lora_A.weight`]).toMatchObject({ dtype: 'float16', shape: [2, width] });
    expect(tensors[`base_model.model.${MODULES[1]}.lora_B.weight`]).toMatchObject({ shape: [out, 2] });
    const { peel, ...rest } = metadata;
    expect(JSON.parse(peel!)).toMatchObject({ format: 1, base });
    expect(rest).toMatchInlineSnapshot(`
      {
        "format": "pt",
        "modelspec.architecture": "banana-tiny/lora",
        "modelspec.author": "A. Person",
        "modelspec.description": "Ink, seen from above — “wet”",
        "modelspec.hash_sha256": "0x0f89fa26f963c52226b1d65932f2f3fc5c3f35197d4278e5b528cc7ad94584a7",
        "modelspec.implementation": "banana-sdk",
        "modelspec.license": "CC0-1.0",
        "modelspec.resolution": "512x512",
        "modelspec.sai_model_spec": "1.0.1",
        "modelspec.thumbnail": "data:image/webp;base64,UklGRg==",
        "modelspec.title": "ink",
        "modelspec.trigger_phrase": "ink style",
        "modelspec.usage_hint": "Trigger words: ink style",
        "peel.sha256": "37190888f684ed556a5f7ceaf4b9bdc66e77c3493c756ecd43c0abcbe9820702",
        "ss_base_model_version": "banana-tiny",
        "ss_network_alpha": "2",
        "ss_network_args": "{}",
        "ss_network_dim": "2",
        "ss_network_module": "networks.lora",
        "ss_v2": "False",
      }
    `);
  });

  test('the same Peel gives the same bytes', async () => {
    const { tensors } = peelOf(MODULES);
    expect(joined(await encodePeel({ info, tensors: Object.fromEntries(Object.entries(tensors).reverse()) }))).toEqual(file);
  });

  test.each([
    ['My Style v2.safetensors', 'My-Style-v2'],
    ['/a/b/ink_1.safetensors', 'ink_1'],
    ['C:\\x\\..safetensors', 'peel'],
    ['_é.safetensors', 'peel'],
  ])('%s is named %s', (path, name) => {
    expect(nameFrom(path)).toBe(name);
  });

  test.each(['', '-x', 'a b', '../x', 'x'.repeat(65), 'é'])('"%s" cannot be a name', async (name) => {
    await expect(encodePeel({ ...peelOf(MODULES), info: { ...info, name } })).rejects.toThrow('cannot name a Peel');
  });

  test('numbers too large for the file are refused when writing', async () => {
    const { tensors, info } = peelOf(MODULES);
    (Object.values(tensors)[0]!.data as Float32Array)[3] = Number.NaN;
    await expect(encodePeel({ info, tensors })).rejects.toThrow('diverged');
  });
});

describe('files of other tools', () => {
  const flat = (m: string) => m.replaceAll('.', '_');
  const styles: Record<string, (m: string, part: 'a' | 'b' | 'alpha') => string> = {
    PEFT: (m, p) => `base_model.model.${m}.lora_${p === 'a' ? 'A' : 'B'}.weight`,
    'PEFT with an adapter name': (m, p) => `base_model.model.${m}.lora_${p === 'a' ? 'A' : 'B'}.default.weight`,
    diffusers: (m, p) => (p === 'alpha' ? `${m}.alpha` : `${m}.lora_${p === 'a' ? 'A' : 'B'}.weight`),
    'diffusers with its prefix': (m, p) => `transformer.${m}.lora_${p === 'a' ? 'A' : 'B'}.weight`,
    'old diffusers': (m, p) => `${m}.lora.${p === 'a' ? 'down' : 'up'}.weight`,
    kohya: (m, p) => `lora_unet_${flat(m)}.${p === 'alpha' ? p : `lora_${p === 'a' ? 'down' : 'up'}.weight`}`,
    'kohya without the root': (m, p) =>
      `lora_unet_${flat(m.replace('transformer.', ''))}.${p === 'alpha' ? p : `lora_${p === 'a' ? 'down' : 'up'}.weight`}`,
    ComfyUI: (m, p) => `diffusion_model.${m.replace('transformer.', '')}.lora_${p === 'a' ? 'A' : 'B'}.weight`,
  };

  test.each(Object.keys(styles))('%s: refused, and read when forced', async (style) => {
    const bytes = foreign(styles[style]!);
    await expect(read(bytes)).rejects.toThrow('does not say which model');
    const { tensors, info: made } = await read(bytes, { force: true });
    expectClose(tensors, peelOf(MODULES).tensors);
    expect(made).toMatchObject({ name: 'x', rank: 2, base, licence: 'unknown' });
  });

  test.each(['kohya', 'diffusers'])('alpha of %s scales B', async (style) => {
    const { tensors } = await read(foreign(styles[style]!, { alpha: 1 }), { force: true });
    const { b } = loraNames(`${MODULES[0]}.weight`);
    expectClose(
      tensors[b]!,
      float32(
        tensors[b]!.shape,
        (peelOf(MODULES).tensors[b]!.data as Float32Array).map((x) => x / 2),
      ),
    );
  });

  test('their hash is held to as well', async () => {
    await expect(
      read(foreign(styles.kohya!, { metadata: { 'modelspec.hash_sha256': `0x${'0'.repeat(64)}` } }), { force: true }),
    ).rejects.toThrow('damaged');
  });

  test('a layer twice, under two names, counts once', async () => {
    const one = decodeSafetensors(foreign(styles.kohya!), 'a').tensors;
    const two = decodeSafetensors(foreign(styles.PEFT!), 'b').tensors;
    await expect(
      read(joined(encodeSafetensors({ ...one, ...two })), { force: true }).then((p) => Object.keys(p.tensors).length),
    ).resolves.toBe(6);
  });
});

describe('refusals', () => {
  const sealed = async (tensors: Tensors, more: Partial<PeelInfo> = {}) =>
    joined(await encodePeel({ info: { ...info, ...more }, tensors }));

  test('made for another model: counts, and forced it fits', async () => {
    const other = { ...base, hash: 'fedcba9876543210' };
    const bytes = await sealed(peelOf(MODULES).tensors, { base: other });
    await expect(read(bytes)).rejects.toThrow(
      'made for tiny 1 (fedcba9876543210), this model is tiny 1 (0123456789abcdef); 3 layers match, 0 do not',
    );
    expect(Object.keys((await read(bytes, { force: true })).tensors)).toHaveLength(6);
  });

  test('layers that are not ours, half layers and wrong shapes: counts, and forced the rest is used', async () => {
    const { tensors } = peelOf(MODULES);
    const { a, b } = loraNames(`${MODULES[2]}.weight`);
    const [first] = Object.keys(tensors);
    const bytes = await sealed({
      ...tensors,
      [a]: float32([7, 2], Array(14).fill(1)),
      'unet.up.lora_A.weight': tensors[first!]!,
      'unet.up.lora_B.weight': tensors[b]!,
    });
    await expect(read(bytes)).rejects.toThrow(/2 layers match, 2 do not: .*"base_model.model.transformer.last-modulation" has A \[2,7\]/);
    expect(Object.keys((await read(bytes, { force: true })).tensors)).toHaveLength(4);
    delete tensors[b];
    await expect(read(await sealed(tensors))).rejects.toThrow('has only A');
    await expect(read(await sealed({ [a]: tensors[a]! }), { force: true })).rejects.toThrow('0 layers match');
  });

  test('a rank beyond all reason', async () => {
    await expect(read(await sealed(peelOf(MODULES, 257).tensors))).rejects.toThrow('rank 257');
  });

  test('keys of no adapter', async () => {
    const stored = decodeSafetensors(file, 'ink');
    const more = { ...stored.tensors, 'base_model.model.transformer.out.lora_magnitude_vector': float32([1], [1]) };
    await expect(read(joined(encodeSafetensors(more, { peel: stored.metadata.peel! })), { force: true })).resolves.toBeDefined();
    await expect(read(joined(encodeSafetensors(more, stored.metadata)))).rejects.toThrow('damaged');
  });

  test.each([
    ['format', { format: 2 }],
    ['rank', { rank: 0 }],
    ['alpha', { alpha: 'x' }],
    ['name', { name: '../../x' }],
    ['trigger', { triggers: 'ink' }],
    ['licence', { licence: '\u001b[2J' }],
    ['thumbnails', { thumbnails: ['javascript:alert(1)'] }],
    ['base', { base: null }],
    ['training', { training: { x: {} } }],
  ])('a description with a bad %s', async (_, change) => {
    const { tensors, metadata } = decodeSafetensors(file, 'ink');
    const peel = JSON.stringify({ ...(JSON.parse(metadata.peel!) as object), ...change });
    await expect(readPeel(joined(encodeSafetensors(tensors, { ...metadata, peel })), 'ink', { force: true })).rejects.toThrow(InputError);
  });
});

// 10,000 damaged files in all: each is refused with an InputError, or what is loaded is what was written.
describe('damaged files', () => {
  const runs = { numRuns: 2500 };
  let whole: Peel;
  beforeAll(async () => void (whole = await read(file)));
  const holds = async (bytes: Uint8Array, options = {}) => {
    try {
      expect(await read(bytes, options)).toEqual(whole);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
    }
  };

  test('cut short or with bytes added', () =>
    fc.assert(
      fc.asyncProperty(fc.nat(file.length), fc.uint8Array({ maxLength: 20 }), async (at, more) =>
        holds(Buffer.concat([file.subarray(0, at), more])),
      ),
      runs,
    ));

  test('bits flipped', () =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(file.length - 1), fc.nat(7)), { minLength: 1, maxLength: 4 }), async (flips) => {
        const bytes = file.slice();
        for (const [at, bit] of flips) bytes[at]! ^= 1 << bit;
        await holds(bytes);
      }),
      runs,
    ));

  test('bits flipped in the header, where names, shapes and hashes are', () => {
    const header = 8 + Number(new DataView(file.buffer).getBigUint64(0, true));
    return fc.assert(
      fc.asyncProperty(fc.nat(header - 1), fc.nat(255), fc.boolean(), async (at, value, swap) => {
        const bytes = file.slice();
        if (swap) [bytes[at], bytes[(at * 7 + value) % header]] = [bytes[(at * 7 + value) % header]!, bytes[at]!];
        else bytes[at] = value;
        await holds(bytes);
      }),
      runs,
    );
  });

  test('headers of any length, and anything at all', () =>
    fc.assert(
      fc.asyncProperty(
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        fc.uint8Array({ maxLength: 64 }),
        fc.boolean(),
        async (length, noise, own) => {
          const bytes = own ? file.slice() : new Uint8Array(8 + noise.length);
          if (!own) bytes.set(noise, 8);
          new DataView(bytes.buffer).setBigUint64(0, length, true);
          await holds(bytes);
          await holds(noise, { force: true });
        },
      ),
      runs,
    ));
});
