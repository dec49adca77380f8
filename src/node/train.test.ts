// Peels on Node's object: trained in the child process, left and gone on with, added, kept when the process is lost, removed.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { tinyModel, workFolder } from '../../test/command.ts';
import { writeFileWhole } from '../disk/files.ts';
import { image } from '../image/image.ts';
import { openBanana, type NodeBanana, type NodeTrainOptions, type TrainedPeel, type TrainPeelEvent } from './index.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const { folder, remove } = workFolder();
let banana: NodeBanana;
beforeAll(async () => {
  banana = await openBanana({ model: await tinyModel(folder), threads: 1, peels: join(folder, 'peels') });
});
afterAll(async () => {
  await banana.close();
  remove();
});

const pictures = [0, 1, 2].map((p) => {
  const one = image(64, 64);
  one.data.forEach((_, i) => (one.data[i] = i % 4 === 3 ? 255 : (i * (p + 7)) % 251));
  return { image: one, ...(p > 0 && { caption: `picture ${p}` }) };
});
const options: NodeTrainOptions = {
  name: 'disc',
  trigger: '',
  steps: 6,
  rank: 2,
  batch: 2,
  prior: 1,
  rate: 0.05,
  samples: false,
  heldOut: false,
};
const small = { prompt: 'a fox', seed: 3, steps: 1, width: 64, height: 64 } as const;

async function run(
  more: Partial<NodeTrainOptions> & { signal?: AbortSignal },
  see: (event: TrainPeelEvent) => void = () => {},
): Promise<TrainedPeel> {
  const training = banana.trainPeel(pictures, { ...options, ...more });
  for (;;) {
    const { done, value } = await training.next();
    if (done) return value;
    see(value);
  }
}
const pixels = async (prompt: string) => Buffer.from((await banana.picture({ ...small, prompt })).image.data);

test('one is trained, left, gone on with; it draws, also after the process was lost; it is forgotten', async () => {
  const keep = join(folder, 'training');
  const stop = new AbortController();
  const left = run({ keep, signal: stop.signal }, (event) => event.type === 'step' && event.step >= 2 && stop.abort('enough'));
  await expect(left).rejects.toBe('enough');
  const steps: number[] = [];
  const trained = await run({ keep }, (event) => event.type === 'step' && steps.push(event.step));
  expect([steps[0]! > 2, steps.at(-1), trained.steps]).toEqual([true, 6, 6]);

  const plain = await pixels('a fox');
  const path = join(folder, 'disc.safetensors');
  await writeFileWhole(path, trained.chunks);
  expect(await banana.addPeel(path)).toMatchObject({ name: 'disc', rank: 2 });
  const drawn = await pixels('a fox <peel:disc:2>');
  expect(drawn.equals(plain)).toBe(false);

  const lost = banana.generate({ ...small, width: 2056, height: 2056 });
  await lost.next();
  for (const pid of engines()) process.kill(pid, 'SIGKILL');
  await expect(
    (async () => {
      for await (const _ of lost);
    })(),
  ).rejects.toMatchObject({ code: 'engine.lost' });
  expect((await pixels('a fox <peel:disc:2>')).equals(drawn)).toBe(true);

  expect([await banana.removePeel('disc'), await banana.removePeel('disc')]).toEqual([true, false]);
  await expect(pixels('a fox <peel:disc:2>')).rejects.toMatchObject({
    code: 'peel.missing',
    message: expect.stringContaining(join(folder, 'peels')),
  });
  expect((await banana.addPeel(trained.chunks)).name).toBe('disc');
});

test('what cannot be trained on or added is refused', async () => {
  await expect(run({ rank: 0 })).rejects.toMatchObject({ name: 'InputError', code: 'options.rank' });
  await expect(banana.trainPeel([], options).next()).rejects.toMatchObject({ code: 'peel.pictures' });
  await expect(banana.addPeel(new Uint8Array(100))).rejects.toMatchObject({ name: 'InputError' });
  await expect(banana.addPeel(join(folder, 'none.safetensors'))).rejects.toMatchObject({ code: 'file.read' });
  expect((await banana.picture(small)).image.width).toBe(64);
});

/** The engines that this process has started. */
function engines(): number[] {
  const rows = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' }).split('\n');
  return rows
    .filter((row) => /engine[^ ]*\.m?[jt]s/.test(row) && Number(row.trim().split(/\s+/)[1]) === process.pid)
    .map((row) => Number.parseInt(row, 10));
}
