// The command, with an untrained tiny model: its contract, and what it says to requests that cannot be done.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../src/cli/run.ts';
import { readRecipe } from '../src/draw/recipe.ts';
import { encodeModel } from '../src/onnx/encode.ts';
import { matmul } from '../src/graph/ops.ts';
import { graph, input, parameter } from '../src/graph/value.ts';
import { decodeImage, encodeImage } from '../src/disk/codec.ts';
import { image } from '../src/image/image.ts';
import { readPngText } from '../src/image/png-text.ts';
import { encodeSafetensors } from '../src/tensor/safetensors.ts';
import { float32 } from '../src/tensor/tensor.ts';
import { command, tinyModel, workFolder, type Ended } from './command.ts';

const { folder, remove } = workFolder();
const at = (name: string) => join(folder, name);
let model: string;
beforeAll(async () => void (model = await tinyModel(folder)));
afterAll(remove);
const SLOW = 120_000; // ms: processes on a machine that trains beside

/** The command in this process. */
async function here(...args: string[]): Promise<Ended> {
  const ended: Ended = { code: null, out: '', err: '' };
  ended.code = await run(args, { out: (text) => void (ended.out += text), err: (text) => void (ended.err += text), terminal: false });
  return ended;
}

/** A new empty folder. */
let folders = 0;
function fresh(): string {
  const path = at(`run${++folders}`);
  mkdirSync(path);
  return path;
}

