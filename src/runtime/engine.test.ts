import { afterAll, beforeAll, expect, expectTypeOf, test, vi } from 'vitest';
import { float32, type Tensor } from '../tensor/tensor.ts';
import { InputError, RuntimeError } from '../util/errors.ts';
import { openEngine, type EngineProcess } from '../node/engine-process.ts';
import { built } from '../../test/build.ts';
import type { handlers } from '../../test/engine.fixture.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 }); // a child process or WASM on a busy machine

const entry = built('test/engine.fixture.ts');
let engine: EngineProcess<typeof handlers>;
beforeAll(async () => {
  engine = await openEngine<typeof handlers>(entry);
});
afterAll(() => engine.close());

test('events are streamed, then the result', async () => {
  const events = engine.stream('count', { n: 3 });
  expectTypeOf(events).toEqualTypeOf<AsyncGenerator<number, string, void>>();
  const seen: (number | string)[] = [];
  for (let step = await events.next(); ; step = await events.next()) {
    seen.push(step.value);
    if (step.done) break;
  }
  expect(seen).toEqual([1, 2, 3, 'counted to 3']);
  expect(await engine.call('count', { n: 2 })).toBe('counted to 2');
});

test('tensors cross with type and shape, and a native runtime works there', async () => {
  const data = new Float32Array([9, 1, 2, 3]).subarray(1);
  const y = await engine.call('double', { x: float32([3], data) });
  expectTypeOf(y).toEqualTypeOf<Tensor>();
  expect(y).toEqual(float32([3], [2, 4, 6]));
});

test('errors keep class and code', async () => {
  const failed = await engine.call('fail', { kind: 'input' }).catch((e: unknown) => e);
  expect(failed).toBeInstanceOf(InputError);
  expect(failed).toMatchObject({ code: 'prompt.empty', message: 'not like that' });
  await expect(engine.call('fail', { kind: 'type' })).rejects.toMatchObject({ name: 'TypeError', message: 'no such thing' });
  await expect(engine.call('nothing' as never, {} as never)).rejects.toThrow('the engine serves no "nothing"');
});

test('an aborted signal rejects at once and stops the engine at its next step', async () => {
  const controller = new AbortController();
  const events = engine.stream('count', { n: 1000, ms: 20 }, { signal: controller.signal });
  await events.next();
  controller.abort(new Error('typing went on'));
  await expect(events.next()).rejects.toThrow('typing went on');
  expect(await engine.call('steps', undefined)).toBeLessThan(20);
  await expect(engine.call('count', { n: 1 }, { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
});

test('leaving the loop cancels; a request that waits can be cancelled before it begins', async () => {
  const waiting = new AbortController();
  for await (const i of engine.stream('count', { n: 1000, ms: 20 })) if (i === 2) break;
  const first = engine.call('count', { n: 5, ms: 20 });
  const second = engine.call('count', { n: 500, ms: 20 }, { signal: waiting.signal });
  waiting.abort();
  await expect(second).rejects.toMatchObject({ name: 'AbortError' });
  expect(await first).toBe('counted to 5');
  expect(await engine.call('steps', undefined)).toBe(5);
});

test('an engine that dies fails its requests and later ones', async () => {
  const own = await openEngine<typeof handlers>(entry);
  const lost = own.call('die', undefined);
  await expect(lost).rejects.toBeInstanceOf(RuntimeError);
  await expect(lost).rejects.toThrow('it was killed (SIGKILL), by someone or by the system');
  await expect(own.call('steps', undefined)).rejects.toMatchObject({ code: 'engine.lost' });
  await own.close();
});

test('closing ends it in the middle of a step', async () => {
  const own = await openEngine<typeof handlers>(entry);
  const refused = expect(own.call('count', { n: 1, ms: 60_000 })).rejects.toMatchObject({ code: 'engine.closed' });
  const started = performance.now();
  await own.close();
  await refused;
  expect(performance.now() - started).toBeLessThan(1500);
  expect(() => process.kill(own.pid, 0)).toThrow('ESRCH');
});

test('a file that is no engine, or no file, says so', async () => {
  await expect(openEngine(new URL('./runtime.ts', import.meta.url))).rejects.toThrow(/the engine ended: exit code 0 before it was ready/);
});

test('a start that takes too long, or is given up, ends', async () => {
  await expect(openEngine(entry, { deadline: 1 })).rejects.toMatchObject({
    code: 'engine.start',
    message: expect.stringContaining('the engine was given up after 0.001 s before it was ready'),
  });
  const stop = new AbortController();
  const starting = openEngine(entry, { signal: stop.signal });
  stop.abort('changed my mind');
  await expect(starting).rejects.toBe('changed my mind');
});

test('what cannot be sent is refused, and the engine goes on', async () => {
  const refused = engine.call('count', { n: 1, ms: (() => {}) as never });
  await expect(refused).rejects.toMatchObject({ name: 'InputError', code: 'engine.send' });
  expect(await engine.call('count', { n: 1 })).toBe('counted to 1');
});
