// Batches under stress, with the built command and an untrained tiny model: `npm run bench:batch`, after `npm run build`. First a batch
// that is killed 200 times at moments by chance and then let end: every picture once, whole, of the seed that was promised for it.
// Then one of 2,000 rows: the memory of the command and of its engine, in ten parts of the run.
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { killAgain } from '../test/batch-kills.ts';
import { tinyModel, workFolder } from '../test/command.ts';
import { random } from '../src/util/random.ts';

const { values } = parseArgs({
  options: { kills: { type: 'string', default: '200' }, rows: { type: 'string', default: '2000' }, seed: { type: 'string', default: '0' } },
});
const [kills, rows, seed] = [Number(values.kills), Number(values.rows), Number(values.seed)];
const MAIN = fileURLToPath(new URL('../dist/src/cli/main.js', import.meta.url));

const { folder, remove } = workFolder();
const model = await tinyModel(folder);
const commandFor = (file: string, out: string) => [
  process.execPath,
  MAIN,
  'batch',
  file,
  '--out',
  out,
  '--model',
  model,
  '--runtime',
  'cpu',
  '--threads',
  '1',
  '-W',
  '64',
  '-H',
  '64',
  '--steps',
  '1',
  '--no-sheet',
];

/** Killed again and again; a fifth of the rows are sets of three. */
async function killed(): Promise<object> {
  const count = kills * 6;
  const lines = Array.from({ length: count }, (_, i) => JSON.stringify({ prompt: `thing ${i}`, ...(i % 5 === 4 && { count: 3 }) }));
  const file = join(folder, 'killed.jsonl');
  writeFileSync(file, lines.join('\n'));
  const name = (row: number) => String(row).padStart(5, '0');
  const expected = lines.flatMap((line, i) =>
    line.includes('count') ? [1, 2, 3].map((n) => `${name(i + 1)}-${n}.png`) : [`${name(i + 1)}.png`],
  );
  const out = join(folder, 'killed');
  const { pictures, ...result } = await killAgain(
    { command: commandFor(file, out), folder: out, runs: kills, lines: 4, within: 120, random: random(seed) },
    expected,
  );
  return { runs: kills, ...result, expected: expected.length, pictures: pictures.at(-1) };
}

/** Resident megabytes of a process and of its children. */
function megabytes(pid: number): [own: number, theirs: number] {
  const of = (id: number) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${id}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(/\s+/).filter(Boolean).map(Number);
  return [of(pid), children.reduce((sum, id) => sum + of(id), 0)];
}

/** The most memory in each tenth of a long batch. */
async function long(): Promise<object> {
  const file = join(folder, 'long.csv');
  writeFileSync(file, `prompt,seed\n${Array.from({ length: rows }, (_, i) => `thing ${i},${i}`).join('\n')}\n`);
  mkdirSync(join(folder, 'long'));
  const [command, ...args] = commandFor(file, join(folder, 'long'));
  const from = performance.now();
  const child = spawn(command!, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const most = { command: Array<number>(10).fill(0), engine: Array<number>(10).fill(0) };
  let [drawn, code] = [0, null as number | null];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (drawn += text.split('.png ').length - 1));
  const timer = setInterval(() => {
    const part = Math.min(9, Math.floor((10 * drawn) / rows));
    try {
      const [own, theirs] = megabytes(child.pid!);
      most.command[part] = Math.max(most.command[part]!, Math.round(own));
      most.engine[part] = Math.max(most.engine[part]!, Math.round(theirs));
    } catch {
      // a process that ends has none
    }
  }, 100);
  await new Promise<void>((resolve) => child.on('close', (ended) => ((code = ended), resolve())));
  clearInterval(timer);
  return { rows, drawn, code, seconds: Math.round((performance.now() - from) / 1000), mostMegabytes: most };
}

try {
  if (kills > 0) console.log(JSON.stringify(await killed()));
  if (rows > 0) console.log(JSON.stringify(await long()));
} finally {
  rmSync(join(folder, 'long'), { recursive: true, force: true });
  remove();
}
