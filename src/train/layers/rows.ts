// Rows of layered pictures, room by room: small numbers that say which drawings of the bank stand where. What a program reads is
// gathered from them by a small graph on the machine that trains.
// Legend: R rows, B batch, N room for objects, S = 16 N reference tokens, T text tokens, C channels.
import { add, cast, concat, expand, gather, greater, reshape, unsqueeze } from '../../graph/ops.ts';
import { constant, graph, input, type Graph, type Value } from '../../graph/value.ts';
import { layeredSample, type LayeredKind, type LayeredObject, type LayeredSample } from '../../data/layered.ts';
import { loosely } from '../../data/loose.ts';
import type { DataOptions } from '../../data/sample.ts';
import { FRAME_NUMBERS, GRID, PICTURE_GRID, type LayersConfig } from '../../models/layers/config.ts';
import type { Learned } from '../../models/layers/file.ts';
import { frameNumbers } from '../../models/layers/frame.ts';
import { canvasTokens, CELLS_PER_OBJECT, type Layout } from '../../models/layers/layout.ts';
import { float32, int64, type Tensors } from '../../tensor/tensor.ts';
import type { Tokenizer } from '../../tokenizer/tokenizer.ts';
import { random } from '../../util/random.ts';
import type { Room } from './teacher.ts';

/** Tables of a bank: rows of content tokens, (rows, tokens, C). */
export type BankTable = 'bank.drawings' | 'bank.canvases' | 'bank.wide' | 'bank.tall' | 'bank.pictures';

/** How many rows each has. */
export type BankRows = Readonly<Record<BankTable, number>>;

/** One kind of pictures: what room they need, what is drawn, and how often. */
export interface RoomPlan {
  readonly name: string;
  readonly layout: Layout;
  readonly text: number;
  /** None of them: whole pictures. */
  readonly kinds: readonly LayeredKind[];
  /** Where canvases, or whole pictures, are. */
  readonly canvases?: BankTable;
  readonly references?: boolean;
  /** Data options that differ. */
  readonly data?: Partial<DataOptions>;
  /** Share of the captions that are said loosely; default LOOSE. */
  readonly loose?: number;
  /** Share of the steps. */
  readonly share: number;
}

const LOOSE = 0.12;

const square = { rows: GRID, columns: GRID };
const CAPTIONS: DataOptions['captions'] = { languages: { en: 0.85, nl: 0.15 }, dropBackground: 0.6 };

/** The rooms. Steps see about the same number of tokens, whatever their room. */
export const ROOMS: readonly RoomPlan[] = [
  // Drawings alone, on nothing: what things look like is learned at half the price.
  {
    name: 'alone',
    layout: { objects: 1 },
    text: 20,
    kinds: ['single'],
    data: { grounds: 'transparent', captions: CAPTIONS },
    loose: 0.3,
    share: 0.22,
  },
  { name: 'one', layout: { objects: 1, canvas: square }, text: 24, kinds: ['single', 'scene'], share: 0.08 },
  { name: 'two', layout: { objects: 2, canvas: square }, text: 32, kinds: ['scene'], share: 0.13 },
  { name: 'many', layout: { objects: 6, canvas: square }, text: 32, kinds: ['scene'], share: 0.1 },
  {
    name: 'subjects',
    layout: { objects: 4, canvas: square },
    text: 32,
    kinds: ['figures', 'scene', 'figures', 'single'],
    references: true,
    data: { subjects: 1 },
    share: 0.16,
  },
  {
    name: 'cast',
    layout: { objects: 5, canvas: { rows: GRID, columns: 7 } },
    text: 40,
    kinds: ['figures'],
    canvases: 'bank.wide',
    references: true,
    data: { aspects: [[448, 256, 1]] },
    share: 0.09,
  },
  {
    name: 'wide',
    layout: { objects: 3, canvas: { rows: GRID, columns: 7 } },
    text: 32,
    kinds: ['scene', 'single'],
    canvases: 'bank.wide',
    data: { aspects: [[448, 256, 1]] },
    share: 0.03,
  },
  {
    name: 'tall',
    layout: { objects: 3, canvas: { rows: 7, columns: GRID } },
    text: 32,
    kinds: ['scene', 'single'],
    canvases: 'bank.tall',
    data: { aspects: [[256, 448, 1]] },
    share: 0.03,
  },
  {
    name: 'pictures',
    layout: { objects: 0, canvas: { rows: PICTURE_GRID, columns: PICTURE_GRID } },
    text: 32,
    kinds: [],
    canvases: 'bank.pictures',
    share: 0.16,
  },
];

