import { expect, test } from 'vitest';
import { image } from '../image/image.ts';
import { oneByOne } from './banana.ts';
import type { GenerateEvent } from '../draw/events.ts';
import type { Recipe } from '../draw/recipe.ts';
import { checkOptions, type Checked } from '../draw/check.ts';
import type { GenerateOptions } from '../draw/request.ts';

const log: string[] = [];
/** A pipeline that draws nothing, quickly, and notes what it was asked. */
async function* drawn({ seed, count }: Checked, signal?: AbortSignal): AsyncGenerator<GenerateEvent, void, void> {
  log.push(`begin ${seed}`);
  try {
    expect(count).toBe(1);
    yield { type: 'text', text: 'x', tokens: 3, truncated: 0, cut: '' };
    signal?.throwIfAborted();
    yield { type: 'step', index: 0, step: 1, steps: 1 };
    if (seed === 13) throw new Error('unlucky');
    yield { type: 'image', index: 0, image: image(1, 1), recipe: { seed } as Recipe, text: 'x' };
    yield { type: 'done', count: 1, seconds: { text: 1, denoise: 2, render: 3 } };
  } finally {
    log.push(`end ${seed}`);
  }
}
const draw = oneByOne(drawn);
const pictures = (options: GenerateOptions, signal?: AbortSignal) => draw(checkOptions(options), signal);
const seen = (event: GenerateEvent) => ('index' in event ? `${event.type} ${event.index}` : event.type);

test('the same events as one request, and never more than one picture ahead', async () => {
  log.length = 0;
  const events: string[] = [];
  for await (const event of pictures({ prompt: 'x', seed: 5, count: 3 })) {
    events.push(seen(event));
    if (event.type === 'image') expect(log.filter((line) => line.startsWith('begin')).length).toBe(Math.min(event.index + 2, 3));
    if (event.type === 'done') expect(event).toEqual({ type: 'done', count: 3, seconds: { text: 3, denoise: 6, render: 9 } });
  }
  expect(events).toEqual(['text', 'step 0', 'image 0', 'step 1', 'image 1', 'step 2', 'image 2', 'done']);
  expect(log.sort()).toEqual(['begin 5', 'begin 6', 'begin 7', 'end 5', 'end 6', 'end 7']);
});

test('leaving, failing and aborting end what was begun', async () => {
  log.length = 0;
  for await (const event of pictures({ prompt: 'x', seed: 1, count: 9 })) if (event.type === 'image') break;
  expect(log.sort()).toEqual(['begin 1', 'begin 2', 'end 1', 'end 2']);
  const run = async (seed: number, signal?: AbortSignal) => {
    for await (const _ of pictures({ prompt: 'x', seed, count: 3 }, signal));
  };
  log.length = 0;
  await expect(run(12)).rejects.toThrow('unlucky');
  expect(log.sort()).toEqual(['begin 12', 'begin 13', 'end 12', 'end 13']);
  await expect(run(1, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
});
