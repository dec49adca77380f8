// The stages of a training run on a CUDA machine, as data: each has one state and one or more programs that share it (small and
// large pictures, with and without references), and for each program a plan of where its inputs come from and a small graph that
// computes the rest of them. It is recipes 3 to 6 said in programs; what the networks are like is nowhere here.
// Not here: what draws the data (kit.ts, draw.ts), how it is written (pack.ts), who runs it (chain.py).
// Legend: B batch, L room for latent tokens, S for reference tokens, T for text tokens, C channels, G grids, d head width.
import type { DataOptions } from '../../src/data/sample.ts';
import { pixelsOf } from '../../src/data/pack.ts';
import {
  add,
  cast,
  concat,
  cos,
  expand,
  floor,
  gather,
  greater,
  log,
  max,
  mean,
  min,
  mul,
  reshape,
  round,
  sin,
  sub,
  div,
  unsqueeze,
  where,
  abs,
} from '../../src/graph/ops.ts';
import { constant, graph, input, type Graph, type Value } from '../../src/graph/value.ts';
import { CELLS, ENCODER_PIXELS, type Config } from '../../src/models/banana/config.ts';
import { referencePositions } from '../../src/models/banana/references.ts';
import type { Grid } from '../../src/sampling/noise.ts';
import { gridPositions, rotaryTable } from '../../src/nn/rope.ts';
import type { Specs } from '../../src/nn/scope.ts';
import { fakeProduct, levelsOf } from '../../src/quant/fake-quant.ts';
import { planOf } from '../../src/quant/plan.ts';
import { float32, int64, type Tensor } from '../../src/tensor/tensor.ts';
import { autoencoderProgram } from '../../src/train/autoencoder.ts';
import { distillProgram, TEACHER } from '../../src/train/distill.ts';
import { gridFeeds } from '../../src/train/grids.ts';
import { cosineRate } from '../../src/train/run.ts';
import { EXACT, quantizeProgram } from '../../src/train/quantize.ts';
import type { Program } from '../../src/train/step.ts';
import { teacherProgram } from '../../src/train/teacher.ts';
import { schedulePoints, type Plan, type Source } from '../../src/train/plan.ts';

/** How much of everything a preset gets there. Batches: the first is tried first, the next where memory does not do. */
export interface Amounts {
  /** Side of the pictures in pixels; others have about the same area. */
  readonly size: number;
  /** Side of the reference pictures. */
  readonly reference: number;
  readonly crop: number;
  /** Pictures with crops, for the autoencoder, and without, for the transformer. */
  readonly pictures: readonly [number, number];
  readonly shard: number;
  /** Seconds of each stage, rates, and batches of large and of small pictures. */
  readonly stages: Readonly<
    Record<
      StageName,
      { readonly seconds: number; readonly rate: number; readonly batches: readonly number[]; readonly small?: readonly number[] }
    >
  >;
}
export type StageName = 'autoencoder' | 'teacher' | 'student' | 'quantized';

export const CUDA_AMOUNTS: Readonly<Record<string, Amounts>> = {
  tiny: {
    size: 64,
    reference: 32,
    crop: 32,
    pictures: [256, 256],
    shard: 64,
    stages: {
      autoencoder: { seconds: 20, rate: 0.004, batches: [8, 4], small: [16] },
      teacher: { seconds: 20, rate: 0.004, batches: [16, 8], small: [32] },
      student: { seconds: 10, rate: 0.0005, batches: [16] },
      quantized: { seconds: 10, rate: 0.0001, batches: [16] },
    },
  },
  nano: {
    size: 512,
    reference: 160,
    crop: 96,
    pictures: [20_480, 163_840],
    shard: 64,
    stages: {
      autoencoder: { seconds: 360, rate: 0.002, batches: [128, 64, 32], small: [512, 256, 128] },
      teacher: { seconds: 600, rate: 0.002, batches: [192, 96, 48], small: [768, 384, 192] },
      student: { seconds: 260, rate: 0.0003, batches: [96, 48, 24], small: [384, 192, 96] },
      quantized: { seconds: 120, rate: 0.00005, batches: [96, 48, 24] },
    },
  },
};

