// Rows of layered pictures, room by room: small numbers that say which drawings of the bank stand where. What a program reads is
// gathered from them by a small graph on the machine that trains.
// Legend: R rows, B batch, N room for objects, T text tokens, C channels.
import { add, cast, concat, gather, greater, reshape } from '../../graph/ops.ts';
import { constant, graph, input, type Graph } from '../../graph/value.ts';
import { layeredSample, type LayeredKind, type LayeredSample } from '../../data/layered.ts';
import type { DataOptions } from '../../data/sample.ts';
import { FRAME_NUMBERS, GRID, type LayersConfig } from '../../models/layers/config.ts';
import { frameNumbers } from '../../models/layers/frame.ts';
import { CELLS_PER_OBJECT, type Layout } from '../../models/layers/layout.ts';
import { float32, int64, type Tensors } from '../../tensor/tensor.ts';
import type { Tokenizer } from '../../tokenizer/tokenizer.ts';
import type { Room } from './teacher.ts';

/** One kind of pictures: what room they need, what is drawn, and how often. */
export interface RoomPlan {
  readonly name: string;
  readonly layout: Layout;
  readonly text: number;
  readonly kinds: readonly LayeredKind[];
  /** Data options that differ. */
  readonly data?: Partial<DataOptions>;
  /** Share of the steps. */
  readonly share: number;
}

const square = { rows: GRID, columns: GRID };

/** The rooms. Steps see about the same number of tokens, whatever their room. */
export const ROOMS: readonly RoomPlan[] = [
  // Drawings alone, on nothing: what things look like is learned at half the price.
  {
    name: 'alone',
    layout: { objects: 1 },
    text: 20,
    kinds: ['single'],
    data: { grounds: 'transparent', captions: { languages: { en: 0.85, nl: 0.15 }, dropBackground: 0.6 } },
    share: 0.5,
  },
  { name: 'one', layout: { objects: 1, canvas: square }, text: 24, kinds: ['single', 'scene'], share: 0.2 },
  { name: 'two', layout: { objects: 2, canvas: square }, text: 32, kinds: ['scene'], share: 0.2 },
  { name: 'many', layout: { objects: 6, canvas: square }, text: 32, kinds: ['scene'], share: 0.1 },
];

/** Fewest objects of a room's pictures: fewer are another room's. */
const least = ({ layout }: RoomPlan): number => (layout.objects > 2 ? 3 : layout.objects);

/** Rows by key of the bank's drawings and canvases. */
export interface BankKeys {
  readonly drawings: ReadonlyMap<string, number>;
  readonly canvases: ReadonlyMap<string, number>;
}

/** `count` pictures of a room, from sample `start` of `seed` on. A drawing that the bank lacks leaves its picture out. */
export function* roomSamples(plan: RoomPlan, data: DataOptions, keys: BankKeys, seed: number): Generator<LayeredSample, never> {
  const options = { ...data, ...plan.data };
  for (let i = 0; ; i++) {
    const sample = layeredSample(seed, i, plan.kinds[i % plan.kinds.length]!, options);
    const { length } = sample.objects;
    if (length < least(plan) || length > plan.layout.objects) continue;
    if (sample.objects.every(({ drawing }) => keys.drawings.has(drawing))) yield sample;
  }
}

/** Rows of samples: drawing (R, N), ground (R), objects (R, N), canvas (R), frames (R, N, 4), ids (R, T), count (R). */
export function rowsOf(samples: readonly LayeredSample[], { layout, text }: RoomPlan, keys: BankKeys, tokenizer: Tokenizer): Tensors {
  const [R, N] = [samples.length, layout.objects];
  const padded = <T>(list: readonly T[], none: T): T[] => Array.from({ length: N }, (_, i) => list[i] ?? none);
  const encoded = samples.map(({ caption }) => tokenizer.encode(caption, text));
  const none = frameNumbers({ x: 0, y: 0, size: 0.5, height: 0 });
  return {
    drawing: int64(
      [R, N],
      samples.flatMap(({ objects }) =>
        padded(
          objects.map(({ drawing }) => keys.drawings.get(drawing)!),
          0,
        ),
      ),
    ),
    objects: float32(
      [R, N],
      samples.flatMap(({ objects }) =>
        padded(
          objects.map(() => 1),
          0,
        ),
      ),
    ),
    frames: float32(
      [R, N, FRAME_NUMBERS],
      samples.flatMap(({ objects }) => padded(objects.map(frameNumbers), none).flat()),
    ),
    ground: int64(
      [R],
      samples.map(({ canvas }) => (canvas === undefined ? 0 : keys.canvases.get(canvas)!)),
    ),
    canvas: float32(
      [R],
      samples.map(({ canvas }) => (canvas === undefined ? 0 : 1)),
    ),
    ids: int64(
      [R, text],
      encoded.flatMap(({ ids }) => Array.from(ids).slice(0, text)),
    ),
    count: float32(
      [R],
      encoded.map(({ count }) => Math.min(count, text)),
    ),
  };
}

/** Computes a program's inputs from rows and the bank (`bank.drawings` and `bank.canvases`, (rows, 16, C)). */
export function roomPrepare(
  { batch: B, layout, text }: Room,
  { channels }: LayersConfig,
  bank: { drawings: number; canvases: number },
): Graph {
  const tokens = (rows: number) => [rows, CELLS_PER_OBJECT, channels];
  const objects = gather(input('bank.drawings', tokens(bank.drawings)), input('drawing', [B, layout.objects], 'int64'), 0);
  const each = reshape(objects, [B, layout.objects * CELLS_PER_OBJECT, channels]);
  const ground = layout.canvas && gather(input('bank.canvases', tokens(bank.canvases)), input('ground', [B], 'int64'), 0);
  const range = [...Array(text).keys()];
  return graph('prepare', {
    content: ground ? concat([each, ground], 1) : each,
    'text.ids': add(input('ids', [B, text], 'int64'), constant(int64([1], [0]))),
    'text.mask': cast(greater(reshape(input('count', [B]), [B, 1]), constant(float32([1, text], range))), 'float32'),
    'text.positions': add(constant(int64([text], range)), constant(int64([1], [0]))),
  });
}
