// Live sessions: the rules on a pipeline that only waits, then a real untrained one.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ortNode } from '../runtime/ort-node.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { image } from '../image/image.ts';
import { InputError } from '../util/errors.ts';
import { random } from '../util/random.ts';
import type { GenerateEvent } from '../draw/events.ts';
import { tinyLayersModel } from '../../test/tiny-layers.ts';
import { openLive, type Live, type LiveFrame, type LiveOptions } from './live.ts';
import type { Encoder } from '../models/family.ts';
import { openPainter } from '../models/layers/painter.ts';
import { openPipeline, type Pipeline } from '../draw/text-to-image.ts';
import type { Checked } from '../draw/check.ts';

/** A pipeline whose steps take `ms`; it notes what it was asked for and how far it came. */
function slow(ms: number) {
  const asked: (Checked & { done: number })[] = [];
  const start = async function* (options: Checked, signal?: AbortSignal): AsyncGenerator<GenerateEvent, void, void> {
    const note = { ...options, done: 0 };
    asked.push(note);
    if (options.style === 'oil') throw new InputError('prompt.style', 'unknown style "oil"');
    const {
      steps = 4,
      size: { width, height },
      prompt,
      seed = 0,
    } = options;
    for (let step = 1; step <= steps; step++) {
      signal?.throwIfAborted();
      await sleep(ms);
      note.done = step;
      yield { type: 'step', index: 0, step, steps };
    }
    signal?.throwIfAborted();
    const recipe = { prompt, seed, steps, guidance: 1, width, height, model: { name: 'x', version: '0', hash: '' }, sdk: '0' };
    yield { type: 'image', index: 0, image: image(width, height), text: prompt, recipe };
  };
  return { asked, start };
}

/** Waits for something to become so. */
async function until(so: () => boolean): Promise<void> {
  while (!so()) await sleep(2);
}

/** Reads frames beside; what came so far. */
function watch(live: Live) {
  const seen: LiveFrame[] = [];
  const done = (async () => {
    for await (const frame of live.frames) seen.push(frame);
  })();
  const told = () => seen.map(({ kind, prompt }) => `${kind} ${prompt}`);
  return { seen, done, told };
}

describe('the rules', () => {
  const open = (ms: number, options: LiveOptions = {}) => {
    const pipeline = slow(ms);
    const live = openLive(pipeline.start, { rest: 60, fps: 0, seed: 5, ...options });
    return { ...pipeline, live, ...watch(live) };
  };

  test('a wrong type is told as such, and the session goes on', async () => {
    const { live, done } = open(1);
    for (const change of [{ prompt: 5 }, { prompt: 'x', references: 'fox.png' }, { prompt: 'x', width: '512' }])
      expect(() => live.update(change as never)).toThrow(expect.objectContaining({ code: 'options.type' }));
    expect(() => live.update({ promt: 'x' } as never)).toThrow('did you mean prompt?');
    expect(live.update({ prompt: 'a fox' })).toBe(1);
    live.close();
    await done;
  });

  test('a preview at once, the full picture when changes rest, with the same seed', async () => {
    const { asked, live, seen, done, told } = open(5, { steps: 2, width: 800, height: 400, layers: true });
    live.update({ prompt: 'a fox' });
    await until(() => seen.length === 2);
    expect(told()).toEqual(['preview a fox', 'settled a fox']);
    expect(seen[1]!.latency).toBeGreaterThan(0.06); // after the rest
    expect(asked).toMatchObject([
      { steps: 1, size: { width: 256, height: 128 }, seed: 5 },
      { steps: 2, size: { width: 800, height: 400 }, seed: 5 },
    ]);
    expect(asked.map(({ layers }) => layers)).toEqual([undefined, true]); // a preview is drawn without
    expect(seen[1]).toMatchObject({ version: 1, image: { width: 800 }, seconds: expect.any(Number) });
    live.close();
    await done;
  });

  test('the latest wins: of changes that come together only the last is drawn', async () => {
    const { asked, live, done, told } = open(5);
    for (const prompt of ['a', 'a f', 'a fo', 'a fox']) live.update({ prompt });
    live.end();
    await done;
    expect(told()).toEqual(['preview a fox', 'settled a fox']);
    expect(asked.length).toBe(2);
  });

  test('stale work stops at the next step: a preview, and a full picture', async () => {
    const { asked, live, done, told } = open(60, { rest: 10 });
    live.update({ prompt: 'one' });
    await until(() => asked.length === 1);
    live.update({ prompt: 'two' }); // while the preview of "one" is drawn
    await until(() => asked.length === 3 && asked[2]!.done === 1); // in the full picture of "two"
    live.update({ prompt: 'three' });
    live.end();
    await done;
    expect(told()).toEqual(['preview two', 'preview three', 'settled three']);
    expect(asked.map(({ prompt }) => prompt)).toEqual(['one', 'two', 'two', 'three', 'three']);
    expect([0, 2].map((i) => asked[i]!.done)).toEqual([1, 2]); // each finished its step and no more
  });

  test('typing faster than previews still shows some, and no full picture before it rests', async () => {
    const { asked, live, done, seen } = open(40, { rest: 5000 });
    for (let i = 1; i <= 30; i++) {
      live.update({ prompt: 'x'.repeat(i) });
      await sleep(20);
    }
    expect(seen.length).toBeGreaterThan(1);
    expect(seen.every(({ kind }) => kind === 'preview')).toBe(true);
    expect(asked.length).toBeLessThan(31);
    live.end();
    await done;
    expect(seen.at(-1)).toMatchObject({ kind: 'settled', prompt: 'x'.repeat(30) });
  });

  test('an empty prompt draws nothing; bad changes are refused and leave what was', async () => {
    const { asked, live, done } = open(1, { rest: 1 });
    live.update({ prompt: '  ' });
    await sleep(20);
    expect(asked).toEqual([]);
    expect(() => live.update({ steps: 101 })).toThrow('steps 101: expected a whole number from 1 to 100');
    expect(() => live.update({ prompt: 'x'.repeat(9999) })).toThrow('expected at most');
    live.update({ prompt: 'x' });
    live.end();
    await done;
    expect(asked).toMatchObject([{ steps: 1 }, { prompt: 'x' }]);
    expect(() => openLive(slow(1).start, { width: 3 })).toThrow('width 3');
    expect(() => openLive(slow(1).start, { pixels: 9999, width: 4096 })).toThrow('pixels 9999');
  });

  test('what the model refuses ends the frames, or is told', async () => {
    const strict = open(1, { style: 'oil', prompt: 'x' });
    await expect(strict.done).rejects.toThrow('unknown style "oil"');
    const told: string[] = [];
    const { live, done, seen } = open(1, { style: 'oil', prompt: 'x', rest: 1, refused: (error) => told.push(error.message) });
    await sleep(20);
    live.update({ style: 'flat' });
    live.end();
    await done;
    expect(told).toEqual(['unknown style "oil"']);
    expect(seen.map(({ kind }) => kind)).toEqual(['preview', 'settled']);
  });

  test.each(['close', 'signal', 'return'] as const)('%s ends it and stops the work', async (how) => {
    const stop = new AbortController();
    const { asked, start } = slow(20);
    const live = openLive(start, { prompt: 'x', rest: 0, signal: stop.signal });
    for await (const { kind } of live.frames) {
      expect(kind).toBe('preview');
      if (how === 'return') break;
      setTimeout(() => (how === 'close' ? live.close() : stop.abort()), 30);
    }
    await sleep(50);
    expect(asked.reduce((sum, { done }) => sum + done, 0)).toBeLessThan(5);
  });

  test('under load previews lose detail first, and it is said', async () => {
    const { asked, start } = slow(30);
    const live = openLive(start, { fps: 60, rest: 10_000 });
    const { seen, done } = watch(live);
    for (let i = 0; asked.at(-1)?.detail !== 0.5625; i++) {
      const version = live.update({ prompt: `x${i}` });
      await until(() => seen.at(-1)?.version === version);
    }
    live.close();
    await done;
    expect(asked[0]).toMatchObject({ detail: 1, size: { width: 256 } });
    expect(seen.find(({ notice }) => notice)!.notice).toMatch(/^previews lowered to 56 % of the tokens: frames took \d+ ms/);
  });
});

