// Every face of the SDK, wherever its engine is, keeps the contract (test/contract.ts), and what is lost comes back.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { built } from '../../test/build.ts';
import { tinyModel, workFolder } from '../../test/command.ts';
import { keepsContract, large, small } from '../../test/contract.ts';
import { webWorker } from '../../test/web-worker.ts';
import * as node from '../node/index.ts';
import { image } from '../image/image.ts';
import type { Banana } from '../sdk/banana.ts';
import * as web from './index.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 }); // processes and WASM on a busy machine

const { folder, remove } = workFolder();
let model: string;
beforeAll(async () => void (model = await tinyModel(folder)));
afterAll(remove);

const bytes = () => ({ model: new Uint8Array(readFileSync(model)), runtime: 'wasm', threads: 1 }) as const;
const FACES: Readonly<Record<string, () => Promise<Banana>>> = {
  'a child process': () => node.openBanana({ model, threads: 1 }),
  'in process': () => node.openBanana({ model, inProcess: true, threads: 1 }),
  'the web, in process': () => web.openBanana(bytes()),
  'the web, a worker': () => web.openBananaWorker(webWorker(built('src/web/worker.ts')), bytes()),
};

describe.each(Object.entries(FACES))('%s', (_, open) => keepsContract(open));

test('a child process that is lost: its picture is told so, those that wait and later ones are drawn by another', async () => {
  const banana = await node.openBanana({ model, threads: 1 });
  const from = { ...small, image: image(16, 16, new Uint8ClampedArray(1024).fill(90)), strength: 0.5 };
  const before = await banana.picture(from); // its pixels went to the engine that will be lost
  const events = banana.generate({ ...large, count: 2 });
  await events.next();
  const waits = [banana.picture(from), banana.picture(small)];
  for (const pid of engines()) process.kill(pid, 'SIGKILL');
  const rest = async () => {
    for await (const _ of events);
  };
  await expect(rest()).rejects.toMatchObject({ name: 'RuntimeError', code: 'engine.lost', message: expect.stringContaining('SIGKILL') });
  const [again, other] = await Promise.all(waits);
  expect([again!.recipe.image, again!.image]).toEqual([before.recipe.image, before.image]);
  expect(other!.image.width).toBe(64);
  await banana.close();
  expect(engines()).toEqual([]);
});

test('a child process that is given up while it starts is ended', async () => {
  const stop = new AbortController();
  const opening = node.openBanana({ model, signal: stop.signal });
  expect(engines().length).toBe(1);
  stop.abort('changed my mind');
  await expect(opening).rejects.toBe('changed my mind');
  while (engines().length > 0) await sleep(10);
});

/** The engines that this process has started and that are not gone. */
function engines(): number[] {
  const table = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,stat=,args='], { encoding: 'utf8' });
  const rows = table.split('\n').map((line) => line.trim().split(/\s+/));
  const mine = rows.filter(([, parent, state]) => Number(parent) === process.pid && !state!.startsWith('Z'));
  return mine.filter((row) => row.some((word) => word.endsWith('src/node/engine.js'))).map(([pid]) => Number(pid));
}
