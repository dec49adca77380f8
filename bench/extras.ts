// What a Peel and what reference subjects cost: the work of one 512x512 picture in 2 steps (text, steps, maps, drawing), with and
// without, in turn, in the precision that pictures are drawn in. References are read once and remembered, as text is; their own reading
// is told apart. A model that takes no references is measured without.
import { loraNames } from '../src/adapters/lora.ts';
import type { Peel } from '../src/adapters/peel.ts';
import { NO_PEELS, withPeel, type PeelStack } from '../src/adapters/stack.ts';
import { TILE, tilesOf } from '../src/draw/size.ts';
import { image } from '../src/image/image.ts';
import type { Condition } from '../src/models/family.ts';
import { CELLS_PER_OBJECT } from '../src/models/layers/layout.ts';
import { noiseOf } from '../src/models/layout.ts';
import { loadPainter } from '../src/node/load.ts';
import type { Specs } from '../src/nn/scope.ts';
import { float32, type Tensors } from '../src/tensor/tensor.ts';
import { random, type Random } from '../src/util/random.ts';
import { threadsOf, type MeasureOptions } from './drawing.ts';
import { summarize, type Summary } from './timing.ts';

const RANK = 16;
const SUBJECTS = 5;
const SIZE = { width: 512, height: 512 };
const PROMPT = 'a red fox in the snow, flat style';

export interface ExtrasResult {
  readonly plain: Summary;
  readonly peel: Summary;
  /** Median of the ratios of neighbouring runs. */
  readonly peelRatio: number;
  /** Of a model that takes references. */
  readonly subjects?: SubjectsResult;
}

interface SubjectsResult {
  readonly time: Summary;
  readonly ratio: number;
  /** Tokens that the references add. */
  readonly tokens: number;
  /** Seconds to encode five pictures and read them with the text, once. */
  readonly readSeconds: number;
}

/** A Peel on everything that a model lets change. */
function peelOf(adaptable: Specs, preset: string, rng: Random): Peel {
  const tensors: Tensors = {};
  for (const [path, { shape }] of adaptable) {
    const [rows, columns] = shape as [number, number];
    const { a, b } = loraNames(path);
    tensors[a] = float32([rows, RANK], rng.normals(rows * RANK));
    tensors[b] = float32(
      [RANK, columns],
      rng.normals(RANK * columns).map((x) => x * 1e-3),
    );
  }
  const base = { name: '', version: '', preset, hash: '' };
  const info = { name: 'bench', base, rank: RANK, alpha: RANK, layers: [], triggers: [], licence: '', thumbnails: [], training: {} };
  return { info, hash: '', tensors };
}

export async function measureExtras(options: MeasureOptions): Promise<ExtrasResult> {
  const { painter, model } = await loadPainter({ model: options.model, ...threadsOf(options) });
  const rng = random(3);
  const stack = withPeel(NO_PEELS, peelOf(model.peels!.own!.adaptable(), options.preset, rng));
  const layout = (await painter.read(PROMPT, [], NO_PEELS)).layout(SIZE, 1);
  const x = noiseOf(rng, layout);
  const tiles = tilesOf(SIZE, TILE);
  const draw = async (read: () => Promise<Condition> | Condition): Promise<number> => {
    const from = performance.now();
    const velocity = (await read()).velocity(layout, { guidance: painter.info.guidance });
    for (const t of [1, 0.5]) await velocity(x, t);
    const drawing = await painter.decode(x, layout);
    for (const tile of tiles) await drawing.render(tile, SIZE);
    return (performance.now() - from) / 1000;
  };
  const text = (peels: PeelStack) => () => painter.read(PROMPT, [], peels);
  const side = painter.info.referencePixels;
  const pictures = Array.from({ length: side > 0 ? SUBJECTS : 0 }, (_, i) => {
    const data = Uint8Array.from({ length: side * side * 4 }, () => rng.integer(256));
    return { slot: i + 1, image: image(side, side, data), hash: String(i) };
  });
  const began = performance.now();
  const subjects = pictures.length > 0 ? await painter.read(PROMPT, pictures, NO_PEELS) : undefined;
  const readSeconds = (performance.now() - began) / 1000;
  const ways: Record<string, () => Promise<number>> = {
    plain: () => draw(text(NO_PEELS)),
    peel: () => draw(text(stack)),
    ...(subjects && { subjects: () => draw(() => subjects) }),
  };
  const samples: Record<string, number>[] = [];
  for (let run = -2; run < (options.quick ? 5 : 31); run++) {
    const order = Object.keys(ways);
    if (run % 2) order.reverse(); // what a run leaves to the next is then shared out
    const now: Record<string, number> = {};
    for (const way of order) now[way] = await ways[way]!();
    if (run >= 0) samples.push(now);
  }
  await painter.release();
  const of = (way: string): Summary => summarize(samples.map((s) => s[way]!));
  const ratio = (way: string) => summarize(samples.map((s) => s[way]! / s['plain']!)).median;
  return {
    plain: of('plain'),
    peel: of('peel'),
    peelRatio: ratio('peel'),
    ...(subjects && {
      subjects: { time: of('subjects'), ratio: ratio('subjects'), tokens: SUBJECTS * CELLS_PER_OBJECT, readSeconds },
    }),
  };
}
