// The product draws and learns today what it did yesterday: random streams, schedule, samplers, guidance, the tiny model and the
// shipped one, against recorded numbers and pictures (test/golden/, written by npm run golden). Every other test compares the code
// with itself; this one does not. `npm run mutate` proves that it notices.
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { decodeImage } from '../src/disk/codec.ts';
import { psnr } from '../src/image/image.ts';
import { consistency, euler } from '../src/sampling/sampler.ts';
import { times } from '../src/sampling/schedule.ts';
import { expectClose } from '../src/sdk/testing.ts';
import { random } from '../src/util/random.ts';
import { type Golden, HOST, IMAGE, MEASURES, pictures, PROMPTS, trajectory } from './golden/measure.ts';

const HINT =
  'What is drawn or learned has changed. If that is meant (a new model, network, schedule or random stream): npm run golden, ' +
  'look at the pictures in test/golden/, commit them with the reason. If it is not: something broke; do not record it.';
const LEAST = 45; // dB of a picture against the recorded one: WebAssembly's kernels leave 90, half the base of the rotary angles 29

const file = (name: string) => new URL(`golden/${name}`, import.meta.url);
const recorded = JSON.parse(await readFile(file('golden.json'), 'utf8')) as Record<string, Golden>;

/** Runs a check; its failure says when to record anew. */
function hinted(check: () => void): void {
  try {
    check();
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${HINT}`, { cause: error });
  }
}

test('every row is recorded', () => hinted(() => expect(Object.keys(recorded)).toEqual(Object.keys(MEASURES))));

test.each(Object.entries(MEASURES))('%s: the recorded numbers', async (name, { numbers, ...tolerance }) => {
  const found = await numbers();
  hinted(() => expectClose(found, recorded[name]!, tolerance, name));
});

test('both samplers find the image of a straight path, and stay on it: (1 - t) image + t noise', async () => {
  const [begin, rng, on] = [random(1).normals(IMAGE.length), random(2), times(4).slice(0, -1)];
  const fresh = on.map((_, i) => (i ? rng.normals(IMAGE.length) : begin));
  for (const { name, sampler, noises } of [
    { name: 'euler', sampler: euler, noises: on.map(() => begin) },
    { name: 'consistency', sampler: consistency, noises: fresh },
  ]) {
    const { end, seen } = await trajectory(sampler);
    const path = on.map((t, i) => [`t ${t}`, IMAGE.map((x, k) => (1 - t) * x + t * noises[i]![k]!)]);
    expectClose(end, IMAGE, HOST, name);
    expectClose(seen, Object.fromEntries(path), HOST, name);
  }
});

test('the shipped model: the recorded pictures', async () => {
  const drawn = await pictures();
  for (const name of Object.keys(PROMPTS)) {
    const decibels = psnr(drawn[name]!, await decodeImage(await readFile(file(`${name}.png`))));
    hinted(() => expect(decibels, `dB of ${name}.png`).toBeGreaterThanOrEqual(LEAST));
  }
});
