// `banana live` with an untrained tiny model: lines through a pipe, and a terminal that is a stream.
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { liveCommand, type Console } from '../src/cli/live.ts';
import { readRecipe } from '../src/draw/recipe.ts';
import { BANANA, tinyModel, workFolder } from './command.ts';

const { folder, remove } = workFolder();
let model: string;
beforeAll(async () => void (model = await tinyModel(folder)));
afterAll(remove);
const SLOW = 120_000; // ms: processes on a machine that trains beside
const SMALL = ['-W', '64', '-H', '64', '--steps', '1', '--seed', '5', '--threads', '1'];

test('lines of standard input: the latest is drawn and settles, one line a frame', { timeout: SLOW }, async () => {
  const cwd = join(folder, 'lines');
  mkdirSync(cwd);
  const [node, ...rest] = BANANA as [string, ...string[]];
  const child = spawn(node, [...rest, 'live', '--model', model, ...SMALL, '-o', 'last.webp'], { cwd, stdio: ['pipe', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  child.stdin.end(`a fox\na "red" fox\n${'x'.repeat(3000)}\n`);
  const code = await new Promise((resolve) => child.on('close', resolve));
  expect({ code, err }).toEqual({ code: 0, err: 'error: the prompt has 3000 characters: expected at most 2000\n' });
  expect(out).toMatch(/^preview  64x64  [\d.]+ s  "a \\"red\\" fox"\nsettled  64x64  [\d.]+ s  "a \\"red\\" fox"  last\.webp\n$/);
  expect(readRecipe(readFileSync(join(cwd, 'last.webp')))).toMatchObject({ prompt: 'a "red" fox', seed: 5 });
});

test('a terminal: typing draws, Enter saves the settled picture, Ctrl-C ends and gives the terminal back', { timeout: SLOW }, async () => {
  const cwd = join(folder, 'terminal');
  mkdirSync(cwd);
  const raw: boolean[] = [];
  const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: (on: boolean) => raw.push(on) });
  const device: Console = { input, size: () => ({ columns: 160, rows: 12 }), env: { TERM: 'xterm' } };
  let out = '';
  const io = { out: (text: string) => void (out += text), err: (text: string) => void (out += text), terminal: true };
  const seen = async (what: RegExp) => {
    for (const end = Date.now() + SLOW / 3; !what.test(out); await new Promise((resolve) => setTimeout(resolve, 10)))
      if (Date.now() > end) throw new Error(`no ${what} in ${JSON.stringify(out.slice(-500))}`);
  };
  const path = join(cwd, 'a.png');
  const ended = liveCommand(io, device).parseAsync(['--model', model, ...SMALL, '-o', path], { from: 'user' });
  await seen(/type a prompt/);
  input.write('a fix\x7f\x7fox');
  await seen(/> a fox/);
  input.write('\r');
  await seen(/saved .*a\.png/);
  input.write('\r');
  await seen(/saved .*a-2\.png/);
  input.write('\x03');
  await ended;
  expect(raw).toEqual([true, false]);
  expect(out.startsWith('\x1b[?1049h')).toBe(true);
  expect(out.endsWith('\x1b[?1049l')).toBe(true);
  expect(out).toMatch(/\x1b\[H(\x1b\[[34]8;2;\d+;\d+;\d+m)+▀/);
  expect(out).toMatch(/\d frames\/s/);
  expect(readdirSync(cwd).sort()).toEqual(['a-2.png', 'a.png']);
  expect(readRecipe(readFileSync(path))).toMatchObject({ prompt: 'a fox' });
});

test('what cannot be done is told before anything is loaded', async () => {
  const io = { out: () => {}, err: () => {}, terminal: false };
  const live = (...args: string[]) =>
    liveCommand(io)
      .exitOverride()
      .configureOutput({ writeErr: () => {} })
      .parseAsync(['--model', model, ...args], { from: 'user' });
  for (const [args, says] of [
    [['--steps', '3'], 'steps 3: choose one of'],
    [['--fps', '-1'], 'fps -1: expected'],
    [['--pixels', '5000'], 'pixels 5000: expected'],
    [['--image', join(folder, 'none.png')], 'cannot read'],
    [['--strength', '0.5'], 'a strength without a picture'],
    [['-o', 'x.gif'], 'the name must end in'],
    [['--graphics', 'sixel'], 'Allowed choices are kitty, iterm, blocks'],
  ] as const)
    await expect(live(...args), args.join(' ')).rejects.toThrow(says);
});