/** One program of a stage at one batch size. */
export interface Part {
  /** `small`, `large`, `subjects`: rows of the data of this name. */
  readonly rows: string;
  readonly batch: number;
  readonly program: Program;
  readonly prepare: Graph;
  readonly plan: Plan;
  /** How often it is chosen, by the share of the stage that is done. */
  readonly weight: readonly (readonly [number, number])[];
}

export interface TrainingStage {
  readonly name: StageName;
  readonly seconds: number;
  /** Alternatives of each part, largest batch first. Made when asked for: a program of a large network is large itself. */
  readonly parts: readonly {
    readonly rows: string;
    readonly weight: Part['weight'];
    readonly batches: readonly number[];
    make(batch: number): Part;
  }[];
  /** Every weight that is trained. */
  readonly specs: Specs;
  /** Stage whose averaged weights it begins with, and prefixes under which stages' averaged weights are read. */
  readonly begin?: StageName;
  readonly frozen?: Readonly<Record<string, StageName>>;
  /** Bits of its matrices in the file that comes back: what the model's file will have. */
  readonly bits: Readonly<Record<string, number>>;
}

/** The latent grids of a preset's data at a size, squares first. */
export function gridsOf(data: DataOptions, size: number): Grid[] {
  const side = size / ENCODER_PIXELS;
  const all = data.aspects.map((a) => pixelsOf(a, size)).map(([w, h]): Grid => ({ rows: h / ENCODER_PIXELS, columns: w / ENCODER_PIXELS }));
  const keys = [{ rows: side, columns: side }, ...all].map((g) => JSON.stringify(g));
  return [...new Set(keys)].map((key) => JSON.parse(key) as Grid);
}

const tokensOf = (g: Grid) => g.rows * g.columns;
const data = (key: string): Source => ({ kind: 'data', key });
const rateSource = (rate: number, floorShare?: number): Source => ({
  kind: 'table',
  points: schedulePoints(cosineRate(rate, floorShare === undefined ? {} : { floor: floorShare })),
});

/** As a column: (B) to (B, 1). */
const column = (x: Value) => unsqueeze(x, -1);
const range = (n: number) => constant(float32([1, n], [...Array(n).keys()]));

/** `cropTables` of rectangles (B, 4) as a graph: the same numbers, up to rounding. */
export function cropTableGraph(rect: Value, side: number, cells: number): Record<string, Value> {
  const B = rect.shape[0] as number;
  const corner = (i: number) => gather(rect, constant(int64([1], [i])), 1); // (B, 1)
  const [x0, y0, x1] = [corner(0), corner(1), corner(2)];
  const width = sub(x1, x0); // of the whole picture; a crop is square, and so is its picture
  const axis = (from: Value) => {
    const at = sub(mul(add(from, mul(mul(add(range(side), 0.5), 1 / side), width)), cells), 0.5); // (B, P), in cells
    const near = min(max(at, 0), cells - 1);
    const weights = max(sub(1, abs(sub(column(near), reshape(range(cells), [1, 1, cells])))), 0); // (B, P, cells)
    const turn = column(mul(sub(at, floor(at)), 2 * Math.PI));
    return { weights, code: concat([sin(turn), cos(turn), sin(mul(turn, 2)), cos(mul(turn, 2))], -1) };
  };
  const [rows, columns] = [axis(y0), axis(x0)];
  const scale = mul(log(div(side / cells, width)), 1 / Math.LN2);
  return {
    'crop.rows': rows.weights,
    'crop.columns': columns.weights,
    'crop.row-code': rows.code,
    'crop.column-code': columns.code,
    'crop.scale': reshape(scale, [B, 1]),
  };
}

/** Pictures at half their size, as the encoder of small pictures sees them: uint8 (B, 2n, 2n, 4) to (B, n, n, 4). */
function halved(image: Value): Value {
  const [B, H, W] = image.shape as [number, number, number];
  return cast(round(mean(reshape(cast(image, 'float32'), [B, H / 2, 2, W / 2, 2, 4]), { axes: [2, 4] })), 'uint8');
}

