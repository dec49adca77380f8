// The noise of Stable Diffusion's training as times of the straight path (sampling/path.ts), and which times a sampler visits. A picture
// with noise of strength sigma, x0 + sigma e (Karras et al. 2022), is the path's at t = sigma / (1 + sigma), but for a factor; so is DDPM's
// sqrt(a) x0 + sqrt(1 - a) e with sigma^2 = (1 - a) / a. Steps of DDIM without noise and of Euler's method over sigma are the same ones, and
// Euler's along the path. Follows diffusers' schedulers in their times; not in what some leave of the noise at the end (set_alpha_to_one).
import { InputError } from '../../util/errors.ts';
import { oneOf, setting, type Settings } from './settings.ts';

/** Steps of the training. */
const TRAINED = 1000;
/** Steps of the schedule that a consistency model was distilled with. */
const DISTILLED = 50;

/** How steps go, of those that are one or the other. */
export type Kind = 'euler' | 'lcm' | 'tcd';
export type Spacing = 'leading' | 'trailing' | 'linspace';
export type Prediction = 'epsilon' | 'v_prediction' | 'sample';

/** What is known of how a model is drawn with. */
export interface ScheduleConfig {
  readonly kind: Kind;
  readonly spacing: Spacing;
  readonly prediction: Prediction;
  /** The noise of the training's steps begins and ends with these variances. */
  readonly betas: readonly [first: number, last: number];
  /** Steps that the times of 'leading' are moved towards the noise. */
  readonly offset: number;
  /** Whether it begins with the noise alone, without the little of a picture's place that DDPM leaves in it: diffusers' Euler does. */
  readonly pure: boolean;
}

/** What holds where a model says nothing: Stable Diffusion's training. */
export const USUAL: ScheduleConfig = {
  kind: 'euler',
  spacing: 'leading',
  prediction: 'epsilon',
  betas: [0.00085, 0.012],
  offset: 1,
  pure: false,
};

/** diffusers' schedulers: how each steps here, and its spacing where the config has none. First order stands for every deterministic one. */
const KINDS: Readonly<Record<string, readonly [Kind, Spacing, pure?: boolean]>> = {
  DDIMScheduler: ['euler', 'leading'],
  PNDMScheduler: ['euler', 'leading'],
  LMSDiscreteScheduler: ['euler', 'linspace', true],
  EulerDiscreteScheduler: ['euler', 'linspace', true],
  EulerAncestralDiscreteScheduler: ['euler', 'linspace', true],
  HeunDiscreteScheduler: ['euler', 'linspace', true],
  KDPM2DiscreteScheduler: ['euler', 'linspace', true],
  DPMSolverMultistepScheduler: ['euler', 'linspace'],
  DPMSolverSinglestepScheduler: ['euler', 'linspace'],
  DEISMultistepScheduler: ['euler', 'linspace'],
  UniPCMultistepScheduler: ['euler', 'linspace'],
  LCMScheduler: ['lcm', 'leading'],
  TCDScheduler: ['tcd', 'leading'],
};
const SPACINGS = { leading: 'leading', trailing: 'trailing', linspace: 'linspace' } as const;
const PREDICTIONS = { epsilon: 'epsilon', v_prediction: 'v_prediction', sample: 'sample' } as const;

/** From a scheduler's config. Throws InputError `model.manifest` for one of another noise, or that is not known here. */
export function scheduleConfig(settings: Settings): ScheduleConfig {
  const [kind, usual, sigmas = false] = oneOf(settings, '_class_name', KINDS);
  oneOf(settings, 'beta_schedule', { scaled_linear: true }, 'scaled_linear');
  if (settings.values['rescale_betas_zero_snr'] === true)
    throw new InputError(
      'model.manifest',
      `${settings.source}: "rescale_betas_zero_snr" is true; a noise without any signal is not drawn from`,
    );
  const number = (name: string, absent: number) => setting(settings, name, 'number', absent);
  const spacing = oneOf(settings, 'timestep_spacing', SPACINGS, usual);
  return {
    kind,
    spacing,
    pure: sigmas && spacing !== 'leading',
    prediction: oneOf(settings, 'prediction_type', PREDICTIONS, 'epsilon'),
    betas: [number('beta_start', USUAL.betas[0]), number('beta_end', USUAL.betas[1])],
    offset: number('steps_offset', 0),
  };
}

