// A damaged model is told, wherever a byte of it changed; the shipped one by the hash that was published with it.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { tinyModel, workFolder } from '../../test/command.ts';
import { toHalf } from '../util/float16.ts';
import { writeSafetensors } from '../disk/files.ts';
import { packLayers } from '../models/layers/file.ts';
import { openEngineHere } from '../web/engine.ts';
import { openTrainable } from './load.ts';
import { DEFAULT_MODEL, modelPath, randomModel } from './models.ts';

const { folder, remove } = workFolder();
const at = (name: string) => join(folder, name);
afterAll(remove);
const opened = async (path: string) => (await openTrainable(path)).close();

function flipped(from: string, to: string, place: (bytes: Buffer) => number): string {
  const bytes = readFileSync(from);
  bytes[place(bytes)]! ^= 1;
  writeFileSync(to, bytes);
  return to;
}

describe('one flipped bit', () => {
  test.each<[string, (bytes: Buffer) => number]>([
    ['in the last weight', (bytes) => bytes.length - 1],
    ['in the middle', (bytes) => bytes.length >> 1],
    ['in the manifest', (bytes) => bytes.indexOf('untrained') + 2],
    ['in the name of a weight', (bytes) => bytes.indexOf('attention-norm.gain') + 3],
  ])('%s', async (_, place) => {
    const model = await tinyModel(folder);
    await opened(model);
    const damaged = flipped(model, at('damaged.safetensors'), place);
    await expect(openTrainable(damaged)).rejects.toMatchObject({
      name: 'InputError',
      code: 'model.damaged',
      message: expect.stringContaining('damaged.safetensors: its SHA-256 is '),
    });
    await expect(openEngineHere({ model: readFileSync(damaged) })).rejects.toMatchObject({ code: 'model.damaged' });
  });

  test('in the shipped model', async () => {
    const shipped = modelPath(DEFAULT_MODEL);
    const damaged = flipped(shipped, at('shipped.safetensors'), (bytes) => bytes.length - 1000);
    await expect(openTrainable(damaged)).rejects.toMatchObject({ code: 'model.damaged' });
    await opened(shipped);
  });

  test('in a published file that has no hash inside', async () => {
    const { tensors, metadata } = packLayers(randomModel('tiny', 1));
    const path = at('published.safetensors');
    await writeSafetensors(path, tensors, metadata);
    const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex');
    writeFileSync(at('published.json'), JSON.stringify({ file: 'published.safetensors', sha256 }));
    await opened(path);
    await expect(openTrainable(flipped(path, path, (bytes) => bytes.length - 1000))).rejects.toMatchObject({
      code: 'model.damaged',
      message: expect.stringContaining('the .json beside it says'),
    });
  });
});

test.each([NaN, Infinity, -Infinity])('a weight of %d is named, also where there is no hash', async (number) => {
  const { tensors, metadata } = packLayers(randomModel('tiny', 1));
  const path = Object.keys(tensors).find((name) => name.endsWith('.gain'))!;
  await writeSafetensors(at('plain.safetensors'), tensors, metadata);
  await opened(at('plain.safetensors'));
  (tensors[path]!.data as Uint16Array)[3] = toHalf(number);
  await writeSafetensors(at('nan.safetensors'), tensors, metadata);
  await expect(openTrainable(at('nan.safetensors'))).rejects.toMatchObject({
    name: 'InputError',
    code: 'model.number',
    message: expect.stringContaining(`weight "${path}" has a number that is infinite`),
  });
});