describe('a real pipeline', () => {
  let pipeline: Pipeline;
  const runs = { condition: 0, encode: 0 };
  /** The runtime, counting the runs of a stage. */
  const counted = (runtime: Runtime): Runtime => ({
    ...runtime,
    async compile(graph, options) {
      const session = await runtime.compile(graph, options);
      return { ...session, run: (feeds) => (graph.name === 'condition' && runs.condition++, session.run(feeds)) };
    },
  });
  beforeAll(async () => {
    const model = tinyLayersModel({ abilities: ['image'] });
    const { encoder, ...painter } = await openPainter(model, counted(await ortNode({ threads: 1 })), { hash: '' });
    const encode: Encoder['encode'] = (picture) => (runs.encode++, encoder!.encode(picture));
    pipeline = openPipeline({ ...painter, encoder: { ...encoder!, encode } });
  }, 60_000);
  afterAll(() => pipeline.release());

  async function drawn(options: LiveOptions): Promise<LiveFrame[]> {
    const live = openLive(pipeline.draw, { rest: 0, fps: 0, seed: 3, width: 128, height: 128, pixels: 64, ...options });
    const { seen, done } = watch(live);
    live.end();
    await done;
    return seen;
  }

  test('the picture settles and does not jump: one noise for previews and the full picture; unchanged text is read once', async () => {
    runs.condition = 0;
    const [preview, settled] = await drawn({ prompt: 'a fox', steps: 1, pixels: 128 });
    expect(runs.condition).toBe(1);
    expect(preview!.image).toEqual(settled!.image); // one step, the same size: the very same
    const [again] = await drawn({ prompt: 'a fox', pixels: 128 });
    expect(again!.image).toEqual(preview!.image);
    const [other] = await drawn({ prompt: 'a fox', seed: 4, pixels: 128 });
    expect(other!.image).not.toEqual(preview!.image);
  });

  test('from a picture: encoded once while the prompt changes', async () => {
    const input = image(
      100,
      50,
      random(1)
        .normals(20_000)
        .map((x) => 128 + 40 * x) as unknown as Uint8Array,
    );
    const live = openLive(pipeline.draw, {
      rest: 5000,
      fps: 0,
      image: { ...input, data: Uint8Array.from(input.data) },
      strength: 0.5,
      pixels: 64,
      steps: 1,
      seed: 1,
    });
    const { seen, done } = watch(live);
    for (const prompt of ['a', 'ab', 'abc']) {
      const version = live.update({ prompt });
      while (seen.at(-1)?.version !== version) await sleep(5);
    }
    live.close();
    await done;
    expect(seen.at(-1)!.image).toMatchObject({ width: 64, height: 64 }); // 64x32 is below the smallest side
    expect(runs.encode).toBe(1);
  });
});
