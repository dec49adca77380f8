import { afterEach, expect, test, vi } from 'vitest';
import type { Engine } from '../runtime/engine.ts';
import { built } from '../../test/build.ts';
import type { handlers } from '../../test/engine.fixture.ts';
import { openEngine, type EngineProcess } from './engine-process.ts';
import { supervised, type SupervisorOptions } from './supervisor.ts';

vi.setConfig({ testTimeout: 60_000 }); // child processes on a busy machine

const ENTRY = built('test/engine.fixture.ts');
type Fixture = typeof handlers;
const LOST = { name: 'RuntimeError', code: 'engine.lost' };

let opened: EngineProcess<Fixture>[] = [];
let engine: Engine<Fixture>;
afterEach(async () => {
  await engine.close();
  opened = [];
});

async function open(options: SupervisorOptions = {}): Promise<void> {
  engine = await supervised<Fixture>(async (signal) => {
    const one = await openEngine<Fixture>(ENTRY, { signal });
    opened.push(one);
    return one;
  }, options);
}

test('the request under which it died is told so; the next one has another', async () => {
  await open({ pauses: [0] });
  expect(await engine.call('count', { n: 2 })).toBe('counted to 2');
  await expect(engine.call('die', undefined)).rejects.toMatchObject(LOST);
  expect(await engine.call('count', { n: 3 })).toBe('counted to 3');
  expect(new Set(opened.map(({ pid }) => pid)).size).toBe(2);
});

test('one that died while nothing was asked is not missed', async () => {
  await open({ pauses: [0] });
  process.kill(opened[0]!.pid, 'SIGTERM');
  await opened[0]!.ended;
  expect(await engine.call('count', { n: 1 })).toBe('counted to 1');
});

test('lost more often than there are pauses, it is not started again; losses are forgotten', async () => {
  await open({ pauses: [0, 1] });
  for (let i = 0; i < 3; i++) await expect(engine.call('die', undefined)).rejects.toThrow('the engine ended: it was killed');
  const refused = 'the engine was lost 3 times of late and is not started again for now; at last: the engine ended: it was killed';
  for (let i = 0; i < 2; i++) await expect(engine.call('steps', undefined)).rejects.toThrow(refused);
  expect(opened.length).toBe(3);
  await engine.close();
  await open({ pauses: [0], memory: 0 });
  for (let i = 0; i < 3; i++) await expect(engine.call('die', undefined)).rejects.toThrow('it was killed');
});

test('a start that fails is told, counts, and may succeed the next time', async () => {
  let starts = 0;
  engine = await supervised<Fixture>(
    async (signal) => {
      if (++starts === 2) throw new Error('no room');
      return openEngine<Fixture>(ENTRY, { signal });
    },
    { pauses: [0, 0] },
  );
  await expect(engine.call('die', undefined)).rejects.toMatchObject(LOST);
  await expect(engine.call('steps', undefined)).rejects.toThrow('no room');
  expect(await engine.call('steps', undefined)).toBe(0);
});

test('closing ends a start; later requests are told', async () => {
  await open({ pauses: [600_000] });
  await expect(engine.call('die', undefined)).rejects.toMatchObject(LOST);
  const waiting = expect(engine.call('steps', undefined)).rejects.toMatchObject({ name: 'AbortError' });
  await engine.close();
  await waiting;
  await expect(engine.call('steps', undefined)).rejects.toMatchObject({ code: 'engine.closed' });
});
