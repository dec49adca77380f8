import { expect, test } from 'vitest';
import { random } from '../util/random.ts';
import { clamped, type Known } from './clamp.ts';
import { consistency, euler, type Sampler, type Velocity } from './sampler.ts';

const TIMES = [1, 0.75, 0.5, 0.25, 0];
const truth = Float32Array.from({ length: 8 }, (_, i) => i - 4);
const known: Known = { truth, mask: Uint8Array.from({ length: 8 }, (_, i) => i % 2) };

/** Steps with a network that always says 1; what it was shown, and the last picture. */
async function run(sampler: Sampler, what: Known) {
  const shown: { x: Float32Array; t: number }[] = [];
  const network: Velocity = async (x, t) => (shown.push({ x: x.slice(), t }), new Float32Array(x.length).fill(1));
  const noise = random(3).normals(8);
  let latent = noise;
  for await (const step of sampler(clamped(network, what), noise, TIMES, random(4))) latent = step.latent;
  return { shown, latent, noise };
}

test.each(Object.entries({ consistency, euler }))(
  '%s: what is known is its noised truth at every step, and true in the end',
  async (name, sampler) => {
    const { shown, latent, noise } = await run(sampler, known);
    expect(shown.map(({ t }) => t)).toEqual(TIMES.slice(0, -1));
    const fresh = random(4);
    const noises = [noise, ...TIMES.slice(1, -1).map(() => (name === 'euler' ? noise : fresh.normals(8)))];
    shown.forEach(({ x, t }, step) => {
      for (let i = 1; i < 8; i += 2) expect(x[i]).toBeCloseTo((1 - t) * truth[i]! + t * noises[step]![i]!, 5);
    });
    latent.forEach((v, i) => (i % 2 ? expect(v).toBeCloseTo(truth[i]!, 5) : expect(Math.abs(v - truth[i]!)).toBeGreaterThan(0.01)));
  },
);

test('where all is known the network is not asked', async () => {
  const { shown, latent } = await run(consistency, { truth, mask: new Uint8Array(8).fill(1) });
  expect(shown).toEqual([]);
  latent.forEach((v, i) => expect(v).toBeCloseTo(truth[i]!, 5));
});
