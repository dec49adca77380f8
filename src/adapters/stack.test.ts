// Stacks as values, the prompt's own way to say them, and a library folder.
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { layersPreset } from '../models/layers/config.ts';
import { denoiseStage } from '../models/layers/stages.ts';
import { writeFileWhole } from '../disk/files.ts';
import { float32, type Tensors } from '../tensor/tensor.ts';
import { random } from '../util/random.ts';
import { addPeel, findPeel, listPeels, peelFolder, removePeel, showPeel } from '../node/library.ts';
import { isAdaptable, loraNames } from './lora.ts';
import { encodePeel, type Peel } from './peel.ts';
import { isIdle, NO_PEELS, stackFeeds, withoutPeel, withPeel, withWeight } from './stack.ts';
import { peelText, takePeels } from './syntax.ts';

const { specs } = denoiseStage(layersPreset('tiny'));
const modules = [...specs].filter(([, spec]) => isAdaptable(spec)).slice(0, 4);

function peel(name: string, rank: number): Peel {
  const rng = random(rank);
  const tensors: Tensors = {};
  for (const [path, { shape }] of modules) {
    const [width, out] = shape as [number, number];
    const { a, b } = loraNames(path);
    tensors[a] = float32([width, rank], rng.normals(width * rank));
    tensors[b] = float32([rank, out], rng.normals(out * rank));
  }
  const info = {
    name,
    base: { name: 'tiny', version: '1', preset: 'tiny', hash: '' },
    rank,
    alpha: rank,
    layers: [],
    triggers: [],
    licence: 'CC0-1.0',
    thumbnails: [],
    training: {},
  };
  return { info, hash: '', tensors };
}

describe('a stack', () => {
  const one = withPeel(NO_PEELS, peel('one', 2), 0.5);
  const two = withPeel(one, peel('two', 3), -1);
  const names = loraNames(modules[0]![0]);

  test('is never changed', () => {
    expect(NO_PEELS).toEqual([]);
    expect(one).toHaveLength(1);
    expect(withWeight(two, 'one', 2).map((p) => [p.peel.info.name, p.weight])).toEqual([
      ['one', 2],
      ['two', -1],
    ]);
    expect(withoutPeel(two, 'one').map((p) => p.peel.info.name)).toEqual(['two']);
    expect(withoutPeel(withoutPeel(two, 'one'), 'two')).toEqual(NO_PEELS);
    expect(two.map((p) => p.weight)).toEqual([0.5, -1]);
  });

  test('lies along the rank; weights are in B; off is as good as away; nothing is rank 1 of zeros', () => {
    expect(stackFeeds(specs, two)[names.a]!.shape.at(-1)).toBe(5);
    expect(stackFeeds(specs, two)[names.b]!.data[0]).toBe(0.5 * (one[0]!.peel.tensors[names.b]!.data[0] as number));
    expect(stackFeeds(specs, withWeight(two, 'one', 0))).toEqual(stackFeeds(specs, withoutPeel(two, 'one')));
    expect(stackFeeds(specs, NO_PEELS)[names.b]).toMatchObject({ shape: [1, modules[0]![1].shape[1]] });
    expect(Object.values(stackFeeds(specs, NO_PEELS)).every((t) => (t.data as Float32Array).every((x) => x === 0))).toBe(true);
    expect([isIdle(NO_PEELS), isIdle(withWeight(one, 'one', 0)), isIdle(one)]).toEqual([true, true, false]);
  });

  test('its feeds are made once', () => {
    expect(stackFeeds(specs, two)).toBe(stackFeeds(specs, two));
  });

  test('refuses the same Peel twice, unknown names, weights beyond reason and too much rank', () => {
    expect(() => withPeel(one, peel('one', 1))).toThrow('used twice');
    expect(() => withWeight(one, 'two', 1)).toThrow('"two" is not in use: in use are one');
    for (const weight of [5, -5, Number.NaN, '1' as never])
      expect(() => withPeel(one, peel('x', 1), weight)).toThrow('expected a number from -4 to 4');
    expect(() => withPeel(withPeel(one, peel('x', 256)), peel('y', 255))).toThrow('rank 513');
  });
});

