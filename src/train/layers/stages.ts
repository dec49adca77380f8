// The stages of the layered model's training, as data: each has one state and several programs that share it, one a room, and for
// each program where its inputs come from. Recipes write them as folders for one machine, tools/cuda as a chain for another.
// The student: consistency distillation as floats, then on with the arithmetic of the quantized kernels, bits lowered once.
import { add, max, mul, sub, where, greater } from '../../graph/ops.ts';
import { input, type Graph, type Value } from '../../graph/value.ts';
import type { LayersConfig } from '../../models/layers/config.ts';
import { layersSpecs } from '../../models/layers/file.ts';
import { tokenCount } from '../../models/layers/layout.ts';
import type { Product, Specs } from '../../nn/scope.ts';
import { fakeProduct } from '../../quant/fake-quant.ts';
import { planOf } from '../../quant/plan.ts';
import { FROM_NOISE, hopAt } from '../distill.ts';
import { schedulePoints, type Plan, type Source } from '../plan.ts';
import { bitsPoints } from '../bits.ts';
import { cosineRate } from '../run.ts';
import type { Program } from '../step.ts';
import { ROOMS, roomPrepare, roomsOf, type BankRows, type RoomPlan } from './rows.ts';
import { layeredStudent } from './student.ts';
import { layeredTeacher, TIMES, type Room } from './teacher.ts';

/** A program of a stage at one batch size. */
export interface StageProgram {
  readonly program: Program;
  readonly specs: Specs;
  readonly prepare: Graph;
  readonly plan: Plan;
}

/** One of a stage's programs. */
export interface StagePart {
  readonly name: string;
  /** The room whose rows it reads. */
  readonly room: RoomPlan;
  /** How often it is chosen, by the share of the stage that is done: points of straight lines. */
  readonly weight: readonly (readonly [number, number])[];
  /** Makes it, for a stage whose pictures of one object alone come `batch` at a time: about as many tokens, whatever the room. */
  make(batch: number): StageProgram & { readonly batch: number };
}

/** What a stage is made for. */
export interface StageOptions {
  readonly config: LayersConfig;
  /** Rows of the bank's tables. */
  readonly bank: BankRows;
  /** Peak learning rate. */
  readonly rate: number;
}

const rateSource = (rate: number, floor?: number): Source => ({
  kind: 'table',
  points: schedulePoints(cosineRate(rate, floor === undefined ? {} : { floor })),
});

/** Where the inputs of a room's programs come from, but for times and rate. */
function roomSources({ layout, references }: RoomPlan): Plan['inputs'] {
  const rows = [
    ...(layout.objects > 0 ? ['drawing', 'objects', 'frames'] : []),
    ...(layout.canvas ? ['ground', 'canvas'] : []),
    ...(references ? ['reference', 'reference.slot', 'reference.there'] : []),
    'ids',
    'count',
  ];
  const normal = { kind: 'normal' } as const;
  return {
    ...Object.fromEntries(rows.map((key) => [key, { kind: 'data', key } as const])),
    ...(layout.objects > 0 && { 'frames.noise': normal }),
    'content.noise': normal,
  };
}

/** What distinguishes a stage's programs. */
interface Kind {
  readonly name?: string;
  weight(share: number): StagePart['weight'];
  program(room: Room): { program: Program; specs: Specs };
  /** Inputs that are computed from drawn ones, for a batch. */
  prepared?(batch: number): Record<string, Value>;
  readonly inputs: Plan['inputs'];
}

/** A program of this kind for every room. */
function roomParts({ config, bank }: StageOptions, kind: Kind): StagePart[] {
  const tokens = tokenCount(ROOMS[0]!.layout);
  return roomsOf(config.name).map((full) => {
    const room = { ...full, text: Math.min(full.text, config.text.length) };
    return {
      name: `${room.name}${kind.name ?? ''}`,
      room,
      weight: kind.weight(room.share),
      make(alone) {
        const batch = Math.max(1, Math.round((alone * tokens) / tokenCount(room.layout)));
        const sizes = { batch, layout: room.layout, text: room.text, references: room.references };
        return {
          batch,
          ...kind.program(sizes),
          prepare: roomPrepare(room, sizes, config, bank, kind.prepared?.(batch)),
          plan: { inputs: { ...roomSources(room), ...kind.inputs } },
        };
      },
    };
  });
}

/** The teacher's stage. Logit-normal times (Esser et al. 2024), moved towards the noise: coarse channels are loud. */
export const teacherStage = (options: StageOptions): StagePart[] =>
  roomParts(options, {
    weight: (share) => [[0, share]],
    program: (room) => layeredTeacher(options.config, room),
    inputs: { t: { kind: 'logit-normal', ...TIMES }, rate: rateSource(options.rate) },
  });

/** Share of the student's stage after which it is trained in the few bits of its file. */
const QUANTIZED_FROM = 0.6;

/** Times t of a distillation step, some at pure noise, and s a hop before t. Inputs: first, u (B), uniform, and hop. */
function hopTimes(B: number): { t: Value; s: Value } {
  const [first, u, hop] = [input('first', [B]), input('u', [B]), input('hop', [])];
  const t = where(greater(FROM_NOISE, first), 1, add(mul(hop, 0.5), mul(u, sub(1, mul(hop, 0.5)))));
  return { t, s: max(sub(t, hop), 0) };
}

/** The student's stage: it begins with the teacher's averaged weights, which are frozen under `teacher.` too. */
export function studentStage(options: StageOptions): StagePart[] {
  const { config, rate } = options;
  const plan = planOf(layersSpecs(config));
  const product = (): Product => fakeProduct({ plan, activations: 'tensor', least: input('least', []) });
  const inputs: Plan['inputs'] = {
    first: { kind: 'uniform' },
    u: { kind: 'uniform' },
    hop: { kind: 'table', points: schedulePoints(hopAt, 20) },
    rate: rateSource(rate, 0.1),
  };
  const float = roomParts(options, {
    weight: (share) => [
      [0, share],
      [QUANTIZED_FROM, share],
      [QUANTIZED_FROM, 0],
    ],
    program: (room) => layeredStudent(config, room),
    prepared: hopTimes,
    inputs,
  });
  const quantized = roomParts(options, {
    name: '-quantized',
    weight: (share) => [
      [0, 0],
      [QUANTIZED_FROM, 0],
      [QUANTIZED_FROM, share],
    ],
    program: (room) => layeredStudent(config, room, { product: product() }),
    prepared: hopTimes,
    inputs: { ...inputs, least: { kind: 'table', points: bitsPoints(QUANTIZED_FROM) } },
  });
  return [...float, ...quantized];
}