/** A part of the autoencoder's stage: whole pictures, or halved ones. */
function autoencoderPart(config: Config, a: Amounts, small: boolean, batch: number): Part {
  const side = small ? a.size / 2 : a.size;
  const h = side / ENCODER_PIXELS;
  const { program } = autoencoderProgram(config, { batch, side, crop: a.crop });
  const [strength, normal] = [input('strength', [batch]), input('normal', [batch, h * h, config.channels])];
  // Half of the batch is decoded from a slightly wrong latent, as the transformer will give it.
  const noise = mul(normal, column(column(max(sub(mul(strength, 2), 1), 0))));
  const whole = input('whole', [batch, a.size, a.size, 4], 'uint8');
  return {
    rows: 'pictures',
    batch,
    program,
    prepare: graph('prepare', {
      noise,
      ...(small && { image: halved(whole) }),
      ...cropTableGraph(input('rect', [batch, 4]), a.crop, h * CELLS),
    }),
    plan: {
      inputs: {
        ...(small ? { whole: data('image') } : { image: data('image') }),
        crop: data('crop'),
        rect: data('rect'),
        strength: { kind: 'uniform' },
        normal: { kind: 'normal', deviation: 0.25 },
        rate: rateSource(a.stages.autoencoder.rate),
      },
    },
    weight: small ? [[0, 0.25]] : [[0, 0.75]],
  };
}

/** Room and grids of one kind of rows. */
interface Room {
  readonly rows: string;
  readonly grids: readonly Grid[];
  /** Grid of a reference picture, where there are references. */
  readonly reference?: Grid;
}

/** What every transformer program is conditioned on, from rows of latents: the outputs of `prepare` and their sources. `dropped` (B) 1: neither caption nor references. */
function conditioned(
  config: Config,
  { grids, reference }: Room,
  B: number,
  empty: Empty,
  dropped?: Value,
): { outputs: Record<string, Value>; inputs: Record<string, Source> } {
  const { length } = config.text;
  const L = Math.max(...grids.map(tokensOf));
  const half = config.transformer.heads.width / 2;
  const tables = gridFeeds(grids, L, config);
  const grid = input('grid', [B], 'int64');
  const row = (name: string, shape: number[]) => reshape(gather(constant(tables[name]!), grid), [B, ...shape]);
  const [ids, count] = [input('ids', [B, length], 'int64'), input('count', [B])];
  const drop = dropped && column(greater(dropped, 0));
  const ends = drop ? where(drop, empty.count, column(count)) : column(count);
  const outputs: Record<string, Value> = {
    'rotary.cosine': row('rotary.cosine', [1, L, half]),
    'rotary.sine': row('rotary.sine', [1, L, half]),
    'image.mask': row('image.mask', [L]),
    'text.ids': drop ? where(drop, constant(int64([1, length], empty.ids)), ids) : add(ids, constant(int64([1], [0]))),
    'text.mask': cast(greater(ends, range(length)), 'float32'),
    'text.positions': add(constant(int64([length], [...Array(length).keys()])), constant(int64([1], [0]))),
  };
  const inputs: Record<string, Source> = {
    latent: data('latent'),
    noise: { kind: 'normal' },
    grid: data('grid'),
    ids: data('ids'),
    count: data('count'),
  };
  if (!reference) return { outputs, inputs };
  const { subjects } = config;
  const each = tokensOf(reference);
  const present = input('present', [B, subjects]); // 1 where the picture has this slot
  const seen = dropped ? mul(present, sub(1, column(dropped))) : present;
  const spread = (x: Value) => reshape(expand(column(x), [B, subjects, each]), [B, subjects * each]);
  const slots = Array.from({ length: subjects }, (_, i) => i + 1);
  const { cosine, sine } = rotaryTable(
    slots.flatMap((slot) => referencePositions(reference, slot)),
    config.transformer.heads.width,
  );
  return {
    outputs: {
      ...outputs,
      'reference.mask': spread(seen),
      'reference.slots': cast(spread(mul(seen, constant(float32([1, subjects], slots)))), 'int64'),
      'reference.cosine': add(constant(cosine), 0),
      'reference.sine': add(constant(sine), 0),
    },
    inputs: { ...inputs, 'reference.tokens': data('reference'), present: data('present') },
  };
}

