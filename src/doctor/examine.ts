// A look at a model while it draws a fixed prompt: each stage's numbers and seconds, and what is wrong with them. For a person whose weights
// we have never seen: what is NaN, what lies far outside of any picture, whether the prompt is heard at all.
import { NO_PEELS } from '../adapters/stack.ts';
import type { Size } from '../image/image.ts';
import type { Painter } from '../models/family.ts';
import { noiseOf } from '../models/layout.ts';
import { checkpoint } from '../runtime/engine.ts';
import type { Velocity } from '../sampling/sampler.ts';
import { random } from '../util/random.ts';
import { distance, numbersOf, type Numbers } from './numbers.ts';

/** The prompt that every model draws, and one that must give something else. */
export const PROMPT = 'a red fox in the snow';
const OTHER = 'a blue sailing ship at night';
const SEED = 1;

export type StageName = 'text' | 'velocity' | 'latent' | 'pixels';

export interface StageReport {
  readonly name: StageName;
  /** Of the velocity: 1-based; absent for stages that run once. */
  readonly step?: number;
  readonly numbers: Numbers;
  readonly seconds: number;
}

export interface Examination {
  readonly size: Size;
  readonly steps: number;
  readonly stages: readonly StageReport[];
  /** How far the first velocity of another prompt is from this one's, relative. */
  readonly heard: number;
  /** What is wrong, a line each. */
  readonly findings: readonly string[];
  /** Seconds of a picture in the model's own number of steps, as it went here; the first run of each stage warms up and is not counted in. */
  readonly expected: { readonly text: number; readonly step: number; readonly pixels: number; readonly all: number };
}

export interface ExamineOptions {
  readonly size?: Size;
  readonly signal?: AbortSignal;
}

/** Draws and looks. Throws what drawing throws, and the signal's reason once it is aborted. */
export async function examine(painter: Painter, { size = { width: 512, height: 512 }, signal }: ExamineOptions = {}): Promise<Examination> {
  const { info } = painter;
  const steps = info.steps.find((n) => n >= 2) ?? info.steps[0]!; // so that the second shows how long one takes
  const [{ condition, numbers: text }, textSeconds] = await timed(() => read(painter, PROMPT));
  const stages: StageReport[] = [...(text ? [{ name: 'text', numbers: text, seconds: textSeconds } as const] : [])];
  const layout = condition.layout(size, 1);
  const options = { guidance: info.guidance, ...(signal && { signal }) };
  const rng = random(SEED);
  const noise = noiseOf(rng.split('noise'), layout);
  const velocity = condition.velocity(layout, options);
  let first: { x: Float32Array<ArrayBuffer>; t: number; v: Float32Array } | undefined;
  const looked: Velocity = async (x, t) => {
    await checkpoint(signal);
    const [v, seconds] = await timed(() => velocity(x, t));
    first ??= { x: x.slice(), t, v: v.slice() };
    stages.push({ name: 'velocity', step: stages.filter(({ name }) => name === 'velocity').length + 1, numbers: numbersOf(v), seconds });
    return v;
  };
  let latent = noise;
  for await (const step of painter.sampler(looked, noise, painter.times(steps), rng.split('steps'))) latent = step.latent;
  stages.push({ name: 'latent', numbers: numbersOf(latent), seconds: 0 });
  const draw = async () => (await painter.decode(latent, layout)).render({ x: 0, y: 0, ...size }, size);
  await draw();
  const [pixels, seconds] = await timed(draw);
  stages.push({ name: 'pixels', numbers: numbersOf(colours(pixels.data as Float32Array)), seconds });
  const [{ condition: other }, again] = await timed(() => read(painter, OTHER));
  const { x, t, v } = first!;
  const [seen, warm] = await timed(() => other.velocity(layout, options)(x, t));
  const heard = distance(seen, v);
  return { size, steps, stages, heard, findings: findingsOf(stages, heard), expected: expectedOf(info.defaultSteps, again, warm, stages) };
}

async function read(painter: Painter, prompt: string) {
  const condition = await painter.read(prompt, [], NO_PEELS);
  const states = Object.values(condition.states ?? {});
  const all = states.flatMap(({ data }) => Array.from(data as Float32Array, Number));
  return { condition, numbers: states.length > 0 ? numbersOf(all) : undefined };
}

async function timed<T>(work: () => Promise<T>): Promise<[T, number]> {
  const from = performance.now();
  const result = await work();
  return [result, (performance.now() - from) / 1000];
}

/** Red, green and blue of (..., 4). */
const colours = (rgba: Float32Array): Float32Array => rgba.filter((_, i) => i % 4 < 3);

/** `text` and `warm`: seconds of another prompt and of a step with it, once everything is warm; a model of one step has no other warm step. */
function expectedOf(steps: number, text: number, warm: number, stages: readonly StageReport[]): Examination['expected'] {
  const of = (stage: StageName) => stages.filter(({ name }) => name === stage);
  const later = of('velocity').slice(1);
  const step = Math.min(warm, ...later.map(({ seconds }) => seconds));
  const [{ seconds: pixels }] = of('pixels') as [StageReport];
  return { text, step, pixels, all: text + steps * step + pixels };
}

/** Where a healthy stage's spread lies; pixels are of [-1, 1], a velocity and a latent of about 1, features of anything. */
const SPREAD: Readonly<Record<StageName, readonly [least: number, most: number]>> = {
  text: [1e-4, 1e4],
  velocity: [0.02, 50],
  latent: [0.02, 50],
  pixels: [0.01, 2],
};
/** A prompt that changes less than this is not heard. */
const DEAF = 1e-5;

function findingsOf(stages: readonly StageReport[], heard: number): string[] {
  const found = stages.flatMap(({ name, step, numbers: { count, bad, deviation } }): string[] => {
    const stage = step === undefined ? name : `${name} of step ${step}`;
    if (bad > 0) return [`${stage}: ${bad} of ${count} numbers are NaN or infinite`];
    const [least, most] = SPREAD[name];
    if (deviation >= least && deviation <= most) return [];
    return [`${stage}: its numbers spread by ${deviation.toPrecision(3)}, expected ${least} to ${most}${HINTS[name] ?? ''}`];
  });
  if (!(heard >= DEAF)) found.push(`the prompt is not heard: another one changes the velocity by ${(100 * heard).toPrecision(2)} %`);
  return found;
}

const HINTS: Readonly<Partial<Record<StageName, string>>> = {
  pixels: ': a picture of one colour, or far beyond white and black; is the decoder that of this model?',
  latent: '; is the file whole, and the number of steps one that it was made for?',
};
