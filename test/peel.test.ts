// `banana peel` from the first command to the last, on an untrained tiny model: train, add, list, show, verify, draw, merge, remove.
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { choiceOf } from '../src/cli/options.ts';
import { run } from '../src/cli/run.ts';
import { readRecipe } from '../src/draw/recipe.ts';
import { encodeImage } from '../src/disk/codec.ts';
import { image } from '../src/image/image.ts';
import { decodeSafetensors, encodeSafetensors } from '../src/tensor/safetensors.ts';
import { command, tinyModel, workFolder } from './command.ts';

const { folder, remove } = workFolder();
const [pictures, library, ink] = ['pictures', 'library', 'ink.safetensors'].map((name) => join(folder, name)) as [string, string, string];
let model: string;
beforeAll(async () => {
  model = await tinyModel(folder);
  await mkdir(pictures);
  for (const [i, word] of ['red', 'green', 'blue', 'grey', 'pink'].entries())
    await writeFile(
      join(pictures, `0${i}-a_${word}_square.png`),
      await encodeImage(
        image(
          64,
          64,
          Uint8ClampedArray.from({ length: 64 * 64 * 4 }, (_, k) => (k % 4 === 3 ? 255 : (i * 50 + (k % 4) * 60) % 255)),
        ),
        'png',
      ),
    );
});
afterAll(remove);

/** The command in this process. */
async function banana(...args: string[]): Promise<{ code: number; out: string; err: string; json: any }> {
  let [out, err] = ['', ''];
  const code = await run(args, { out: (text) => (out += text), err: (text) => (err += text), terminal: false });
  return {
    code,
    out,
    err,
    get json() {
      return JSON.parse(out) as unknown;
    },
  };
}
const at = ['--library', library];
/** The Peels of the library, without those that the package ships. */
const own = async () => ((await banana('peel', 'list', '--json', ...at)).json.peels as { shipped: boolean }[]).filter((p) => !p.shipped);
const short = ['--steps', '6', '--batch', '3', '--prior', '1', '--rank', '2', '--threads', '1'];

describe('the way of a Peel', () => {
  test('train: three files, each whole, and nothing else', async () => {
    const { code, json, err } = await banana(
      'peel',
      'train',
      pictures,
      '--out',
      ink,
      '--model',
      model,
      '--licence',
      'CC0-1.0',
      '--json',
      ...short,
    );
    expect(err).toContain('4 pictures to learn from, 1 held out, 2 shapes');
    expect(code).toBe(0);
    expect(json).toMatchObject({
      name: 'ink',
      path: ink,
      rank: 2,
      triggers: ['ink style'],
      pictures: 5,
      steps: 6,
      stopped: 'steps',
      heldOut: { base: expect.any(Number), kept: expect.any(Number) },
    });
    expect((await readdir(folder)).sort()).toEqual(['ink.curve.png', 'ink.safetensors', 'ink.samples.png', 'pictures', 'tiny.safetensors']);
    expect((await readFile(ink)).includes('square')).toBe(false); // no captions inside
  });

  test('add, list, show, verify', async () => {
    expect(await own()).toEqual([]);
    expect((await banana('peel', 'add', ink, '--json', ...at)).json).toMatchObject({ name: 'ink' });
    expect(await banana('peel', 'add', ink, ...at)).toMatchObject({
      code: 2,
      err: expect.stringMatching(/already: remove it first, or replace it with --replace\n$/),
    });
    expect(await own()).toMatchObject([{ name: 'ink', rank: 2, licence: 'CC0-1.0', base: { preset: 'tiny' }, training: { pictures: 4 } }]);
    expect((await banana('peel', 'list', ...at)).out).toMatch(/^name .*\nink .*CC0-1\.0 +ink style\n/);
    expect((await banana('peel', 'show', 'ink', ...at)).out).toMatch(/made for +tiny-untrained 0 \([0-9a-f]{16}\)/);
    expect((await banana('peel', 'show', 'ink', '--json', ...at)).json.thumbnails).toHaveLength(2);
    expect((await banana('peel', 'verify', 'ink', '--json', '--model', model, ...at)).json).toMatchObject({
      ok: true,
      fits: expect.stringContaining('tiny'),
    });
    expect((await banana('peel', 'verify', 'ink', ...at)).out).toContain('sound');
  });

  test('draw with it, and bake it in', async () => {
    const env = process.env['BANANA_PEELS'];
    process.env['BANANA_PEELS'] = library;
    try {
      const picture = join(folder, 'fox.png');
      expect(
        await banana('a fox <peel:ink:0.8>', '-o', picture, '--model', model, '-W', '64', '-H', '64', '--steps', '1', '--seed', '1'),
      ).toMatchObject({ code: 0 });
      expect(readRecipe(await readFile(picture))).toMatchObject({ prompt: 'a fox', peels: [{ name: 'ink', weight: 0.8 }] });
      expect(await banana('a fox <peel:chalk>', '-o', picture, '--model', model)).toMatchObject({
        code: 2,
        err: expect.stringContaining('no Peel "chalk"'),
      });
      const merged = join(folder, 'merged.safetensors');
      expect((await banana('peel', 'merge', 'ink:0.5', '--out', merged, '--model', model, '--json')).json).toMatchObject({
        name: 'tiny-untrained-ink',
        peels: [{ name: 'ink', weight: 0.5 }],
      });
      const spaced = join(folder, 'my merged.safetensors');
      expect((await banana('peel', 'merge', 'ink:0.5', '--out', spaced, '--model', model)).out).toContain(
        `use it: banana 'a fox, ink style' --model '${spaced}'\n`,
      );
      expect(await banana('a fox', '-o', picture, '--model', merged, '-W', '64', '-H', '64', '--steps', '1')).toMatchObject({ code: 0 });
      expect(await banana('a fox <peel:ink>', '-o', picture, '--model', merged)).toMatchObject({
        code: 2,
        err: expect.stringMatching(/made for tiny-untrained 0(?!.*force)/),
      });
    } finally {
      if (env === undefined) delete process.env['BANANA_PEELS'];
      else process.env['BANANA_PEELS'] = env;
    }
  });

  test("another tool's file: refused, taken in when forced, and then it is one of ours", async () => {
    const { tensors } = decodeSafetensors(await readFile(ink), ink);
    const other = join(folder, 'other.safetensors');
    await writeFile(other, Buffer.concat(encodeSafetensors(tensors)));
    expect(await banana('peel', 'add', other, ...at)).toMatchObject({
      code: 2,
      err: expect.stringMatching(/does not say which model.*; --force takes it as far as it fits\n$/),
    });
    expect(await banana('peel', 'add', other, '--force', '--model', model, ...at)).toMatchObject({ code: 0 });
    expect((await banana('peel', 'verify', 'other', '--json', '--model', model, ...at)).json).toMatchObject({
      ok: true,
      layers: expect.any(Number),
    });
    expect((await banana('peel', 'remove', 'other', '--json', ...at)).json).toMatchObject({ name: 'other' });
  });

  test('remove, and a damaged file', async () => {
    const bytes = await readFile(ink);
    bytes[bytes.length - 5]! ^= 1;
    await writeFile(join(library, 'bad.safetensors'), bytes);
    const { json } = await banana('peel', 'list', '--json', ...at);
    expect(json.damaged).toMatchObject([{ name: 'bad', error: expect.stringContaining('damaged') }]);
    const verified = await banana('peel', 'verify', 'bad', '--json', ...at);
    expect(verified).toMatchObject({ code: 2, json: { ok: false, code: 'peel.damaged' } });
    expect(await banana('peel', 'remove', 'ink', ...at)).toMatchObject({ code: 0 });
    expect(await banana('peel', 'remove', 'ink', ...at)).toMatchObject({ code: 2, err: expect.stringContaining('there are bad') });
  });
});

