// Docs that sources hold: the first program of docs/browser.md, as a reader's compiler sees it (checked against the sources, in the DOM),
// and the tables of docs/request.md.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { REQUEST_DOCS, requestDocs } from '../scripts/request-docs.ts';
import { workFolder } from './command.ts';

const { folder, remove } = workFolder();
afterAll(remove);
const at = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));

test("docs/browser.md's program has no wrong types", { timeout: 120_000 }, () => {
  const [, program] = /```ts\n(import [\s\S]*?)```/.exec(readFileSync(at('docs/browser.md'), 'utf8'))!;
  writeFileSync(join(folder, 'page.mts'), `declare const canvas: HTMLCanvasElement, input: HTMLInputElement;\n${program}`);
  const own = JSON.parse(readFileSync(at('tsconfig.json'), 'utf8')) as { compilerOptions: object };
  const compilerOptions = {
    ...own.compilerOptions, noEmit: true, composite: false, incremental: false, noUnusedLocals: false,
    types: ['node'], typeRoots: [at('node_modules/@types')], rootDir: '/', paths: { 'banana-sdk/web': [at('src/web/index.ts')] },
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['page.mts'] }));
  let said = '';
  try {
    execFileSync(process.execPath, [at('node_modules/typescript/bin/tsc'), '-p', folder], { encoding: 'utf8' });
  } catch (error) {
    said = (error as { stdout: string }).stdout;
  }
  expect(said).toBe('');
});

test('docs/request.md is what npm run docs writes', () => {
  expect(readFileSync(REQUEST_DOCS, 'utf8')).toBe(requestDocs());
});
