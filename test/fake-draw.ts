// Draws without a model: small pictures whose pixels tell their seed, with the events of a real one. For tests of what stands around
// the drawing.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Recipe } from '../src/draw/recipe.ts';
import { image, type Image } from '../src/image/image.ts';
import type { Banana } from '../src/sdk/banana.ts';
import { InputError, RuntimeError } from '../src/util/errors.ts';

export const SIDE = 24; // pixels

/** The picture of a seed. */
export function pictureOf(seed: number): Image {
  const one = image(SIDE, SIDE);
  for (let i = 0; i < one.data.length; i++) one.data[i] = i % 4 === 3 ? 255 : (seed * 7 + i * (1 + (seed % 5))) & 255;
  return one;
}

/** Takes `ms` for a picture. The prompt "impossible" is refused; at "broken" the engine is lost. */
export function fakeDraw(ms = 0): Banana['generate'] {
  return async function* ({ prompt, seed = 0, count = 1, steps = 2, signal }) {
    if (prompt === 'impossible') throw new InputError('prompt.long', 'this cannot be drawn');
    if (prompt === 'broken') throw new RuntimeError('engine.lost', 'the engine is gone');
    yield { type: 'text', text: prompt, tokens: 3, truncated: 0, cut: '' };
    for (let index = 0; index < count; index++) {
      for (let step = 1; step <= steps; step++) yield { type: 'step', index, step, steps };
      if (ms > 0) await sleep(ms);
      signal?.throwIfAborted();
      const drawn = pictureOf(seed + index);
      yield { type: 'render', index, tile: 1, tiles: 1, rows: { y: 0, of: SIDE, image: drawn } };
      const recipe: Recipe = {
        prompt,
        seed: seed + index,
        steps,
        guidance: 3,
        width: SIDE,
        height: SIDE,
        model: { name: 'fake', version: '0', hash: '' },
        sdk: '0',
      };
      yield { type: 'image', index, image: drawn, recipe, text: prompt };
    }
    yield { type: 'done', count, seconds: { text: 0, denoise: 0, render: 0 } };
  };
}
