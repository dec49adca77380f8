// Is what would be published whole? Packs from a clean build, reads the tarball with publint and Are the Types Wrong, installs it
// in an empty project as a stranger would, loads every entry and draws a picture there. `npm run pack-check`; needs the npm registry.
// What must and must not be in the tarball is test/pack.test.ts.
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';

const root = join(import.meta.dirname, '..');
/** MiB on disk of a project that holds banana-sdk alone; npm 10 brings sharp's library for musl along, npm 11 does not. */
const LARGEST = 330;
/** The package is ESM: what cannot import that is left out, as attw's profile "esm-only" does. */
const RESOLUTIONS = ['node16-esm', 'bundler'];

/** What the entry for workers finds in a worker. */
const SCOPE = 'Object.assign(globalThis, { addEventListener() {}, postMessage() {} })';

/** The surroundings of a stranger: without this repository's npm settings, which a script run by npm gets as variables. */
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_|onnxruntime_node)/i.test(name)));

interface Manifest {
  readonly name: string;
  readonly exports: Readonly<Record<string, unknown>>;
}

function pack(folder: string): string {
  execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: root, env, stdio: ['ignore', 'ignore', 'inherit'] });
  return join(folder, readdirSync(folder).find((name) => name.endsWith('.tgz'))!);
}

async function lint(tarball: Buffer, manifest: Manifest): Promise<string[]> {
  const { messages } = await publint({ pack: { tarball: Uint8Array.from(tarball).buffer }, strict: true });
  return messages.map((message) => `publint: ${formatMessage(message, manifest, { color: false })}`);
}

async function types(tarball: Buffer): Promise<string[]> {
  const result = await checkPackage(createPackageFromTarballData(tarball));
  if (!result.types) return ['attw: no types'];
  const problems = result.problems.filter((problem) => !('resolutionKind' in problem) || RESOLUTIONS.includes(problem.resolutionKind));
  return problems.map((problem) => `attw: ${JSON.stringify(problem)}`);
}

/** What a stranger would see who installs the tarball, loads every entry and draws. */
function install(folder: string, tarball: string, { name, exports }: Manifest): string[] {
  const run = (command: string, ...args: string[]) => {
    const { status, stderr } = spawnSync(command, args, { cwd: folder, env, encoding: 'utf8' });
    return status === 0 ? [] : [`${command} ${args.join(' ')}: ${stderr.trim()}`];
  };
  writeFileSync(join(folder, 'package.json'), '{ "private": true }');
  const failed = run('npm', 'install', '--no-audit', '--no-fund', tarball);
  if (failed.length) return failed;
  const entries = Object.keys(exports)
    .map((entry) => name + entry.slice(1))
    .filter((entry) => !entry.endsWith('.json'));
  return [
    ...entries.flatMap((entry) => run(process.execPath, '--input-type=module', '-e', `${SCOPE}; await import('${entry}')`)),
    ...run(process.execPath, '-e', `require('${name}/package.json')`),
    ...run(join(folder, 'node_modules', '.bin', 'banana'), 'a red fox', '--runtime', 'cpu', '-o', 'fox.png'),
    ...(existsSync(join(folder, 'fox.png')) ? [] : ['the command drew nothing']),
    ...(existsSync(join(folder, 'node_modules', 'onnxruntime-web')) ? ['onnxruntime-web was installed: Node does not need it'] : []),
  ];
}

/** Bytes on disk under `folder`, in whole blocks. */
function size(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.reduce((sum, { parentPath, name }) => sum + 512 * statSync(join(parentPath, name)).blocks, 0);
}

const folder = mkdtempSync(join(tmpdir(), 'banana-pack-'));
try {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;
  const path = pack(folder);
  const tarball = readFileSync(path);
  const faults = [...(await lint(tarball, manifest)), ...(await types(tarball)), ...install(folder, path, manifest)];
  const mib = size(join(folder, 'node_modules')) / 2 ** 20;
  if (mib > LARGEST) faults.push(`an install takes ${mib.toFixed(0)} MiB: ${LARGEST} at most (LARGEST in scripts/pack-check.ts)`);
  for (const fault of faults) console.error(fault);
  console.log(`package: ${(tarball.length / 1e6).toFixed(1)} MB packed, ${mib.toFixed(0)} MiB installed, ${faults.length} faults`);
  process.exitCode = faults.length ? 1 : 0;
} finally {
  rmSync(folder, { recursive: true });
}
