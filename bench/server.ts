// The server under many clients at once, and for long: `tsx bench/server.ts [--json FILE] [--clients 200] [--requests 2000]`. Clients that
// all ask at the same moment: is each answered once, with its own picture, in the order asked, and after how long? Then requests one after
// the other, eight at a time: do the server and its engine grow? They are processes of their own, with the shipped model.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readRecipe } from '../src/draw/recipe.ts';
import { writeFileWhole } from '../src/disk/files.ts';
import { describeMachine } from './machine.ts';
import { summarize } from './timing.ts';

const { values } = parseArgs({
  options: { json: { type: 'string' }, clients: { type: 'string', default: '200' }, requests: { type: 'string', default: '2000' } },
});
const [clients, requests] = [Number(values.clients), Number(values.requests)];
const AT_ONCE = 8;
/** Share of the requests after which memory is compared with that at the end: the heap of Node has its size by then. */
const WARM = 0.5;
const SIZE = '128x128';

const folder = mkdtempSync(join(tmpdir(), 'banana-server-'));
const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));
const args = ['--import', 'tsx', main, 'serve', '--json', '--port', '0', '--jobs', folder, '--queue', String(clients), '--log', 'silent'];
const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
const { url } = JSON.parse(line) as { url: string };

/** Bytes of memory of a process: now, and the most so far (Linux). */
const memoryOf = (pid: number, what: 'VmRSS' | 'VmHWM') =>
  1024 * Number(new RegExp(`${what}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);

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
const peakRssBytes = memoryOf(child.pid!, 'VmHWM');

const engine = Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim());
const rss = { server: [] as number[], engine: [] as number[] };
let next = 0;
const one = async () => {
  while (next < requests) {
    await draw(next++);
    rss.server.push(memoryOf(child.pid!, 'VmRSS'));
    rss.engine.push(memoryOf(engine, 'VmRSS'));
  }
};
await Promise.all(Array.from({ length: AT_ONCE }, one));

/** Bytes of memory in the first and the last tenth of what comes after the warm-up, by the median. */
function growthOf(samples: readonly number[]): object {
  const tenth = Math.max(1, Math.floor(samples.length / 10));
  const warm = Math.floor(samples.length * WARM);
  const [early, late] = [samples.slice(warm, warm + tenth), samples.slice(-tenth)].map((part) => summarize(part).median) as [
    number,
    number,
  ];
  return { earlyRssBytes: early, lateRssBytes: late, growth: late / early - 1 };
}

child.kill('SIGTERM');
await once(child, 'close');
rmSync(folder, { recursive: true });
const result = {
  machine: describeMachine(),
  size: SIZE,
  steps: 1,
  together: { clients, answered: together.length, median, p95, displaced, peakRssBytes },
  long: { requests, atOnce: AT_ONCE, server: growthOf(rss.server), engine: growthOf(rss.engine) },
};
console.log(JSON.stringify(result, null, 2));
if (values.json) await writeFileWhole(values.json, `${JSON.stringify(result, null, 2)}\n`);
