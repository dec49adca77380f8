// `banana pull org/name`: a model from the hub into the cache that Python's tools use too. The only command that opens a connection;
// what does so is loaded here, not with the program.
import { createInterface } from 'node:readline/promises';
import { Command } from 'commander';
import { findSnapshot } from '../hub/cache.ts';
import { licenceText } from '../hub/licence.ts';
import { checkedName } from '../hub/name.ts';
import { placeOf } from '../hub/place.ts';
import type { Plan, PullEvent } from '../hub/pull.ts';
import { InputError } from '../util/errors.ts';
import { progressLine, type Io } from './io.ts';
import { stoppable } from './shared.ts';
import { bytes, several } from './text.ts';

interface Flags {
  include?: string[];
  yes?: boolean;
  json?: boolean;
}

const ABOUT = `
A model that Python has downloaded already is used where it lies. Environment: HF_HOME, HF_HUB_CACHE, HF_TOKEN, HF_ENDPOINT, HF_HUB_OFFLINE.

Examples:
  banana pull IDKiro/sdxs-512-dreamshaper
  banana pull amd/Nitro-E --include Nitro-E-512px-dist.safetensors
  banana "a red fox" --model org/name
`;

export function pullCommand(io: Io): Command {
  return new Command('pull')
    .description('download a model from the hub, only the files that are needed')
    .argument('<model>', 'org/name, or org/name@revision')
    .option('--include <pattern...>', 'files to take instead of those that are needed: * is anything')
    .option('--yes', 'agree to its licence, where that needs somebody to')
    .option('--json', 'print one JSON object on standard output')
    .addHelpText('after', ABOUT)
    .action((model: string, flags: Flags) => stoppable(io, (signal) => get(model, flags, io, signal)));
}

async function get(model: string, flags: Flags, io: Io, signal: AbortSignal): Promise<void> {
  const place = placeOf();
  const name = checkedName(model);
  const found = place.offline ? findSnapshot(name, place) : undefined;
  if (found) return told(io, flags, { ...found, checked: false });
  const { planPull, pull } = await import('../hub/pull.ts');
  const plan = await planPull(model, { place, signal, ...(flags.include && { include: flags.include }) });
  io.err(summary(plan));
  if (plan.consent && !flags.yes) await agreed(plan, io, signal);
  const received = await shown(pull(plan, { place, signal }), plan, io);
  const {
    id,
    revision,
    path,
    files,
    bytes: size,
    repository: { commit, licence },
  } = plan;
  told(io, flags, { id, revision, commit, path, files: files.length, bytes: size, received, licence, checked: true });
}

function told(io: Io, { json }: Flags, result: { path: string } & Record<string, unknown>): void {
  io.out(`${json ? JSON.stringify(result) : result.path}\n`);
}

/** What will be done: the licence first. */
function summary({ id, revision, repository: { id: now, commit, licence }, files, bytes: size, missingBytes }: Plan): string {
  const here = size - missingBytes;
  const work =
    missingBytes === 0 ? 'all here already' : `${bytes(missingBytes)} to download${here > 0 ? `, ${bytes(here)} here already` : ''}`;
  return [
    `${id}@${revision}  ${commit.slice(0, 7)}${now === id ? '' : `  (it is called ${now.replace(/\p{C}/gu, '?')} now)`}`,
    `licence: ${licenceText(licence)}`,
    `${several(files.length, 'file')}, ${bytes(size)}: ${work}\n`,
  ].join('\n');
}

/** Throws InputError unless the person at the terminal agrees. */
async function agreed({ id, repository: { licence, gated } }: Plan, io: Io, signal: AbortSignal): Promise<void> {
  const how = gated ? 'given to those who agree to its terms' : 'under a licence that does not allow everything';
  const why = `${id} is ${how}: ${licenceText(licence)}`;
  const refused = new InputError('hub.consent', `${why}; --yes says that you have read and accept it`);
  if (!io.terminal || !process.stdin.isTTY) throw refused;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    if (!/^y(es)?$/i.test((await terminal.question(`${why}\nHave you read it, and do you accept it? [y/N] `, { signal })).trim()))
      throw refused;
  } finally {
    terminal.close();
  }
}

/** Shows a download; the bytes that came. What was stopped says that it can go on. */
async function shown(events: AsyncIterable<PullEvent>, plan: Plan, io: Io): Promise<number> {
  const line = progressLine(io);
  const show = io.terminal ? inPlace(line.show) : byFile(plan, io);
  let received = 0;
  try {
    for await (const event of events)
      if (event.type === 'waiting') io.err(`${event.holder} is pulling this model: waiting for it; otherwise remove ${event.place}\n`);
      else ({ received } = show(event));
  } catch (error) {
    line.clear();
    if (received > 0) io.err('what has come is kept: the same command goes on from there\n');
    throw error;
  }
  line.clear();
  return received;
}

type Progress = Extract<PullEvent, { type: 'progress' }>;
const EVERY = 100; // ms between two states of the line

/** On a terminal: one line that changes. */
function inPlace(show: (text: string) => void) {
  const began = performance.now();
  let last = -Infinity;
  return (event: Progress): Progress => {
    const now = performance.now();
    if (now - last > EVERY) show(progress(event, ((last = now) - began) / 1000));
    return event;
  };
}

/** Elsewhere: a line when a file is begun. */
function byFile({ files }: Plan, io: Io) {
  let begun = '';
  return (event: Progress): Progress => {
    if (event.path !== begun) io.err(`${event.path}  ${bytes(files.find(({ path }) => path === event.path)!.size)}\n`);
    begun = event.path;
    return event;
  };
}

/** "unet/model.safetensors  1.20 of 1.90 GB  63 %  45.0 MB/s  16 s left" */
export function progress({ path, done, total, received }: Progress, seconds: number): string {
  const rate = received / Math.max(seconds, 1e-3);
  const left = received > 0 && seconds > 1 ? `  ${bytes(Math.round(rate))}/s  ${duration((total - done) / rate)} left` : '';
  return `${path}  ${bytes(done)} of ${bytes(total)}  ${Math.floor((100 * done) / Math.max(total, 1))} %${left}`;
}

/** 95 as "1 min 35 s". */
function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours > 0 ? `${hours} h ${minutes} min` : minutes > 0 ? `${minutes} min ${whole % 60} s` : `${whole} s`;
}
