// One program for each kind of pictures that the buckets have, and all of them as one session for the loop: what they train lies in one
// state, only their batches differ.
import { tokensOf, type Layout } from '../../models/layout.ts';
import type { Specs } from '../../nn/scope.ts';
import type { Port, Session } from '../../runtime/runtime.ts';
import type { Tensors } from '../../tensor/tensor.ts';
import { openStep, type Program } from '../step.ts';
import type { Bucket } from './family.ts';
import { frozenWeights } from './frozen.ts';
import { rowsThatFit, type PeelStep } from './program.ts';
import type { Training } from './training.ts';

export interface Programs {
  /** How a run begins, and one of its steps. */
  readonly program: Program;
  /** What they train. */
  readonly specs: Specs;
  /** Whether some go through their batch in parts. */
  readonly inParts: boolean;
  readonly open: () => Promise<Session>;
}

/** The programs for some buckets, at least one. Those that look alike to a program share one. */
export function programsFor(training: Training, buckets: readonly Bucket[]): Programs {
  const { family, settings, memory, frozen, runtime, signal } = training;
  const kinds = [...new Set(buckets.map(({ layout }) => kindOf(layout)))];
  const made = kinds.map((kind) => {
    const bucket = buckets.find(({ layout }) => kindOf(layout) === kind)!;
    const rows = rowsThatFit(settings.batch, memory, family.config, tokensOf(bucket.layout));
    return family.step(bucket, { ...settings, frozen, rows });
  });
  const open = ({ program }: PeelStep) => openStep(runtime, program, frozenWeights(program.graph, family.weights, family.blocks), signal);
  const begin = (weights: Tensors): Tensors => Object.assign({}, ...made.map(({ program }) => program.begin(weights)));
  const programOf = buckets.map(({ layout }) => made[kinds.indexOf(kindOf(layout))]!);
  return {
    program: { ...made[0]!.program, begin },
    specs: new Map(made.flatMap(({ specs }) => [...specs])),
    inParts: made.some(({ program }) => program.update),
    open: () => together(programOf, open),
  };
}

/** What a program sees of a layout: how many tokens of which width. */
function kindOf(layout: Layout): string {
  const counts = new Map<number, number>();
  for (const { rows, columns, channels } of layout) counts.set(channels, (counts.get(channels) ?? 0) + rows * columns);
  return JSON.stringify([...counts]);
}

/** Name of the feed that says of which bucket a batch is: its place in the list. */
export const BUCKET = 'bucket';

/** A session for batches of any bucket: a program is opened when a batch for it comes, the first at once. */
async function together(programOf: readonly PeelStep[], open: (step: PeelStep) => Promise<Session>): Promise<Session> {
  const sessions = new Map<PeelStep, Promise<Session>>();
  const opened = (step: PeelStep) => sessions.get(step) ?? sessions.set(step, open(step)).get(step)!;
  const { outputs } = await opened(programOf[0]!);
  const asked = programOf.flatMap(({ program: { graph, update } }) => [...graph.inputs, ...(update?.inputs ?? [])]);
  const names = new Set([BUCKET, ...asked.map(({ name }) => name!)]);
  return {
    inputs: [...names].map((name): Port => ({ name, dtype: 'float32', shape: [] })),
    outputs,
    async run({ [BUCKET]: bucket, ...feeds }) {
      const session = await opened(programOf[bucket!.data[0] as number]!);
      return session.run(Object.fromEntries(session.inputs.map(({ name }) => [name, feeds[name]!])));
    },
    async release() {
      for (const session of sessions.values()) await (await session).release();
    },
  };
}
