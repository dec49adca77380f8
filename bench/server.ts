// The server under many clients at once, and for long: `tsx bench/server.ts [--json FILE] [--clients 200] [--requests 1500] [--model FILE]`.
// Clients that all ask at the same moment: is each answered once, with its own picture, in the order asked, and after how long? Then a client
// that leaves: how long is the engine still at its picture? Then requests eight at a time: by how much do the server and its engine grow in
// a thousand? They are processes of their own, with the shipped model. What they hold is weighed after a collection, every 25 requests; a
// line through the last two thirds of that says what a process gains, and how sure that is. Two weighings alone differ by more than it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readRecipe } from '../src/draw/recipe.ts';
import { writeFileWhole } from '../src/disk/files.ts';
import { describeMachine } from './machine.ts';
import { lineThrough, summarize } from './timing.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    clients: { type: 'string', default: '200' },
    requests: { type: 'string', default: '1500' },
    model: { type: 'string' },
  },
});
const [clients, requests] = [Number(values.clients), Number(values.requests)];
const AT_ONCE = 8;
/** Requests between two weighings. */
const BETWEEN = 25;
const SIZE = '128x128';

const folder = mkdtempSync(join(tmpdir(), 'banana-server-'));
const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));
const args = ['--import', 'tsx', main, 'serve', '--json', '--port', '0', '--jobs', folder, '--queue', String(clients), '--log', 'silent'];
if (values.model) args.push('--model', values.model);
/** On a signal a process collects what nobody holds and says what is left: what waits to be collected comes and goes. */
const HELD = `
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc');
process.on('SIGUSR2', () => {
  gc();
  setTimeout(() => {
    gc(); // what the first one let go of outside the heap
    const { heapUsed, external, rss } = process.memoryUsage();
    process.stderr.write('held ' + process.pid + ' ' + (heapUsed + external) + ' ' + rss + '\\n');
  }, 500);
});`;
const child = spawn(process.execPath, args, {
  stdio: ['ignore', 'pipe', 'pipe'],
  env: { ...process.env, NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(HELD)}` }, // its engine's too
});
const said = createInterface(child.stderr).on('line', (text) => void (text.startsWith('held ') || console.error(text)));
const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
const { url } = JSON.parse(line) as { url: string };

/** The most bytes of memory that a process has had (Linux). */
const peakOf = (pid: number) => 1024 * Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);

/** Bytes that a process holds after a collection: of its heap and beside it, and of all its memory. */
async function heldBy(pid: number): Promise<{ heap: number; rss: number }> {
  process.kill(pid, 'SIGUSR2');
  for (;;) {
    const [text] = (await once(said, 'line')) as [string];
    const [, of, heap, rss] = /^held (\d+) (\d+) (\d+)$/.exec(text) ?? [];
    if (Number(of) === pid) return { heap: Number(heap), rss: Number(rss) };
  }
}

/** Seconds until the answer; throws unless it is the picture that was asked for. */
async function draw(seed: number): Promise<number> {
  const from = performance.now();
  const body = JSON.stringify({ prompt: 'a red fox', size: SIZE, quality: 'low', seed });
  const response = await fetch(`${url}/v1/images/generations`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  const { data } = (await response.json()) as { data: { b64_json: string }[] };
  const found = readRecipe(new Uint8Array(Buffer.from(data[0]!.b64_json, 'base64')))!.seed;
  if (data.length !== 1 || found !== seed)
    throw new Error(`asked for seed ${seed}, answered ${data.length} pictures, the first of seed ${found}`);
  return (performance.now() - from) / 1000;
}

const order: number[] = [];
const together = await Promise.all(
  Array.from({ length: clients }, async (_, seed) => {
    const seconds = await draw(seed);
    order.push(seed);
    return seconds;
  }),
);
const { median, p95 } = summarize(together);
const displaced = Math.max(...order.map((seed, place) => Math.abs(seed - place)));
const peakRssBytes = peakOf(child.pid!);

/** A client that leaves in the middle of a large picture: seconds until another one has a small picture, and those of the large one. */
async function measureLeaving(): Promise<{ steps: number; pictureSeconds: number; nextSeconds: number }> {
  const busy = async () => /^banana_requests_running 1$/m.test(await (await fetch(`${url}/metrics`)).text());
  const ask = (signal?: AbortSignal) =>
    fetch(`${url}/v1/images/generations`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ prompt: 'a red fox', size: '2048x2048', quality: 'high' }),
      ...(signal && { signal }),
    });
  const from = performance.now();
  await (await ask()).arrayBuffer();
  const pictureSeconds = (performance.now() - from) / 1000;
  const client = new AbortController();
  const left = ask(client.signal).catch(() => undefined);
  await sleep(pictureSeconds * 300); // milliseconds: well begun
  if (!(await busy())) throw new Error('nothing is drawn that could be left');
  client.abort();
  const nextSeconds = await draw(0);
  await left;
  return { steps: 4, pictureSeconds, nextSeconds };
}
const leaving = await measureLeaving();

const engine = Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim());
let next = 0;
/** Asks for so many pictures more, some at once. */
async function run(count: number): Promise<void> {
  const until = next + count;
  const one = async () => {
    while (next < until) await draw(next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
}

/** What is held after so many requests. */
interface Weighed {
  readonly requests: number;
  readonly bytes: number;
}
const weighed: Record<'server' | 'engine' | 'engineMemory', Weighed[]> = { server: [], engine: [], engineMemory: [] };
while (next < requests) {
  await run(Math.min(BETWEEN, requests - next));
  const [ours, theirs] = [await heldBy(child.pid!), await heldBy(engine)];
  weighed.server.push({ requests: next, bytes: ours.heap });
  weighed.engine.push({ requests: next, bytes: theirs.heap });
  weighed.engineMemory.push({ requests: next, bytes: theirs.rss });
}

/** Share by which something grows in 1,000 requests, by the last two thirds; `unsure`: two standard errors of it. */
function growthOf(all: readonly Weighed[]): object {
  const late = all.slice(Math.floor(all.length / 3));
  const mean = late.reduce((sum, { bytes }) => sum + bytes, 0) / late.length;
  const { slope, error } = lineThrough(late.map(({ requests, bytes }) => [requests / 1000, bytes / mean]));
  return { bytes: Math.round(mean), growth: slope, unsure: 2 * error, weighed: all.map(({ bytes }) => bytes) };
}

child.kill('SIGTERM');
await once(child, 'close');
rmSync(folder, { recursive: true });
const result = {
  machine: describeMachine(),
  size: SIZE,
  steps: 1,
  together: { clients, answered: together.length, median, p95, displaced, peakRssBytes },
  leaving,
  long: {
    requests,
    atOnce: AT_ONCE,
    between: BETWEEN,
    server: growthOf(weighed.server),
    engine: growthOf(weighed.engine),
    engineMemory: growthOf(weighed.engineMemory),
  },
};
console.log(JSON.stringify(result, null, 2));
if (values.json) await writeFileWhole(values.json, `${JSON.stringify(result, null, 2)}\n`);
