// A banana without a model: pictures whose colour tells their seed, with the events of a real one, through the SDK's own queue and check.
// For tests of what stands around the drawing. A prompt can ask for what goes wrong: "hold" waits at its first step until it is let go,
// "lose" loses the engine, "break" fails unforeseen.
import { vi } from 'vitest';
import { encodeImage } from '../src/disk/codec.ts';
import type { Checked } from '../src/draw/check.ts';
import { pictureStore, type Sent } from '../src/draw/pictures.ts';
import type { GenerateEvent } from '../src/draw/events.ts';
import type { Recipe } from '../src/draw/recipe.ts';
import type { Limits } from '../src/draw/request.ts';
import type { ModelInfo } from '../src/models/family.ts';
import { image, type Image } from '../src/image/image.ts';
import { bananaOf, type Banana } from '../src/sdk/banana.ts';
import { breathe } from '../src/runtime/engine.ts';
import { RuntimeError } from '../src/util/errors.ts';
import { MODEL } from './fake-model.ts';

/** Waits until a check passes: under load that may take its time. */
export const soon = <T>(check: () => T | Promise<T>, within = 30_000): Promise<T> => vi.waitFor(check, within);

/** The picture of a seed. */
export function pictureOf(seed: number, width: number, height: number): Image {
  const one = image(width, height);
  for (let i = 0; i < one.data.length; i += 4) one.data.set([seed & 255, (seed * 7) & 255, i & 255, 255], i);
  return one;
}

export interface FakeBanana extends Banana {
  /** What was begun and what ended, in order: `begin PROMPT SEED`, `end PROMPT SEED`. */
  readonly log: string[];
  /** What was asked for last. */
  last(): Checked | undefined;
  /** Lets those that hold go on. */
  release(): void;
}

/** `model`: what it says of itself that the fake one does not. */
export function fakeBanana({ limits, model: own = {} }: { limits?: Limits; model?: Partial<ModelInfo> } = {}): FakeBanana {
  const model = { ...MODEL, ...own };
  const log: string[] = [];
  let last: Checked | undefined;
  let release = (): void => {};
  let held = new Promise<void>((done) => (release = done));

  const pictures = pictureStore();
  async function* start(request: Sent, signal?: AbortSignal): AsyncGenerator<GenerateEvent, void, void> {
    const { prompt, seed = 0, steps = 4, preview = 128, size, guidance = 3 } = (last = { ...request, ...pictures(request) } as Checked);
    log.push(`begin ${prompt} ${seed}`);
    try {
      yield { type: 'text', text: prompt, tokens: 5, truncated: 0, cut: '' };
      if (prompt === 'lose') throw new RuntimeError('engine.lost', 'the engine ended: it was killed (SIGKILL)');
      if (prompt === 'break') throw new TypeError('a secret at /etc/secret');
      for (let step = 1; step <= steps; step++) {
        await (prompt === 'hold' && step === 1 ? Promise.race([held, aborted(signal)]) : breathe());
        signal?.throwIfAborted();
        yield { type: 'step', index: 0, step, steps };
        if (preview > 0) yield { type: 'preview', index: 0, step, steps, image: pictureOf(seed, 16, 16) };
      }
      const drawn = pictureOf(seed, size.width, size.height);
      yield { type: 'render', index: 0, tile: 1, tiles: 1, rows: { y: 0, of: size.height, image: drawn } };
      const recipe: Recipe = { prompt, seed, steps, guidance, ...size, model: { name: model.name, version: '1', hash: '' }, sdk: '0.1.0' };
      yield { type: 'image', index: 0, image: drawn, recipe, text: prompt, ...(request.metadata === false && { metadata: false }) };
      yield { type: 'done', count: 1, seconds: { text: 0, denoise: 0, render: 0 } };
    } finally {
      log.push(`end ${prompt} ${seed}`);
    }
  }

  const banana = bananaOf({ model, start, close: async () => {} }, (one) => encodeImage(one, 'png'), limits ? { limits } : {});
  return {
    ...banana,
    log,
    last: () => last,
    release() {
      release();
      held = new Promise<void>((done) => (release = done));
    },
  };
}

const aborted = (signal?: AbortSignal) =>
  new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve(), { once: true }));
