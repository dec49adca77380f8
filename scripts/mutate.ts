// Do the tests notice when the product draws something else? Breaks one line of the sources at a time, in a copy, and runs the
// golden test and the tests that stand nearest to it: each mutation must fail one. The first nine are those that no test noticed
// before test/golden.test.ts was there. Minutes, so not part of npm test.
//   npm run mutate [-- rope gate]     all, or those whose name has one of the words
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packagePath } from '../src/disk/package.ts';

interface Mutation {
  readonly name: string;
  /** Below src/. */
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly from: string;
  readonly to: string;
}

const BLOCKS = 'models/layers/blocks.ts';

const MUTATIONS: readonly Mutation[] = [
  { name: 'random: another mixing constant', file: 'util/random.ts', from: '0x735a2d97', to: '0x735a2d99' },
  { name: 'attention gate without + 1', file: BLOCKS, from: 'mul(a, add(gateA!, 1))', to: 'mul(a, gateA!)' },
  { name: 'rope base 50', file: 'nn/rope.ts', from: 'base = 100', to: 'base = 50' },
  { name: 'time frequencies up to 100', file: BLOCKS, from: '1000 ** (i / 63)', to: '100 ** (i / 63)' },
  { name: 'linear estimate: another path', file: 'models/layers/transformer.ts', from: 'sub(t, mul(l, rest))', to: 'sub(t, l)' },
  { name: 'pixels half a cell off', file: 'models/layers/levels.ts', from: '* finer - 0.5', to: '* finer' },
  { name: 'schedule t ** 1.5', file: 'sampling/schedule.ts', from: 'const t = 1 - i / steps', to: 'const t = (1 - i / steps) ** 1.5' },
  { name: 'consistency: wrong re-noising', file: 'sampling/path.ts', from: '(1 - t) * x + t * n', to: 'x + t * n' },
  { name: 'guidance of twice the scale', file: 'sampling/guidance.ts', from: '+ scale * (', to: '+ 2 * scale * (' },
  { name: 'MLP gate without + 1', file: BLOCKS, from: 'mul(m, add(gateM!, 1))', to: 'mul(m, gateM!)' },
  { name: 'euler: half a step', file: 'sampling/path.ts', from: 'a + (next - t) * v', to: 'a + 0.5 * (next - t) * v' },
];

/** What the tests need beside the sources; data and art are not copied. */
const COPIED = ['src', 'kernels', 'test', 'scripts', 'models', 'peels', 'package.json', 'tsconfig.json', 'vitest.config.ts'];

/** The package in a folder of its own, with this one's dependencies. */
async function copyOfPackage(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'banana-mutate-'));
  for (const name of COPIED.filter((one) => existsSync(packagePath(one))))
    await cp(packagePath(name), join(folder, name), { recursive: true, preserveTimestamps: true });
  await symlink(packagePath('node_modules'), join(folder, 'node_modules'));
  return folder;
}

interface Outcome {
  /** Names of the tests that failed. */
  readonly failed: readonly string[];
  readonly ran: number;
}

interface Assertion {
  readonly status: string;
  readonly fullName: string;
}

/** What of vitest's JSON is read here. */
interface Report {
  readonly numTotalTests: number;
  readonly testResults: readonly { readonly message: string; readonly assertionResults: readonly Assertion[] }[];
}

/** Runs tests in a folder; whatever their outcome, what was printed. */
function vitest(folder: string, args: readonly string[]): Promise<string> {
  const all = [join(folder, 'node_modules/vitest/vitest.mjs'), 'run', ...args];
  const options = { cwd: folder, maxBuffer: 2 ** 26 };
  return new Promise((resolve) => execFile(process.execPath, all, options, (_, out, err) => resolve(out + err)));
}

/** Runs the golden test and those beside `file`. Throws when the tests could not run at all. */
async function outcomeOf(folder: string, file?: string): Promise<Outcome> {
  const nearest = file ? [`src/${file.slice(0, file.lastIndexOf('/'))}/`] : [];
  const output = join(folder, 'report.json');
  await rm(output, { force: true });
  const said = await vitest(folder, ['test/golden.test.ts', ...nearest, '--reporter=json', `--outputFile=${output}`]);
  const text = await readFile(output, 'utf8').catch(() => {
    throw new Error(`the tests did not run:\n${said}`);
  });
  const report = JSON.parse(text) as Report;
  const broken = report.testResults.find(({ assertionResults }) => assertionResults.length === 0);
  if (broken) throw new Error(`a test file did not load: ${broken.message}`);
  const failed = report.testResults.flatMap((r) => r.assertionResults).filter(({ status }) => status === 'failed');
  return { failed: failed.map(({ fullName }) => fullName.trim()), ran: report.numTotalTests };
}

/** Applies a mutation, runs the tests, takes it back. */
async function survives(folder: string, { name, file, from, to }: Mutation): Promise<boolean> {
  const path = join(folder, 'src', file);
  const text = await readFile(path, 'utf8');
  const times = text.split(from).length - 1;
  if (times !== 1) throw new Error(`${name}: "${from}" stands ${times} times in src/${file}, expected once: mend this table`);
  await writeFile(
    path,
    text.replace(from, () => to),
  );
  const { failed, ran } = await outcomeOf(folder, file).finally(() => writeFile(path, text));
  const verdict = failed.length ? 'killed  ' : 'SURVIVED';
  console.log([`${verdict}  ${name} (${failed.length} of ${ran} tests)`, ...failed].join('\n            '));
  return failed.length === 0;
}

const words = process.argv.slice(2);
const chosen = MUTATIONS.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));
const folder = await copyOfPackage();
try {
  const { failed } = await outcomeOf(folder);
  if (failed.length) throw new Error(`the golden test fails before any mutation: ${failed.join(', ')}`);
  let survivors = 0;
  for (const mutation of chosen) if (await survives(folder, mutation)) survivors++;
  console.log(`${chosen.length - survivors} of ${chosen.length} mutations killed`);
  process.exitCode = survivors ? 1 : 0;
} finally {
  await rm(folder, { recursive: true });
}
