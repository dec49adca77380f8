// A batch that is killed again and again and gone on with: what must hold after each kill and at the end. Shared by the test (no model,
// 20 kills) and the bench (the command with a model, 200).
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeImage } from '../src/disk/codec.ts';
import { readRecipe } from '../src/draw/recipe.ts';
import { JOURNAL } from '../src/jobs/book.ts';
import type { Random } from '../src/util/random.ts';

export interface Kills {
  /** Starts the batch over `folder`. */
  readonly command: readonly string[];
  readonly folder: string;
  readonly runs: number;
  /** A run is killed after lines of output by chance, fewer than so many, and then milliseconds by chance, fewer than `within`. */
  readonly lines: number;
  readonly within: number;
  readonly random: Random;
}

export interface Killed {
  /** Runs that were killed before they ended. */
  readonly killed: number;
  /** Runs that were killed while a file was half written. */
  readonly torn: number;
  /** Pictures that were there after each run. */
  readonly pictures: readonly number[];
  /** What does not hold: nothing. */
  readonly faults: readonly string[];
}

/** Kills `runs` runs at moments by chance, then lets one end. `expected`: names of the pictures that must be there then. */
export async function killAgain({ command, folder, runs, lines, within, random }: Kills, expected: readonly string[]): Promise<Killed> {
  const seen = new Map<string, string>();
  const faults: string[] = [];
  const pictures: number[] = [];
  let [killed, torn] = [0, 0];
  for (let run = 0; run < runs; run++) {
    if ((await killedRun(command, random.integer(lines), random.uniform() * within)) === null) killed++;
    if (partsIn(folder) > 0) torn++;
    faults.push(...(await look(folder, seen)));
    pictures.push(seen.size);
  }
  const code = await killedRun(command, Infinity, 0);
  if (code !== 0) faults.push(`the last run ended with ${code}`);
  faults.push(...(await look(folder, seen)), ...lookAtTheEnd(folder, expected));
  return { killed, torn, pictures: [...pictures, seen.size], faults };
}

/** Runs a command as a group of its own and kills that `ms` after so many lines of its output; its exit code, or null. */
async function killedRun([file, ...args]: readonly string[], lines: number, ms: number): Promise<number | null> {
  const child = spawn(file!, args, { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  let said = 0;
  const spoke = new Promise<void>((resolve) => {
    if (lines === 0) child.on('spawn', resolve);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text.split('\n').length - 1;
      if (said >= lines) resolve();
    });
  });
  await Promise.race([spoke.then(() => sleep(ms)), ended]);
  try {
    process.kill(-child.pid!, 'SIGKILL');
  } catch {
    // it ended before
  }
  return ended;
}

const partsIn = (folder: string) => (existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.part')).length : 0);
const picturesIn = (folder: string) => (existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.png')) : []);

/** Pictures are whole, and those that were there before are the very same files. */
async function look(folder: string, seen: Map<string, string>): Promise<string[]> {
  const faults: string[] = [];
  const there = picturesIn(folder);
  for (const name of there) {
    const { ino, mtimeMs, size } = statSync(join(folder, name));
    const stamp = `${ino} ${mtimeMs} ${size}`;
    if (seen.has(name) && seen.get(name) !== stamp) faults.push(`${name} was drawn twice`);
    if (!seen.has(name))
      await decodeImage(readFileSync(join(folder, name))).catch((error: Error) => faults.push(`${name} is not whole: ${error.message}`));
    seen.set(name, stamp);
  }
  for (const name of seen.keys()) if (!there.includes(name)) faults.push(`${name} was lost`);
  return faults;
}

/** Every picture once, of the seed that was promised for its row before it was drawn; nothing half written, nothing begun and not done. */
function lookAtTheEnd(folder: string, expected: readonly string[]): string[] {
  const faults: string[] = [];
  const there = picturesIn(folder).sort();
  if (there.join() !== [...expected].sort().join()) faults.push(`${there.length} pictures, expected ${expected.length}`);
  if (partsIn(folder) > 0) faults.push('something half written is left');
  const entries = readFileSync(join(folder, JOURNAL), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; name: string; seed: number });
  const begun = new Map(entries.filter(({ type }) => type === 'begin').map((entry) => [entry.name, entry.seed]));
  const done = entries.filter(({ type }) => type === 'done').map(({ name }) => name);
  if (done.length !== new Set(done).size) faults.push('a row was done twice');
  for (const name of begun.keys()) if (!done.includes(name)) faults.push(`${name} was begun and is not done`);
  for (const { type, name, seed } of entries) if (type === 'begin' && begun.get(name) !== seed) faults.push(`${name} was given two seeds`);
  for (const name of there) {
    const [, row, index = '1'] = /^(\d+)(?:-(\d+))?\.png$/.exec(name)!;
    const seed = begun.get(`${row}.png`)! + Number(index) - 1;
    if (readRecipe(readFileSync(join(folder, name)))?.seed !== seed) faults.push(`${name} has another seed than the journal says`);
  }
  return faults;
}