describe('as a process', () => {
  test('--json: one object on standard output, and the same bytes again', { timeout: SLOW }, async () => {
    const cwd = fresh();
    const args = ['a red fox', '--model', model, '--seed', '0', '--steps', '2', '-W', '96', '-H', '64', '--threads', '1', '--json'];
    const first = await command(['generate', ...args, '-o', 'a.png'], { cwd });
    const { images, seconds, ...rest } = JSON.parse(first.out) as Record<string, any>;
    expect(first).toMatchObject({ code: 0, err: 'a.png  seed 0\n' });
    expect(images).toEqual([{ path: 'a.png', seed: 0, width: 96, height: 64 }]);
    expect(rest).toEqual({ model: 'tiny-untrained', steps: 2, peakRssBytes: expect.any(Number) });
    expect(Object.keys(seconds).sort()).toEqual(['denoise', 'encode', 'load', 'render', 'text', 'total']);
    const { total, ...stages } = seconds as Record<string, number>;
    expect(Object.values(stages).reduce((a, b) => a + b)).toBeLessThanOrEqual(total! + 1e-3);
    expect(rest['peakRssBytes']).toBeGreaterThan(2 ** 26);
    await command([...args, '-o', 'b.png'], { cwd });
    expect(readFileSync(join(cwd, 'b.png'))).toEqual(readFileSync(join(cwd, 'a.png')));
  });

  test('a bare prompt: a file here, its path, seed and seconds', { timeout: SLOW }, async () => {
    const cwd = fresh();
    const { code, out, err } = await command(['a red fox', '--model', model, '-W', '64', '--steps', '1', '--threads', '1'], { cwd });
    const [name] = readdirSync(cwd);
    const seed = Number(/^banana-(\d+)\.png$/.exec(name!)![1]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(
      new RegExp(
        `^${name}  64x64  seed ${seed}\nload [\\d.]+ s  text [\\d.]+ s  denoise [\\d.]+ s  render [\\d.]+ s  encode [\\d.]+ s  total [\\d.]+ s\n$`,
      ),
    );
    expect(readRecipe(readFileSync(join(cwd, name!)))).toMatchObject({ prompt: 'a red fox', seed, steps: 1, width: 64, height: 64 });
  });

  test('an interrupt ends it cleanly, its engine too', { timeout: SLOW }, async () => {
    const cwd = fresh();
    let group = 0;
    const interrupt = (err: string, pid: number) => {
      if (group || !err.includes('seed 1')) return; // the second picture is written, the third begun
      process.kill(-(group = pid), 'SIGINT'); // as a terminal does: to the whole group
    };
    const { code, err, out } = await command(
      ['x', '--model', model, '-n', '500', '--seed', '0', '-o', 'x.png', '--threads', '1', '--json'],
      { cwd, watch: interrupt },
    );
    expect(code).toBe(130);
    expect(out).toBe('');
    expect(err).toMatch(/seed 1\n(x-\d+\.png  seed \d+\n)*cancelled\n$/);
    for (const name of readdirSync(cwd)) expect((await decodeImage(readFileSync(join(cwd, name)))).width, name).toBe(512);
    expect(() => process.kill(-group, 0)).toThrow('ESRCH'); // nobody is left
  });

  test('SIGTERM ends it with its own code', { timeout: SLOW }, async () => {
    let sent = false;
    const watch = (err: string, pid: number) => void (!sent && err.includes('seed 0') && (sent = process.kill(-pid, 'SIGTERM')));
    const { code, err } = await command(
      ['x', '--model', model, '-n', '500', '--seed', '0', '-o', 'x.png', '-W', '64', '-H', '64', '--threads', '1', '--json'],
      { cwd: fresh(), watch },
    );
    expect(code).toBe(143);
    expect(err).toMatch(/cancelled\n$/);
  });

  describe('output that cannot be written', () => {
    const shell = ['sh', '-c'];
    const draw = '"$@" x --model MODEL -n 300 --seed 0 -o x.png -W 64 -H 64 --steps 1 --threads 1';
    const table: [what: string, script: string, ends: { code: number; err: string; out?: string }][] = [
      ['a reader that has gone', '{ "$@" presets; echo $? >&2; } | true', { code: 0, err: '141\n' }],
      ['a reader that goes while it draws', `{ ${draw}; echo $? >&2; } | head -1`, { code: 0, err: '141\n' }],
      ['a full disk', '"$@" presets > /dev/full', { code: 1, err: 'error: cannot write to standard output: the disk is full\n' }],
      ['a full disk while it draws', `${draw} > /dev/full`, { code: 1, err: 'error: cannot write to standard output: the disk is full\n' }],
      ['complaints that nobody reads', '{ "$@" inspect none.png 2>&1 >/dev/null; echo $? >&3; } 3>&2 | true', { code: 0, err: '2\n' }],
      ['progress that nobody reads', `{ ${draw} --json 2>&1 >/dev/null; echo $? >&3; } 3>&2 | head -1`, { code: 0, err: '141\n' }],
      ['progress to a full disk', `${draw} --json 2> /dev/full`, { code: 1, err: '', out: '' }],
    ];
    test.skipIf(process.platform !== 'linux').each(table)('%s', { timeout: SLOW }, async (_, script, ends) => {
      const cwd = fresh();
      expect(await command([], { cwd, before: [...shell, script.replace('MODEL', model), 'sh'] })).toMatchObject(ends);
      expect(readdirSync(cwd).length).toBeLessThan(150); // of 300: the work stopped
      expect(readdirSync(cwd).filter((name) => name.endsWith('.part'))).toEqual([]);
    });
  });

  test('an old Node is told so', { timeout: SLOW }, async () => {
    const cwd = fresh();
    writeFileSync(join(cwd, 'old.mjs'), `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '18.20.8' } });`);
    const { code, err } = await command(['presets'], {
      cwd,
      before: ['env', `NODE_OPTIONS=--import ${pathToFileURL(join(cwd, 'old.mjs')).href}`],
    });
    expect({ code, err }).toEqual({ code: 1, err: 'error: banana needs Node 20 or later, this is 18.20.8\n' });
  });

  test('without onnxruntime-node it says so and runs on WebAssembly', { timeout: SLOW }, async () => {
    const cwd = fresh();
    const hooks = `export function resolve(s, c, next) { if (s === 'onnxruntime-node') throw new Error('not here'); return next(s, c); }`;
    writeFileSync(
      join(cwd, 'without.mjs'),
      `import { register } from 'node:module'; register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(hooks)}));`,
    );
    const env = { NODE_OPTIONS: `--import ${pathToFileURL(join(cwd, 'without.mjs')).href}` };
    const { code, err, out } = await command(
      ['x', '--model', model, '--seed', '5', '-o', 'x.png', '-W', '64', '--steps', '1', '--threads', '1'],
      { cwd, env },
    );
    expect({ code, out: out.split('\n')[0] }).toEqual({ code: 0, out: 'x.png  64x64  seed 5' });
    expect(err).toMatch(/^onnxruntime-node is not installed here: .*; running on wasm instead, which is slower\n$/);
  });
});

test('several pictures, an aspect ratio, a style, no background', { timeout: SLOW }, async () => {
  const cwd = fresh();
  const { out } = await here(
    'generate',
    'a fox',
    '--model',
    model,
    '-o',
    join(cwd, 'deep', 'x.png'),
    '-n',
    '2',
    '--seed',
    '+41',
    '--aspect',
    '16:9',
    '-H',
    '90',
    '--style',
    'Flat',
    '--background',
    'transparent',
    '--steps',
    '1',
    '--threads',
    '1',
    '--json',
  );
  const { images } = JSON.parse(out) as { images: { path: string; seed: number; width: number; height: number }[] };
  expect(images).toEqual([1, 2].map((i) => ({ path: join(cwd, 'deep', `x-${i}.png`), seed: 40 + i, width: 160, height: 90 })));
  const png = readFileSync(images[1]!.path); // the untrained model's 24 tokens are 24 letters: its parameters tell what it read
  expect(readRecipe(png)).toMatchObject({
    prompt: 'a fox',
    style: 'flat',
    background: 'transparent',
    seed: 42,
    model: { name: 'tiny-untrained', hash: expect.stringMatching(/^[\da-f]{16}$/) },
  });
  expect(readPngText(png)['parameters']).toMatch(
    /^a fox, flat style\nSteps: 1, Sampler: LCM, CFG scale: 1, Seed: 42, Size: 160x90, Model hash: [\da-f]{10}, /,
  );
  const { data } = await decodeImage(png);
  expect(data.some((x, i) => i % 4 === 3 && x < 255)).toBe(true);
});

describe('batch', () => {
  test('a table: pictures, contact sheet, one summary; again: nothing is left to do but the bad row', { timeout: SLOW }, async () => {
    const cwd = fresh();
    writeFileSync(join(cwd, 'a.csv'), 'sku,prompt,seed,steps,metadata\nA,a fox,+7,,FALSE\nB,a boat,x,,\nC,a cat,9,2,true\n');
    const args = [
      'batch',
      join(cwd, 'a.csv'),
      '--out',
      join(cwd, 'out'),
      '--name',
      '{sku}-{seed}',
      '--steps',
      '1',
      '-W',
      '64',
      '-H',
      '64',
      '--model',
      model,
      '--threads',
      '1',
    ];
    const first = await here(...args, '--json');
    expect(first).toMatchObject({ code: 1, out: '{"rows":3,"drawn":2,"skipped":0,"failed":1}\n' });
    expect(first.err).toMatch(
      /^row 2: seed is the text "x": expected a number\nerror: 1 row of 3 could not be drawn: [^\n]*journal\.jsonl\n$/,
    );
    expect(readdirSync(join(cwd, 'out')).sort()).toEqual(['A-7.png', 'C-9.png', 'contact-sheet-001.webp', 'journal.jsonl']);
    expect(readRecipe(readFileSync(join(cwd, 'out', 'C-9.png')))).toMatchObject({ prompt: 'a cat', seed: 9, steps: 2, width: 64 });
    expect(readRecipe(readFileSync(join(cwd, 'out', 'A-7.png')))).toBeUndefined();
    const again = await here(...args);
    expect(again.code).toBe(1);
    expect(again.out).toMatch(/contact-sheet-001\.webp\n3 rows: 0 drawn, 2 skipped, 1 failed {2}\d+ s\n$/);
    writeFileSync(join(cwd, 'a.csv'), 'sku,prompt,seed,steps,metadata\nA,a fox,+7,,FALSE\nC,a cat,9,2,true\n');
    expect(await here(...args)).toMatchObject({ code: 0, err: '' });
  });

  test('what can be known to be wrong is said before anything is made', async () => {
    const cwd = fresh();
    const file = (name: string, text: string) => (writeFileSync(join(cwd, name), text), join(cwd, name));
    const good = file('good.csv', 'prompt\na fox\n');
    const cases: [args: string[], says: RegExp][] = [
      [[good], /required option '--out <folder>' not specified/],
      [[join(cwd, 'none.csv'), '--out', 'o'], /cannot read .*none\.csv: no such file/],
      [[file('a.txt', ''), '--out', 'o'], /a\.txt: expected a file that ends in \.jsonl/],
      [[file('b.csv', 'prompt,sede\na,1\n'), '--out', 'o'], /no option "sede": did you mean seed\?/],
      [[file('c.csv', 'seed\n1\n'), '--out', 'o'], /c\.csv has no column "prompt"/],
      [[good, '--out', 'o', '--name', '../{row}'], /must stay in the folder/],
      [[good, '--out', 'o', '--quality', '0'], /quality 0: expected 1 to 100/],
      [[good, '--out', good], /cannot write .*: a part of the path is a file/],
      [[good, '--out', 'o', '--model', at('none.safetensors')], /no model file/],
    ];
    for (const [args, says] of cases) {
      const { code, out, err } = await here('batch', ...args);
      expect(err).toMatch(says);
      expect({ code, out }).toEqual({ code: 2, out: '' });
    }
    expect(existsSync('o')).toBe(false);
  });
});

describe('inspect', () => {
  test('a picture, a model, a graph', { timeout: SLOW }, async () => {
    await here('x', '--model', model, '--seed', '1', '-W', '64', '--steps', '1', '-o', at('i.png'), '--threads', '1');
    expect(JSON.parse((await here('inspect', at('i.png'))).out)).toMatchObject({ prompt: 'x', seed: 1, width: 64, height: 64 });
    const shown = (await here('inspect', model)).out;
    expect(shown).toContain('"preset": "tiny"');
    expect(shown).toMatch(/denoise, each step +157 k weights +[\d.]+ MFLOP/);
    expect(shown).toMatch(/query\.weight +4\.16 k +4\.22 kB +int8\[64,64\]/);
    writeFileSync(
      at('g.onnx'),
      encodeModel(graph('g', { y: matmul(input('x', ['B', 3]), parameter('w', [3, 2])) }), {
        weights: { w: float32([3, 2], [1, 2, 3, 4, 5, 6]) },
      }).model,
    );
    const onnx = (await here('inspect', at('g.onnx'))).out;
    for (const line of [/graph g, .* 6 weights in 1 tensor\b/, /input +x +float32\[B,3\]/, /output +y +float32\[B,2\]/, /MatMul +1/])
      expect(onnx).toMatch(line);
  });
});

test.each(['jpg', 'webp'])('a .%s file holds its recipe', { timeout: SLOW }, async (ending) => {
  const path = at(`other.${ending}`);
  await here(
    'a <größe> & "狐"',
    '--model',
    model,
    '--seed',
    '1',
    '-W',
    '64',
    '--steps',
    '1',
    '-o',
    path,
    '--quality',
    '80',
    '--threads',
    '1',
  );
  expect(JSON.parse((await here('inspect', path)).out)).toMatchObject({ prompt: 'a <größe> & "狐"', seed: 1, width: 64 });
  expect(readFileSync(path).includes('digitalsourcetype/trainedAlgorithmicMedia')).toBe(true);
  expect((await decodeImage(readFileSync(path))).width).toBe(64);
});

test('--no-metadata: a file that says nothing of itself', { timeout: SLOW }, async () => {
  const path = at('bare.webp');
  await here('x', '--model', model, '-W', '64', '--steps', '1', '-o', path, '--no-metadata', '--threads', '1');
  expect(await here('inspect', path)).toMatchObject({ code: 2, err: expect.stringContaining('no recipe inside') });
  expect(readFileSync(path).includes('trainedAlgorithmicMedia')).toBe(false);
});

test('a picture to start from, and a mask', { timeout: SLOW }, async () => {
  const pixels = (value: (x: number) => number) =>
    image(
      80,
      64,
      Uint8Array.from({ length: 80 * 64 * 4 }, (_, i) => (i % 4 === 3 ? 255 : value((i >> 2) % 80))),
    );
  const input = pixels((x) => 3 * x);
  writeFileSync(at('in.png'), await encodeImage(input, 'png'));
  writeFileSync(
    at('mask.png'),
    await encodeImage(
      pixels((x) => (x < 40 ? 0 : 255)),
      'png',
    ),
  );
  const { code, err } = await here(
    'x',
    '--model',
    model,
    '--image',
    at('in.png'),
    '--mask',
    at('mask.png'),
    '--strength',
    '.7',
    '--seed',
    '1',
    '--steps',
    '1',
    '-o',
    at('out.png'),
    '--threads',
    '1',
  );
  expect({ code, err }).toEqual({ code: 0, err: '' });
  const { width, data } = await decodeImage(readFileSync(at('out.png')));
  const left = (all: ArrayLike<number>) => Array.from(all).filter((_, i) => (i >> 2) % 80 < 40);
  expect(width).toBe(80);
  expect(left(data)).toEqual(left(input.data));
  expect(readRecipe(readFileSync(at('out.png')))!.image).toEqual({
    hash: expect.stringMatching(/^[\da-f]{16}$/),
    strength: 0.7,
    mask: expect.any(String),
  });
});

test('subjects from files of several kinds', { timeout: SLOW }, async () => {
  writeFileSync(at('fox.webp'), await encodeImage(image(40, 40, new Uint8Array(40 * 40 * 4).fill(200)), 'webp'));
  writeFileSync(
    at('cat.svg'),
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><circle cx="5" cy="5" r="4" fill="red"/></svg>',
  );
  const { code, err } = await here(
    '<1> meets <5>',
    '--subject',
    `1=${at('fox.webp')}`,
    '--subject',
    `5=${at('cat.svg')}`,
    '--model',
    model,
    '--seed',
    '1',
    '-W',
    '64',
    '--steps',
    '1',
    '-o',
    at('meet.png'),
    '--threads',
    '1',
  );
  expect({ code, err }).toEqual({ code: 0, err: '' });
  const text = readFileSync(at('meet.png'), 'latin1');
  expect(readRecipe(readFileSync(at('meet.png')))!.references!.map(({ slot }) => slot)).toEqual([1, 5]);
  expect(text).not.toMatch(/fox\.webp|cat\.svg/);
});

test('help, version, presets', async () => {
  expect(await here()).toMatchObject({ code: 0, err: '', out: expect.stringContaining('Usage: banana') });
  expect(await here('--version')).toMatchObject({ code: 0, err: '', out: '0.1.0\n' });
  expect((await here()).out).toContain('banana "a red fox in the snow" --seed 7');
  const flat = async (name: string) => (await here(name, '--help')).out.replace(/\s+/g, ' ');
  const generate = [
    '--background <kind>',
    '64 to 4096; default 512',
    'default 1:1',
    "default the model's own",
    'default 0.6, with a mask 0.9',
    'slower; 1 to 100; default the model',
    '.webp; default 90',
    'one at random',
    '<peel:NAME:WEIGHT>',
    'Examples:',
  ];
  for (const words of generate) expect(await flat('generate')).toContain(words);
  for (const words of ['default 256', '0 to 240; default 25', 'default 250', 'slower; 1 to 100'])
    expect(await flat('live')).toContain(words);
  expect((await here('presets')).out).toMatch(/pico +8\.13 M weights +33 tokens at 512x512 +ready: pico, the default/);
});

test.skipIf(process.platform !== 'linux')('a picture from a pipe, into a name as long as there can be', { timeout: SLOW }, async () => {
  const cwd = fresh();
  writeFileSync(join(cwd, 'in.png'), await encodeImage(image(64, 64, new Uint8Array(64 * 64 * 4).fill(200)), 'png'));
  const name = `${'é'.repeat(125)}a.png`; // 255 bytes
  const script = `cat in.png | "$@" x --model ${model} --image /dev/stdin --seed 1 --steps 1 --threads 1 -o ${name}`;
  expect(await command([], { cwd, before: ['sh', '-c', script, 'sh'] })).toMatchObject({ code: 0, err: '' });
  expect(readRecipe(readFileSync(join(cwd, name)))).toMatchObject({ seed: 1, width: 64, image: { hash: expect.any(String) } });
  expect(readdirSync(cwd).sort()).toEqual(['in.png', name].sort());
});

describe('a bare word', () => {
  const none = () => at('none.safetensors'); // a word that is drawn gets as far as the missing model
  const slips = { presetz: 'presets', genrate: 'generate', inspct: 'inspect', lvie: 'live', Pele: 'peel', modles: 'models', hlep: 'help' };
  const asked: [args: string[], says: string][] = [
    ...Object.entries(slips).map(([word, name]): [string[], string] => [[word], `did you mean banana ${name}?`]),
    [['list'], 'banana presets lists'],
    [['download', 'pico'], 'banana pull org/name'],
    [['run', 'pico', 'a cat'], 'banana "a red fox" draws'],
    [['version'], 'banana --version'],
    [['webui', '-n', '2'], 'banana serve draws'],
    [['--seed', '3', 'list'], 'banana presets lists'],
    [['--json', 'presetz'], 'did you mean'],
  ];
  test.each(asked)('%j asks back', async (args, says) => {
    const { code, out, err } = await here(...args, '--model', none());
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(/^error: "\S+" is no command; [^\n]+; to draw the word: banana -- \S+\n$/);
    expect(err).toContain(says);
  });
  test.each([
    ['lion'],
    ['bull'],
    ['fox'],
    ['train'],
    ['dog'],
    ['a list'],
    ['--', 'presetz'],
    ['--', 'presets'],
    ['--', 'list'],
    ['generate', 'list'],
    ['--seed', '3', '--', 'list'],
  ])('%s %s draws', async (...args) => {
    const [first, ...rest] = args;
    const { code, err } = await here(...(args.includes('--') ? ['--model', none(), ...args] : [first!, ...rest, '--model', none()]));
    expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining('no model file at') });
  });
  test('-- first: even the name of a command', async () => {
    expect(await here('--', 'presets', 'x')).toMatchObject({ code: 2, err: expect.stringContaining("too many arguments for 'generate'") });
  });
  test('help is one', async () => expect(await here('help')).toMatchObject({ code: 0, out: expect.stringContaining('Usage: banana') }));
});