/** The empty prompt. */
export interface Empty {
  readonly ids: readonly number[];
  readonly count: number;
}

/** Share of pictures without caption and references, so that the network also knows pictures without a prompt. */
const DROP = 0.1;
const GUIDANCE = [2, 5] as const;
const HOP = [1 / 6, 1 / 16] as const;

type MakePart = (room: Room, batch: number, weight: Part['weight']) => Part;
const sizesOf = (config: Config, { grids, reference }: Room, batch: number) => ({
  batch,
  tokens: Math.max(...grids.map(tokensOf)),
  references: reference ? tokensOf(reference) * config.subjects : 0,
});

const teacherPart =
  (config: Config, a: Amounts, empty: Empty): MakePart =>
  (room, batch, weight) => {
    const chance = input('chance', [batch]);
    const { outputs, inputs } = conditioned(config, room, batch, empty, cast(greater(DROP, chance), 'float32'));
    return {
      rows: room.rows,
      batch,
      weight,
      program: teacherProgram(config, sizesOf(config, room, batch)).program,
      prepare: graph('prepare', outputs),
      // Logit-normal times (Esser et al. 2024), moved towards the noise, where a small latent is decided.
      plan: {
        inputs: { ...inputs, chance: { kind: 'uniform' }, t: { kind: 'logit-normal', mean: 0.4 }, rate: rateSource(a.stages.teacher.rate) },
      },
    };
  };

/** Times t and guidance of a distillation step, and s a hop before t: every fourth picture begins at pure noise, where the one-step picture is made. */
function hopTimes(B: number): { t: Value; s: Value } {
  const [first, u, hop] = [input('first', [B]), input('u', [B]), input('hop', [])];
  const t = where(greater(0.25, first), 1, add(mul(hop, 0.5), mul(u, sub(1, mul(hop, 0.5)))));
  return { t, s: max(sub(t, hop), 0) };
}

const distillSources = (hop: Source): Record<string, Source> => ({
  first: { kind: 'uniform' },
  u: { kind: 'uniform' },
  hop,
  guidance: { kind: 'uniform', low: GUIDANCE[0], high: GUIDANCE[1] },
});

const studentPart =
  (config: Config, a: Amounts, empty: Empty): MakePart =>
  (room, batch, weight) => {
    const { outputs, inputs } = conditioned(config, room, batch, empty);
    const { length } = config.text;
    const mask = Array.from({ length }, (_, i) => (i < empty.count ? 1 : 0));
    const same = (t: Tensor) => add(expand(constant(t), [batch, length]), t.dtype === 'int64' ? constant(int64([1], [0])) : 0);
    const hop: Source = { kind: 'table', points: schedulePoints((done) => HOP[0] * (HOP[1] / HOP[0]) ** done, 20) };
    return {
      rows: room.rows,
      batch,
      weight,
      program: distillProgram(config, sizesOf(config, room, batch)).program,
      prepare: graph('prepare', {
        ...outputs,
        ...hopTimes(batch),
        'null.ids': same(int64([1, length], empty.ids)),
        'null.mask': same(float32([1, length], mask)),
      }),
      plan: { inputs: { ...inputs, ...distillSources(hop), rate: rateSource(a.stages.student.rate, 0.1) } },
    };
  };

const quantizedPart =
  (config: Config, a: Amounts, empty: Empty, plan: Readonly<Record<string, number>>): MakePart =>
  (room, batch, weight) => {
    const { outputs, inputs } = conditioned(config, room, batch, empty);
    const { t } = hopTimes(batch);
    return {
      rows: room.rows,
      batch,
      weight,
      program: quantizeProgram(config, sizesOf(config, room, batch), {
        product: fakeProduct({ plan, activations: 'tensor', least: input('least', []) }),
      }).program,
      prepare: graph('prepare', { ...outputs, t }),
      plan: {
        inputs: {
          ...inputs,
          ...distillSources({ kind: 'constant', value: HOP[1] }),
          least: {
            kind: 'table',
            points: [
              [0, levelsOf(6)],
              [0.05, levelsOf(6)],
              [0.0501, levelsOf(4)],
            ],
          },
          rate: rateSource(a.stages.quantized.rate),
        },
      },
    };
  };

