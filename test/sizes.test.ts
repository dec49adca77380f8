// Nothing is large: of what git tracks, for history is for good, nothing but the weights; of the sources, no file and few functions.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseSync } from 'vite';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const MOST = 500_000;
/** The drawings' names, boxes and colours: read at run time by the recipes, made by scripts/data-tables.ts. */
const TABLES = ['src/data/tables/sprites.json'];

test.skipIf(!existsSync(join(root, '.git')))('no tracked file but weights and one table is larger than 500 kB: a sheet is WebP', () => {
  const files = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' })
    .split('\0')
    .filter((file) => file && existsSync(join(root, file)));
  expect(files.length).toBeGreaterThan(100);
  expect(
    files.filter((file) => !/^(models|peels)\//.test(file) && !TABLES.includes(file) && statSync(join(root, file)).size > MOST),
  ).toEqual([]);
});

const LINES = 400;
/** Lines of a declared function: half of them have at most so many, nine in ten at most so many. */
const HALF = 10;
const NINE_IN_TEN = 45;

const src = join(root, 'src');
const sources = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => ({ path, text: readFileSync(join(src, path), 'utf8') }));
const linesOf = (text: string) => text.trimEnd().split('\n').length;

test('no file of src has more than 400 lines: what has two subjects is two files', () => {
  expect(sources.length).toBeGreaterThan(100);
  expect(sources.filter(({ text }) => linesOf(text) > LINES).map(({ path, text }) => `${path}: ${linesOf(text)}`)).toEqual([]);
});

/** Every declared function in a tree of ESTree, nested ones too. */
function functionsIn(node: unknown): { start: number; end: number }[] {
  if (typeof node !== 'object' || node === null) return [];
  const below = Object.values(node).flatMap(functionsIn);
  const { type, body, start, end } = node as { type?: string; body?: unknown; start: number; end: number };
  return type === 'FunctionDeclaration' && body ? [{ start, end }, ...below] : below;
}

test('functions are short: half of them have at most 10 lines, nine in ten at most 45', () => {
  const lengths = sources
    .filter(({ path }) => !path.endsWith('.test.ts'))
    .flatMap(({ path, text }) => functionsIn(parseSync(path, text).program).map(({ start, end }) => linesOf(text.slice(start, end))));
  lengths.sort((a, b) => a - b);
  const at = (share: number) => lengths[Math.floor(share * lengths.length)]!;
  expect(lengths.length).toBeGreaterThan(500);
  expect(at(0.5), 'the median').toBeLessThanOrEqual(HALF);
  expect(at(0.9), 'nine in ten').toBeLessThanOrEqual(NINE_IN_TEN);
});