/** What a model can do besides that was trained in rooms of these names. */
export function roomAbilities(names: readonly string[]): Learned[] {
  const rooms = ROOMS.filter(({ name }) => names.includes(name));
  return [
    ...(rooms.some(({ layout }) => layout.objects === 0) ? (['image'] as const) : []),
    ...(rooms.some(({ references }) => references) ? (['references'] as const) : []),
  ];
}

/** Rooms of `tiny`, which shows that the chain holds: one of each kind. */
const FEW = ['alone', 'subjects', 'pictures'];

/** The rooms that a preset is trained in. */
export const roomsOf = (preset: string): readonly RoomPlan[] => ROOMS.filter(({ name }) => preset !== 'tiny' || FEW.includes(name));

/** Fewest objects of a room's pictures: fewer are another room's, where there is one. */
const least = ({ name }: RoomPlan): number => ({ two: 2, many: 3, cast: 2 })[name] ?? 1;

/** Rows by key of the bank's drawings and canvases. */
export interface BankKeys {
  readonly drawings: ReadonlyMap<string, number>;
  readonly canvases: ReadonlyMap<string, number>;
}

/** Pictures of a room without end, those of `seed`. A drawing that the bank lacks leaves its picture out. */
export function* roomSamples(plan: RoomPlan, data: DataOptions, keys: BankKeys, seed: number): Generator<LayeredSample, never> {
  const options = { ...data, ...plan.data };
  const known = ({ drawing, reference }: LayeredObject) =>
    keys.drawings.has(drawing) && (reference === undefined || keys.drawings.has(reference.drawing));
  for (let i = 0; ; i++) {
    const sample = layeredSample(seed, i, plan.kinds[i % plan.kinds.length]!, options);
    const { length } = sample.objects;
    if (length < least(plan) || length > plan.layout.objects) continue;
    if (plan.references && !sample.objects.some(({ reference }) => reference)) continue;
    if (sample.objects.every(known)) yield sample;
  }
}

/** A share of captions said loosely, where they still have room. */
function saidLoosely(captions: readonly string[], { text, loose = LOOSE }: RoomPlan, tokenizer: Tokenizer): string[] {
  const stream = random(LOOSE_SEED);
  return captions.map((caption, i) => {
    const rng = stream.split(i);
    if (rng.uniform() >= loose) return caption;
    const said = loosely(caption, rng);
    return tokenizer.encode(said, 2 * text).count <= text ? said : caption;
  });
}

const LOOSE_SEED = 31;

/** Ids and counts of captions: ids (R, T), count (R). */
function captionRows(captions: readonly string[], plan: RoomPlan, tokenizer: Tokenizer): Tensors {
  const { text } = plan;
  const encoded = saidLoosely(captions, plan, tokenizer).map((caption) => tokenizer.encode(caption, text));
  return {
    ids: int64(
      [captions.length, text],
      encoded.flatMap(({ ids }) => Array.from(ids).slice(0, text)),
    ),
    count: float32(
      [captions.length],
      encoded.map(({ count }) => Math.min(count, text)),
    ),
  };
}

/** Rows of a bank's whole pictures, of which these are the captions: ground (R), canvas (R), ids (R, T), count (R). */
export function pictureRows(captions: readonly string[], plan: RoomPlan, tokenizer: Tokenizer): Tensors {
  const R = captions.length;
  return {
    ground: int64([R], [...captions.keys()]),
    canvas: float32(
      [R],
      captions.map(() => 1),
    ),
    ...captionRows(captions, plan, tokenizer),
  };
}