export interface Schedule {
  /** Sigma at the steps of the training, the least first. */
  readonly sigmas: Float64Array;
  /** Times of the path for a number of steps: from 1 to 0, of which the first stands for the most noise that the network knows. */
  times(steps: number): number[];
  /** What the most noise is at that number of steps: a time, and what noise of variance 1 is multiplied by to be there. */
  begin(steps: number): { readonly time: number; readonly gain: number };
  /** The step of the training at which there is so much noise as at a time of the path; between two of them a fraction. */
  stepOf(time: number): number;
  /** The time of the path of a step of the training. */
  timeOf(step: number): number;
}

/** sqrt(a) + sqrt(1 - a) at a time of the path: DDPM's picture with noise is the path's times the inverse of hypot(1 - t, t). */
export const scaleOf = (time: number): number => 1 / Math.hypot(1 - time, time);

export function scheduleOf({ kind, spacing, betas, offset, pure }: ScheduleConfig): Schedule {
  const sigmas = sigmasOf(betas);
  const timeOf = (step: number) => pathTime(between(sigmas, step));
  const steps = (count: number) => (kind === 'euler' ? SPACED[spacing](count, offset) : distilledSteps(count));
  return {
    sigmas,
    timeOf,
    stepOf: (time) => stepAt(sigmas, time / (1 - time)),
    times: (count) => [1, ...steps(count).slice(1).map(timeOf), 0],
    begin(count) {
      const time = timeOf(steps(count)[0]!);
      return { time, gain: pure ? time : 1 / scaleOf(time) };
    },
  };
}

const pathTime = (sigma: number): number => sigma / (1 + sigma);

function sigmasOf([first, last]: readonly [number, number]): Float64Array {
  let kept = 1;
  return Float64Array.from({ length: TRAINED }, (_, i) => {
    const root = Math.sqrt(first) + ((Math.sqrt(last) - Math.sqrt(first)) * i) / (TRAINED - 1);
    kept *= 1 - root ** 2;
    return Math.sqrt((1 - kept) / kept);
  });
}

/** An entry of a table, or between two of them. */
function between(table: Float64Array, at: number): number {
  const low = Math.floor(at);
  const share = at - low;
  return share === 0 ? table[low]! : table[low]! * (1 - share) + table[low + 1]! * share;
}

function stepAt(sigmas: Float64Array, sigma: number): number {
  let [low, high] = [0, sigmas.length - 1];
  if (!(sigma > sigmas[low]!)) return low;
  if (!(sigma < sigmas[high]!)) return high;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (sigmas[middle]! <= sigma) low = middle;
    else high = middle;
  }
  const step = low + (sigma - sigmas[low]!) / (sigmas[high]! - sigmas[low]!);
  return Math.abs(step - Math.round(step)) < 1e-6 ? Math.round(step) : step; // a time of the table is one of its steps
}

/** Steps of the training that are visited, from the noise on. */
const SPACED: Readonly<Record<Spacing, (count: number, offset: number) => number[]>> = {
  leading: (count, offset) =>
    Array.from({ length: count }, (_, i) => Math.min(TRAINED - 1, (count - 1 - i) * Math.floor(TRAINED / count) + offset)),
  trailing: (count) => Array.from({ length: count }, (_, i) => rounded(TRAINED - (i * TRAINED) / count) - 1),
  linspace: (count) => Array.from({ length: count }, (_, i) => (TRAINED - 1) * (count === 1 ? 1 : 1 - i / (count - 1))),
};

/** A half goes to the even number, as in NumPy. */
const rounded = (x: number): number => (x % 1 === 0.5 ? 2 * Math.round(x / 2) : Math.round(x));

/** Of a consistency model: some of those that it was distilled with. */
const distilledSteps = (count: number): number[] =>
  Array.from({ length: count }, (_, i) => TRAINED - 1 - Math.floor((i * DISTILLED) / count) * (TRAINED / DISTILLED));