/** Every stage of a preset, in order. `grids`: all grids of the data, the square first; row `grid` of the data counts in them. */
export function stagesOf(config: Config, a: Amounts, dataOptions: DataOptions, empty: Empty): TrainingStage[] {
  const grids = gridsOf(dataOptions, a.size);
  const side = a.size / ENCODER_PIXELS;
  const least = a.reference / ENCODER_PIXELS;
  const rooms: Record<string, Room> = {
    small: { rows: 'small', grids: [{ rows: side / 2, columns: side / 2 }] },
    large: { rows: 'large', grids },
    subjects: { rows: 'subjects', grids, reference: { rows: least, columns: least } },
  };
  const share = dataOptions.subjects > 0 ? 0.15 : 0;
  const transformerParts = (make: MakePart, name: StageName, weights: Record<string, Part['weight']>): TrainingStage['parts'] =>
    Object.entries(weights).flatMap(([rows, weight]) => {
      const { batches, small = batches } = a.stages[name];
      if (rows === 'subjects' && share === 0) return [];
      return [{ rows, weight, batches: rows === 'small' ? small : batches, make: (batch: number) => make(rooms[rows]!, batch, weight) }];
    });
  const whole = { batch: 1, tokens: side * side, references: least * least * config.subjects };
  const autoencoder = autoencoderProgram(config, { batch: 1, side: a.size, crop: a.crop }).specs;
  const teacher = teacherProgram(config, whole).specs;
  const student = distillProgram(config, whole).specs;
  const four = planOf(student);
  const eight = (specs: Specs) => planOf(specs, 8);
  const { batches, small = batches } = a.stages.autoencoder;
  const seconds = (name: StageName) => ({ name, seconds: a.stages[name].seconds });
  return [
    {
      ...seconds('autoencoder'),
      specs: autoencoder,
      bits: {},
      parts: [
        { rows: 'pictures', weight: [[0, 0.75]], batches, make: (batch) => autoencoderPart(config, a, false, batch) },
        ...(a.size / 2 >= ENCODER_PIXELS
          ? [
              {
                rows: 'pictures',
                weight: [[0, 0.25]] as Part['weight'],
                batches: small,
                make: (batch: number) => autoencoderPart(config, a, true, batch),
              },
            ]
          : []),
      ],
    },
    // Most of what a picture shows is learned from small latents, which cost a quarter; sizes and shapes come later.
    {
      ...seconds('teacher'),
      specs: teacher,
      bits: eight(teacher),
      parts: transformerParts(teacherPart(config, a, empty), 'teacher', {
        small: [
          [0, 0.9],
          [0.35, 0.75],
          [0.55, 0.2],
          [1, 0.15],
        ],
        large: [
          [0, 0.1],
          [0.35, 0.2],
          [0.55, 0.6],
          [1, 0.65],
        ],
        subjects: [
          [0, 0],
          [0.3, 0.05],
          [0.55, 0.2],
        ],
      }),
    },
    {
      ...seconds('student'),
      specs: student,
      begin: 'teacher',
      frozen: { [TEACHER]: 'teacher' },
      bits: eight(student),
      parts: transformerParts(studentPart(config, a, empty), 'student', { small: [[0, 0.3]], large: [[0, 0.5]], subjects: [[0, 0.2]] }),
    },
    {
      ...seconds('quantized'),
      specs: student,
      begin: 'student',
      frozen: { [EXACT]: 'student' },
      bits: four,
      parts: transformerParts(quantizedPart(config, a, empty, four), 'quantized', { large: [[0, 0.8]], subjects: [[0, 0.2]] }),
    },
  ];
}

/** Tables that a square picture of `grid` is turned by: host numbers for encoding and for sample sheets. */
export const rotaryOf = (grid: Grid, headWidth: number) => rotaryTable(gridPositions(grid.rows, grid.columns), headWidth);