describe('in a prompt', () => {
  test.each([
    ['a fox', 'a fox', []],
    ['a fox <peel:ink:0.8>', 'a fox', [['ink', 0.8]]],
    [
      '<peel:ink> a fox <peel:b-2:-0.5> in snow',
      'a fox in snow',
      [
        ['ink', 1],
        ['b-2', -0.5],
      ],
    ],
    [
      'a fox <peel:ink:.8><peel:b:+1><peel:c:5e-1>',
      'a fox',
      [
        ['ink', 0.8],
        ['b', 1],
        ['c', 0.5],
      ],
    ],
    ['<1> waves <peel:ink>, flat style', '<1> waves, flat style', [['ink', 1]]],
    ['<peel:ink>', '', [['ink', 1]]],
  ])('%s', (prompt, rest, peels) => {
    expect(takePeels(prompt)).toEqual({ prompt: rest, peels: peels.map(([name, weight]) => ({ name, weight })) });
  });

  test.each(['<peel>', '<peel:>', '<peel:a b>', '<peel:x:y>', '<peel:x:9>', '<peel:../x>', '<peel:x', '<peel:x:1:2>'])(
    '%s is refused',
    (text) => {
      expect(() => takePeels(`a fox ${text}`)).toThrow();
    },
  );

  test('is read back as it is written', () => {
    const named = { name: 'ink', weight: -0.25 };
    expect(takePeels(`x ${peelText(named)}`).peels).toEqual([named]);
  });
});

describe('a library folder', () => {
  let root: string;
  beforeAll(async () => void (root = await mkdtemp(join(tmpdir(), 'banana-peels-'))));
  afterAll(() => rm(root, { recursive: true }));

  test('add, list, show, remove; nothing twice; damaged files are told, not loaded', async () => {
    const [folder, made, none] = [join(root, 'library'), join(root, 'somewhere.safetensors'), join(root, 'none')];
    expect(await listPeels(folder, none)).toEqual({ peels: [], damaged: [] });
    await expect(findPeel('ink', folder, none)).rejects.toThrow('it is empty; `banana peel add FILE`');
    await writeFileWhole(made, await encodePeel(peel('ink', 2)));
    expect(await addPeel(made, folder)).toMatchObject({ name: 'ink', info: { rank: 2 } });
    await expect(addPeel(made, folder)).rejects.toThrow('already');
    await addPeel(made, folder, { replace: true });
    expect(await showPeel('ink', folder)).toMatchObject({ name: 'ink', path: join(folder, 'ink.safetensors') });
    expect(await showPeel(made, folder)).toMatchObject({ name: 'somewhere' });
    await writeFile(join(folder, 'broken.safetensors'), 'x');
    const { peels, damaged } = await listPeels(folder, none);
    expect(peels.map((p) => p.name)).toEqual(['ink']);
    expect(damaged).toMatchObject([{ name: 'broken', error: expect.stringContaining('too short') }]);
    await expect(addPeel(join(folder, 'broken.safetensors'), folder)).rejects.toThrow('too short');
    await expect(showPeel('other', folder)).rejects.toThrow('there are broken, ink');
    await removePeel('ink', folder);
    expect(await readdir(folder)).toEqual(['broken.safetensors']);
    await expect(removePeel('../somewhere', folder)).rejects.toThrow('cannot name a Peel');
  });

  test('shipped Peels are found after the folder, listed as such, and stay', async () => {
    const [folder, shipped] = [join(root, 'own'), join(root, 'shipped')];
    for (const [place, name] of [
      [shipped, 'ink'],
      [shipped, 'chalk'],
      [folder, 'ink'],
    ] as const)
      await writeFileWhole(join(place, `${name}.safetensors`), await encodePeel(peel(name, 2)));
    expect((await listPeels(folder, shipped)).peels.map((p) => [p.name, p.shipped])).toEqual([
      ['ink', false],
      ['chalk', true],
    ]);
    expect(await findPeel('ink', folder, shipped)).toBe(join(folder, 'ink.safetensors'));
    expect(await showPeel('chalk', folder, shipped)).toMatchObject({
      name: 'chalk',
      shipped: true,
      path: join(shipped, 'chalk.safetensors'),
    });
    await expect(findPeel('oil', folder, shipped)).rejects.toThrow('there are ink; shipped are chalk, ink');
    await expect(removePeel('chalk', folder, shipped)).rejects.toThrow('shipped with banana-sdk');
    await removePeel('ink', folder, shipped);
    expect(await findPeel('ink', folder, shipped)).toBe(join(shipped, 'ink.safetensors'));
    await expect(removePeel('ink', folder, shipped)).rejects.toThrow('it stays');
    expect(await readdir(shipped)).toEqual(['chalk.safetensors', 'ink.safetensors']);
  });

  test('the folder: given, by the environment, or in the home folder', () => {
    const before = process.env['BANANA_PEELS'];
    process.env['BANANA_PEELS'] = '/elsewhere';
    expect([peelFolder('/given'), peelFolder()]).toEqual(['/given', '/elsewhere']);
    delete process.env['BANANA_PEELS'];
    expect(peelFolder()).toMatch(/\.banana[/\\]peels$/);
    if (before !== undefined) process.env['BANANA_PEELS'] = before;
  });
});
