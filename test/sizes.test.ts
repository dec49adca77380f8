// History is for good: nothing that git tracks is large but the weights.
import { execFileSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const MOST = 500_000;
/** The drawings' names, boxes and colours: read at run time by the recipes, made by scripts/data-tables.ts. */
const TABLES = ['src/data/tables/sprites.json'];

test.skipIf(!existsSync(join(root, '.git')))('no tracked file but weights and one table is larger than 500 kB: a sheet is WebP', () => {
  const files = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' }).split('\0').filter((file) => file && existsSync(join(root, file)));
  expect(files.length).toBeGreaterThan(100);
  expect(files.filter((file) => !/^(models|peels)\//.test(file) && !TABLES.includes(file) && statSync(join(root, file)).size > MOST)).toEqual([]);
});
