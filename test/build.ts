// What the tests start as processes, built once for all of them (vitest's globalSetup): such a process is ready in a fifth of the time that
// one takes which translates its own sources. The sources as they are now: not dist/, which may be older.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { TestProject } from 'vitest/node';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** Inside the repository: what is not its own is imported from node_modules. A run has its own, so that two can be at work. */
const FOLDER = (process.env['BANANA_TEST_BUILD'] ??= join(ROOT, '.cache', `test-${process.pid}`));
const PROGRAMS = [
  'src/cli/main.ts',
  'src/node/engine.ts',
  'src/web/worker.ts',
  'test/batch.fixture.ts',
  'test/engine.fixture.ts',
  'test/fixtures/families/gradient/engine.ts',
  'test/fixtures/families/gradient/worker.ts',
] as const;

/** Where one of the programs is, built. */
export const built = (program: (typeof PROGRAMS)[number]): URL => pathToFileURL(join(FOLDER, program.replace(/\.ts$/, '.js')));

async function make(): Promise<void> {
  const { build } = await import('esbuild'); // not for each file that only asks where a program is
  await build({
    absWorkingDir: ROOT,
    entryPoints: [...PROGRAMS],
    outbase: '.',
    outdir: FOLDER,
    bundle: true,
    splitting: true,
    chunkNames: 'src/node/[name]-[hash]', // beside engine.js, which one of them starts
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
  });
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  await make();
  project.onTestsRerun(make);
  return () => rm(FOLDER, { recursive: true, force: true });
}