describe('what goes wrong is one line, and leaves nothing', () => {
  const out = join(folder, 'x.safetensors');
  test.each<[string, string[]]>([
    ['is not a folder', ['train', join(folder, 'none'), '--out', out, '--model', 'MODEL']],
    ['must end in .safetensors', ['train', 'PICTURES', '--out', join(folder, 'x.bin'), '--model', 'MODEL']],
    ['required option', ['train', 'PICTURES']],
    ['rank 0: expected', ['train', 'PICTURES', '--out', out, '--rank', '0']],
    ['layers', ['train', 'PICTURES', '--out', out, '--layers', 'all']],
    ['cannot name a Peel', ['train', 'PICTURES', '--out', out, '--name', 'a b']],
    ['no model file', ['train', 'PICTURES', '--out', out, '--model', join(folder, 'none.safetensors')]],
    ['cannot write', ['train', 'PICTURES', '--out', join(folder, 'tiny.safetensors', 'x.safetensors'), '--model', 'MODEL']],
    ['no model that is known here', ['train', 'PICTURES', '--out', out, '--model', 'INK']],
    ['not a Peel', ['add', 'MODEL', '--library', library]],
    ['no Peel "x"', ['show', 'x', '--library', library]],
    ['expected a number from -4 to 4', ['merge', 'INK:9', '--out', out, '--model', 'MODEL']],
    ['unknown command', ['peal']],
  ])('%s', async (why, args) => {
    const { code, err } = await banana(
      'peel',
      ...args.map((a) => a.replace('PICTURES', pictures).replace('MODEL', model).replace('INK', ink)),
    );
    expect(err).toContain(why);
    expect(code).toBe(2);
    expect(err.trim().split('\n')).toHaveLength(1);
    expect(existsSync(out)).toBe(false);
  });

  test('weights in names and paths', () => {
    expect(choiceOf('ink')).toEqual({ name: 'ink' });
    expect(choiceOf('ink:.8')).toEqual({ name: 'ink', weight: 0.8 });
    expect(choiceOf('ink:-0.5')).toEqual({ name: 'ink', weight: -0.5 });
    expect(choiceOf('C:\\a\\ink.safetensors:2')).toEqual({ path: 'C:\\a\\ink.safetensors', weight: 2 });
  });
});

test('interrupted: says where the state is, writes no file, and the same command goes on', async () => {
  const out = join(folder, 'cut.safetensors');
  const args = [
    'peel',
    'train',
    pictures,
    '--out',
    out,
    '--model',
    model,
    '--no-samples',
    '--steps',
    '40',
    '--batch',
    '3',
    '--prior',
    '0',
    '--rank',
    '2',
    '--threads',
    '1',
    '--json',
  ];
  let sent = false;
  const cut = await command(args, {
    cwd: folder,
    watch: (err, pid) => void (!sent && /step \d+:/.test(err) && (sent = process.kill(pid, 'SIGINT'))),
  });
  expect(cut.code).toBe(130);
  expect(cut.err).toMatch(/cancelled after step \d+: the state is kept in .*cut\.training/);
  expect(existsSync(out)).toBe(false);
  const step = Number(/after step (\d+)/.exec(cut.err)![1]);
  const { code, err, json } = await banana(...args);
  expect(code).toBe(0);
  expect(json.steps).toBeGreaterThan(step); // to 40, unless the held-out picture ended it before
  expect(Math.min(...[...err.matchAll(/^step (\d+):/gm)].map((m) => Number(m[1])))).toBeGreaterThan(step);
  expect(existsSync(join(folder, 'cut.training'))).toBe(false);
});