describe('what cannot be done gets one line and leaves nothing', () => {
  const broken = {
    'a truncated model': { file: 'cut.safetensors', bytes: () => readFileSync(model).subarray(0, 300_000), says: /truncated or damaged/ },
    'half a header': { file: 'head.safetensors', bytes: () => readFileSync(model).subarray(0, 500), says: /truncated/ },
    'a picture instead of a model': {
      file: 'png.safetensors',
      bytes: () => Buffer.from('\x89PNG\r\n\x1a\nand more bytes of it', 'latin1'),
      says: /not a safetensors file/,
    },
    'an empty file': { file: 'empty.safetensors', bytes: () => Buffer.alloc(0), says: /too short/ },
    "somebody else's weights": {
      file: 'foreign.safetensors',
      bytes: () => Buffer.concat(encodeSafetensors({ w: float32([1], [1]) }, { format: 'pt' })),
      says: /no model that is known here/,
    },
  };
  const table: [what: string, args: () => string[], says: RegExp][] = [
    ['an empty prompt', () => ['  '], /the prompt is empty/],
    ['a long prompt', () => ['x'.repeat(10_000)], /the prompt has 10000 characters: expected at most 2000/],
    ['size 0', () => ['x', '-W', '0'], /width 0: expected a whole number of pixels from 64 to 4096/],
    ['size 100000', () => ['x', '-H', '100000'], /height 100000: expected/],
    ['no size', () => ['x', '-W', 'wide'], /'-W, --width <pixels>' argument 'wide' is invalid. Expected a whole number/],
    ['a seed that is not whole', () => ['x', '--seed', '1.5'], /argument '1.5' is invalid. Expected a whole number/],
    ['a negative seed', () => ['x', '--seed', '-3'], /seed -3: expected a whole number from 0/],
    ['three steps', () => ['x', '--steps', '3'], /steps 3: choose one of 1, 2, 4/],
    ['an unknown aspect ratio', () => ['x', '--aspect', '7:5'], /unknown aspect ratio "7:5": choose one of 1:1/],
    ['an aspect ratio against the sides', () => ['x', '-W', '512', '-H', '512', '--aspect', '16:9'], /512x512 is not 16:9/],
    ['an unknown background', () => ['x', '--background', 'blue'], /unknown background "blue"/],
    ['no pictures', () => ['x', '-n', '0'], /count 0: expected/],
    ['guidance where there is none', () => ['x', '--guidance', '25e-1'], /has no guidance/],
    ['no guidance', () => ['x', '--guidance', 'much'], /argument 'much' is invalid. Expected a number/],
    ['an unknown style', () => ['x', '--style', 'oil'], /unknown style "oil": this model knows flat, bold flat/],
    ['an unknown runtime', () => ['x', '--runtime', 'tpu'], /unknown runtime "tpu": choose one of auto, cpu/],
    ['no threads', () => ['x', '--threads', '0'], /threads 0: expected/],
    ['an unknown preset', () => ['x', '--preset', 'giant', '--model='], /unknown preset "giant": choose one of tiny, pico/],
    ['a preset without weights', () => ['x', '--preset', 'xl', '--model='], /no weights for preset "xl": train them with .*--preset xl/],
    ['a preset and a model', () => ['x', '--preset', 'pico'], /'--model <file>' cannot be used with option '--preset <name>'/],
    ['a missing model', () => ['x', '--model', at('none.safetensors')], /no model file at .*none\.safetensors/],
    ['an unknown option', () => ['x', '--sede', '3'], /unknown option '--sede'/],
    ['two prompts', () => ['x', 'y'], /too many arguments/],
    ['no prompt', () => ['generate'], /missing required argument 'prompt'/],
    [
      'a place that cannot be written',
      () => ['x', '-o', '/proc/banana/x.png'],
      /cannot write \/proc\/banana\/x\.png: no file can be made in \/proc/,
    ],
    ['a name that is too long', () => ['x', '-o', at(`${'a'.repeat(252)}.png`)], /the name is too long for the file system/],
    [
      'an empty picture to start from',
      () => ['x', '--image', at('empty.png')],
      /empty\.png: cannot read the picture: the file is empty, 0 bytes/,
    ],
    ['a file as a folder', () => ['x', '-o', join(model, 'x.png')], /is not a folder/],
    ['a folder as a file', () => [`x`, '-o', `${folderNamedPng()}`], /it is a folder/],
    ['a picture to start from that is none', () => ['x', '--image', at('bad.png')], /bad\.png: cannot read the picture/],
    ['a picture to start from that is not there', () => ['x', '--image', at('none.png')], /cannot read .*none\.png: no such file/],
    ['a strength of nothing', () => ['x', '--strength', '0.5'], /a strength without a picture/],
    ['a subject that the prompt does not name', () => ['x', '--subject', `2=${at('some.png')}`], /the prompt does not say <2>/],
    ['a subject without a picture', () => ['<1>'], /the prompt says <1>, but no picture of it is given/],
    [
      'a subject without a slot',
      () => ['<1>', '--subject', at('some.png')],
      /'--subject <n=file>' argument .* Expected a slot and a file, such as 1=fox\.png/,
    ],
    ['a subject in another slot', () => ['<6>', '--subject', `6=${at('some.png')}`], /reference slot 6: expected 1 to 5/],
    ['a subject that cannot be read', () => ['<1>', '--subject', `1=${at('bad.png')}`], /bad\.png: cannot read the picture/],
    ['a quality of nothing', () => ['x', '--quality', '0'], /quality 0: expected 1 to 100/],
    ['another format', () => ['x', '-o', at('x.gif')], /the name must end in \.png, \.jpg, \.jpeg, \.webp or \.svg/],
    ['inspect: no file', () => ['inspect', at('none.png')], /cannot read .*none\.png: no such file/],
    ['inspect: no picture', () => ['inspect', at('bad.png')], /not a PNG/],
    ['inspect: another kind', () => ['inspect', at('x.gif')], /expected a \.png, \.jpg, \.jpeg, \.webp, \.safetensors, \.onnx file/],
    ...Object.entries(broken).map(([what, { file, says }]): [string, () => string[], RegExp] => [
      what,
      () => ['x', '--model', at(file)],
      says,
    ]),
  ];
  beforeAll(async () => {
    for (const { file, bytes } of Object.values(broken)) writeFileSync(at(file), bytes());
    writeFileSync(at('some.png'), await encodeImage(image(8, 8, new Uint8Array(256).fill(255)), 'png'));
    writeFileSync(at('bad.png'), 'not a picture');
    writeFileSync(at('empty.png'), '');
  });
  function folderNamedPng(): string {
    mkdirSync(at('folder.png'), { recursive: true });
    return at('folder.png');
  }

  test.each(table)('%s', { timeout: SLOW }, async (_, args, says) => {
    const cwd = fresh();
    let given = args();
    if (given[0] !== 'inspect') {
      if (!given.includes('-o')) given = [...given, '-o', join(cwd, 'x.png')];
      if (given.includes('--model=')) given = given.filter((a) => a !== '--model=');
      else if (!given.includes('--model')) given = [...given, '--model', model];
    }
    const { code, out, err } = await here(...given);
    expect(err).toMatch(says);
    expect(err).toMatch(/^error: [^\n]+\n$/);
    expect({ code, out, files: readdirSync(cwd), part: readdirSync(folder).filter((name) => name.endsWith('.part')) }).toEqual({
      code: 2,
      out: '',
      files: [],
      part: [],
    });
  });
});

test('the package starts the built command', () => {
  const file = fileURLToPath(new URL('../package.json', import.meta.url));
  const { bin, scripts } = JSON.parse(readFileSync(file, 'utf8')) as { bin: Record<string, string>; scripts: Record<string, string> };
  expect(bin['banana']).toBe('dist/src/cli/main.js');
  expect(scripts).toMatchObject({ start: `node ${bin['banana']}`, prestart: 'npm run -s build' });
  expect(readFileSync(join(dirname(file), 'src/cli/main.ts'), 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
  expect(existsSync(join(dirname(file), 'models'))).toBe(true);
});
