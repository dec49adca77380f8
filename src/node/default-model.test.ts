import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { workFolder } from '../../test/command.ts';
import { tinyLayers } from '../../test/tiny-layers.ts';
import { encodePeel } from '../adapters/peel.ts';
import { writeFileWhole } from '../disk/files.ts';
import { image } from '../image/image.ts';
import { float32 } from '../tensor/tensor.ts';
import { abilitiesOf, modelFor } from './default-model.ts';
import { DEFAULT_MODEL, FLAT_MODEL } from './models.ts';

const { folder, remove } = workFolder();
afterAll(remove);
const at = (name: string) => join(folder, name);
let shipped: string | undefined;
vi.mock(import('./models.ts'), async (original) => {
  const real = await original();
  return { ...real, modelPath: (model) => (model === real.DEFAULT_MODEL && shipped ? shipped : real.modelPath(model)) };
});

test('what a file says that it can do', async () => {
  await tinyLayers(at('plain.safetensors'));
  await tinyLayers(at('able.safetensors'), ['image', 'references']);
  const always = ['peels', 'transparent', 'layers'];
  expect(await abilitiesOf(at('plain.safetensors'))).toEqual(always);
  expect(await abilitiesOf(at('able.safetensors'))).toEqual([...always, 'image', 'references']);
});

test('a request that names no model: the default where it can', async () => {
  const from = { prompt: 'x', image: image(1, 1) };
  shipped = at('plain.safetensors');
  expect(await Promise.all([modelFor({ prompt: 'x' }), modelFor(from)])).toEqual([DEFAULT_MODEL, FLAT_MODEL]);
  shipped = at('able.safetensors');
  expect(await modelFor(from)).toBe(DEFAULT_MODEL);
  expect(await modelFor({ ...from, prompt: 'x <peel:outline>' })).toBe(FLAT_MODEL); // a shipped one, made for it
});

test('Peels say which model they were made for', async () => {
  const info = { rank: 1, alpha: 1, layers: [], triggers: [], licence: 'CC0-1.0', thumbnails: [], training: {} };
  const madeFor = async (base: string) => {
    const tensors = { 'a.lora_A.weight': float32([1, 1], [1]), 'a.lora_B.weight': float32([1, 1], [1]) };
    const peel = { info: { ...info, name: 'x', base: { name: base, version: '0', preset: 'tiny', hash: '' } }, tensors };
    const path = at(`${base}.safetensors`);
    await writeFileWhole(path, await encodePeel(peel));
    return path;
  };
  const [flat, own] = [await madeFor(FLAT_MODEL), await madeFor(DEFAULT_MODEL)];
  expect(await modelFor({ prompt: 'x', peels: [{ path: flat }] })).toBe(FLAT_MODEL);
  expect(await modelFor({ prompt: 'x', peels: [{ path: own }] })).toBe(DEFAULT_MODEL);
  expect(await modelFor({ prompt: 'x', peels: [{ path: at('none.safetensors') }] })).toBe(DEFAULT_MODEL);
});
