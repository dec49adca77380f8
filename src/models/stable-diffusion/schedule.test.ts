// Times and steps of each kind against diffusers' schedulers, with a formula in the place of a network.
import { expect, test } from 'vitest';
import { textOf } from '../../../test/open-weights.ts';
import type { Random } from '../../util/random.ts';
import { velocityOf } from './denoiser.ts';
import { samplerOf } from './sampler.ts';
import { scaleOf, scheduleConfig, scheduleOf } from './schedule.ts';
import { settingsOf } from './settings.ts';

interface Row {
  readonly scheduler: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly steps: number;
  readonly noise: readonly number[];
  readonly times: readonly number[];
  /** Noise that was drawn. */
  readonly fresh: readonly (readonly number[])[];
  /** The latent after each step. */
  readonly path: readonly (readonly number[])[];
}
const rows = JSON.parse(textOf('schedules.json')) as Row[];
const settings = (values: object) => settingsOf(JSON.stringify(values), 'scheduler_config.json');

test.each(rows)('$scheduler, $steps steps', async ({ scheduler, config, steps, noise, times, fresh, path }) => {
  const how = scheduleConfig(settings(config));
  const schedule = scheduleOf(how);
  const visited: number[] = [];
  const at: { z: readonly number[]; t: number }[] = [];
  const velocity = velocityOf(
    async (z, step) => (visited.push(step), z.map((x) => Math.tanh(x) * 0.7 + step / 2000)),
    schedule,
    how.kind,
    how.prediction,
  );
  let drawn = 0;
  const rng = { normals: () => Float32Array.from(fresh[drawn++]!) } as unknown as Random;
  const seen: typeof velocity = (x, t) => (at.push({ z: [...x], t }), velocity(x, t));
  let last: readonly number[] = [];
  for await (const { latent } of samplerOf(how.kind, schedule)(seen, Float32Array.from(noise), schedule.times(steps), rng))
    last = [...latent];
  expect(visited.map((step) => Number(step.toFixed(3)))).toEqual(times.map((step) => Number(step.toFixed(3))));
  const ends = scheduler.startsWith('Euler') ? (t: number) => 1 / (1 - t) : scaleOf; // as that scheduler keeps its latents
  const found = [...at.slice(1).map(({ z, t }) => z.map((x) => x * ends(t))), last];
  const compared = scheduler === 'TCD' ? found.slice(0, -1) : found; // TCD leaves noise of the first step of training in its last
  for (const [i, latent] of compared.entries()) for (const [k, x] of latent.entries()) expect(x).toBeCloseTo(path[i]![k]!, 3);
});

test('a scheduler of another noise is refused by name', () => {
  const config = (values: object) => () => scheduleConfig(settings(values));
  expect(config({ _class_name: 'FlowMatchEulerDiscreteScheduler' })).toThrow(
    '"_class_name" is "FlowMatchEulerDiscreteScheduler", expected',
  );
  expect(config({ _class_name: 'DDIMScheduler', beta_schedule: 'linear' })).toThrow('"beta_schedule" is "linear", expected one of');
  expect(config({ _class_name: 'DDIMScheduler', rescale_betas_zero_snr: true })).toThrow('a noise without any signal');
});
