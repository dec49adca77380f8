// One program for each number of tokens that the buckets have, and all of them as one session for the loop: the weights that they
// train are the same, only their batches differ.
import type { Specs } from '../../nn/scope.ts';
import type { Session } from '../../runtime/runtime.ts';
import { openStep, type Program } from '../step.ts';
import { frozenWeights } from './frozen.ts';
import type { Bucket } from './pictures.ts';
import { peelProgram, rowsThatFit } from './program.ts';
import type { Training } from './training.ts';

export interface Programs {
  /** One of them: how a run begins. */
  readonly program: Program;
  /** What they train. */
  readonly specs: Specs;
  /** Whether some go through their batch in parts. */
  readonly inParts: boolean;
  readonly open: () => Promise<Session>;
}

/** The programs for some buckets, at least one. */
export function programsFor(training: Training, buckets: readonly Bucket[]): Programs {
  const {
    model: { config, weights, blocks },
    settings,
    memory,
    frozen,
    runtime,
    signal,
  } = training;
  const sizes = [...new Set(buckets.map(({ rows, columns }) => rows * columns))];
  const rowsOf = (tokens: number) => rowsThatFit(settings.batch, memory, config, tokens);
  const made = new Map(sizes.map((tokens) => [tokens, peelProgram(config, { ...settings, tokens, frozen, rows: rowsOf(tokens) })]));
  const open = (size: number) => {
    const { program } = made.get(size)!;
    return openStep(runtime, program, frozenWeights(program.graph, weights, blocks), signal);
  };
  return { ...made.get(sizes[0]!)!, inParts: [...made.values()].some(({ program }) => program.update), open: () => bySize(sizes, open) };
}

/** A session for batches that differ in the number of tokens: each size is opened when a batch of it comes, the first at once. */
async function bySize([first]: readonly number[], open: (size: number) => Promise<Session>): Promise<Session> {
  const sessions = new Map([[first!, open(first!)]]);
  const { inputs, outputs } = await sessions.get(first!)!;
  return {
    inputs,
    outputs,
    async run(feeds) {
      const size = feeds.noisy!.shape[1]!;
      if (!sessions.has(size)) sessions.set(size, open(size));
      return (await sessions.get(size)!).run(feeds);
    },
    async release() {
      for (const session of sessions.values()) await (await session).release();
    },
  };
}