const NONE = frameNumbers({ x: 0, y: 0, size: 0.5, height: 0 });

/**
 * Rows of samples: drawing (R, N), ground (R), objects (R, N), canvas (R), frames (R, N, 4), ids (R, T), count (R), and of rooms
 * with references reference, reference.slot, reference.there (R, N).
 */
export function rowsOf(samples: readonly LayeredSample[], plan: RoomPlan, keys: BankKeys, tokenizer: Tokenizer): Tensors {
  const [R, N] = [samples.length, plan.layout.objects];
  const each = (of: (object: LayeredObject) => number | undefined): number[] =>
    samples.flatMap(({ objects }) => Array.from({ length: N }, (_, i) => (objects[i] && of(objects[i])) ?? 0));
  const row = (key: string) => keys.drawings.get(key)!;
  return {
    drawing: int64(
      [R, N],
      each(({ drawing }) => row(drawing)),
    ),
    objects: float32(
      [R, N],
      each(() => 1),
    ),
    frames: float32(
      [R, N, FRAME_NUMBERS],
      samples.flatMap(({ objects }) => Array.from({ length: N }, (_, i) => (objects[i] ? frameNumbers(objects[i]) : NONE)).flat()),
    ),
    ground: int64(
      [R],
      samples.map(({ canvas }) => (canvas === undefined ? 0 : keys.canvases.get(canvas)!)),
    ),
    canvas: float32(
      [R],
      samples.map(({ canvas }) => (canvas === undefined ? 0 : 1)),
    ),
    ...(plan.references && {
      reference: int64(
        [R, N],
        each(({ reference }) => reference && row(reference.drawing)),
      ),
      'reference.slot': int64(
        [R, N],
        each(({ reference }) => reference?.slot),
      ),
      'reference.there': float32(
        [R, N],
        each(({ reference }) => reference && 1),
      ),
    }),
    ...captionRows(
      samples.map(({ caption }) => caption),
      plan,
      tokenizer,
    ),
  };
}

/** Computes a program's inputs from rows and the tables of a bank; `rows` of each. `more`: other inputs of it. */
export function roomPrepare(
  plan: RoomPlan,
  { batch: B, text }: Room,
  { channels }: LayersConfig,
  rows: BankRows,
  more: Readonly<Record<string, Value>> = {},
): Graph {
  const { layout, canvases = 'bank.canvases' } = plan;
  const N = layout.objects;
  const S = N * CELLS_PER_OBJECT;
  const drawings = N > 0 && input('bank.drawings', [rows['bank.drawings'], CELLS_PER_OBJECT, channels]);
  const gathered = (name: string) => reshape(gather(drawings as Value, input(name, [B, N], 'int64'), 0), [B, S, channels]);
  const ground =
    layout.canvas && gather(input(canvases, [rows[canvases], canvasTokens(layout), channels]), input('ground', [B], 'int64'), 0);
  const repeated = (x: Value) => reshape(expand(unsqueeze(x, -1), [B, N, CELLS_PER_OBJECT]), [B, S]);
  const range = [...Array(text).keys()];
  return graph('prepare', {
    content: concat([...(drawings ? [gathered('drawing')] : []), ...(ground ? [ground] : [])], 1),
    ...(plan.references && {
      'reference.tokens': gathered('reference'),
      'reference.slots': repeated(input('reference.slot', [B, N], 'int64')),
      'reference.mask': repeated(input('reference.there', [B, N])),
    }),
    'text.ids': add(input('ids', [B, text], 'int64'), constant(int64([1], [0]))),
    'text.mask': cast(greater(reshape(input('count', [B]), [B, 1]), constant(float32([1, text], range))), 'float32'),
    'text.positions': add(constant(int64([text], range)), constant(int64([1], [0]))),
    ...more,
  });
}
