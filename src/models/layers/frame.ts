// The frame of an object: where it is, how large, and how high in the stack, as four numbers that a network sees with mean 0 and
// the deviation FRAME_GAIN. Repeating each number over 64 channels of gain 0.15 would say the same as one of gain 1.2.
import { FRAME_NUMBERS } from './config.ts';

/** Where an object stands. Units: shorter sides of the picture, from its middle. */
export interface Frame {
  /** Centre of the visible art: to the right, and down. */
  readonly x: number;
  readonly y: number;
  /** Longer side of the visible art. */
  readonly size: number;
  /** Height in the stack, 0 the lowest of the objects to 1 the highest. */
  readonly height: number;
}

/** Deviation of a frame's numbers as the transformer sees them. */
export const FRAME_GAIN = 1.2;

/** Mean and deviation of x, y, log2 size and height over the data's scenes. */
const LAW = [
  [0, 0.25],
  [0, 0.2],
  [-1.2, 0.6],
  [0.3, 0.4],
] as const satisfies readonly (readonly [number, number])[];

/** The four numbers of a frame. */
export function frameNumbers({ x, y, size, height }: Frame): number[] {
  return [x, y, Math.log2(size), height].map((v, i) => ((v - LAW[i]![0]) / LAW[i]![1]) * FRAME_GAIN);
}

/** The frame that `frameNumbers` gave these numbers for, from `at` on. */
export function frameOf(numbers: ArrayLike<number>, at = 0): Frame {
  const [x, y, log, height] = LAW.map(([mean, deviation], i) => (numbers[at + i]! / FRAME_GAIN) * deviation + mean) as [
    number,
    number,
    number,
    number,
  ];
  return { x, y, size: 2 ** log, height };
}

/** Variance of each number as the transformer sees it. */
export const FRAME_VARIANCE: readonly number[] = Array<number>(FRAME_NUMBERS).fill(FRAME_GAIN ** 2);
