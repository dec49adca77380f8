// The server under many clients at once, and for long: `tsx bench/server.ts [--json FILE] [--clients 200] [--requests 2000]`. Clients that
// all ask at the same moment: is each answered once, with its own picture, in the order asked, and after how long? Then requests one after
// the other, eight at a time: does the server grow? The server is a process of its own with the shipped model; memory is that process's.
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

const rss: number[] = [];
let next = 0;
const one = async () => {
  while (next < requests) {
    await draw(next++);
    rss.push(memoryOf(child.pid!, 'VmRSS'));
  }
};
await Promise.all(Array.from({ length: AT_ONCE }, one));
const tenth = Math.max(1, Math.floor(rss.length / 10));
const warm = Math.floor(rss.length * WARM);
const [early, late] = [rss.slice(warm, warm + tenth), rss.slice(-tenth)].map((part) => summarize(part).median) as [number, number];

child.kill('SIGTERM');
await once(child, 'close');
rmSync(folder, { recursive: true });
const result = {
  machine: describeMachine(),
  size: SIZE,
  steps: 1,
  together: { clients, answered: together.length, median, p95, displaced, peakRssBytes },
  long: { requests: rss.length, atOnce: AT_ONCE, earlyRssBytes: early, lateRssBytes: late, growth: late / early - 1 },
};
console.log(JSON.stringify(result, null, 2));
if (values.json) await writeFileWhole(values.json, `${JSON.stringify(result, null, 2)}\n`);
