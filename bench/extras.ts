// What a Peel and what reference subjects cost: the work of one 512x512 picture in 2 steps (text, steps, decoding, drawing), with
// and without, in turn, in the precision that pictures are drawn in. References are read once and remembered, as text is; their
// own reading is told apart.
import { loraNames } from '../src/adapters/lora.ts';
import { adaptable } from '../src/models/banana/adaptable.ts';
import type { Peel } from '../src/adapters/peel.ts';
import { NO_PEELS, withPeel } from '../src/adapters/stack.ts';
import { loadModel } from '../src/node/load.ts';
import { openNetworks, type Condition, type Networks } from '../src/models/banana/networks.ts';
import { fastestPrecision } from '../src/quant/precision.ts';
import { baseTokens } from '../src/models/banana/config.ts';
import { latentGrid } from '../src/models/layout.ts';
import { tilesOf } from '../src/draw/size.ts';
import { TILE } from '../src/draw/size.ts';
import { ortNode } from '../src/runtime/ort-node.ts';
import { float32, type Tensors } from '../src/tensor/tensor.ts';
import { random } from '../src/util/random.ts';
import { threadsOf, type MeasureOptions } from './drawing.ts';
import { summarize, type Summary } from './timing.ts';

const RANK = 16;
const SUBJECTS = 5;
const SIZE = { width: 512, height: 512 };

export interface ExtrasResult {
  readonly plain: Summary;
  readonly peel: Summary;
  readonly subjects: Summary;
  /** Median of the ratios of neighbouring runs. */
  readonly peelRatio: number;
  readonly subjectsRatio: number;
  /** Latent tokens that the references add. */
  readonly subjectTokens: number;
  /** Seconds to encode five pictures and read them with the text, once. */
  readonly subjectsReadSeconds: number;
}

export async function measureExtras(options: MeasureOptions): Promise<ExtrasResult> {
  const { config, weights, plan } = await loadModel(options.model);
  const runtime = await ortNode(threadsOf(options));
  const networks = openNetworks(runtime, config, weights, { precision: await fastestPrecision(runtime, plan), ...(plan && { plan }) });
  const rng = random(3);
  const tensors: Tensors = {};
  for (const [path, { shape }] of adaptable(config)) {
    const [rows, columns] = shape as [number, number];
    const { a, b } = loraNames(path);
    tensors[a] = float32([rows, RANK], rng.normals(rows * RANK));
    tensors[b] = float32(
      [RANK, columns],
      rng.normals(RANK * columns).map((x) => x * 1e-3),
    );
  }
  const info = {
    name: 'bench',
    base: { name: '', version: '', preset: options.preset, hash: '' },
    rank: RANK,
    alpha: RANK,
    layers: [],
    triggers: [],
    licence: '',
    thumbnails: [],
    training: {},
  };
  const stack = withPeel(NO_PEELS, { info, hash: '', tensors } satisfies Peel);

  const grid = latentGrid(SIZE, baseTokens(config));
  const ids = Array.from({ length: 12 }, (_, i) => 5 + i);
  const began = performance.now();
  const picture = float32([1, config.referencePixels, config.referencePixels, 4], rng.normals(config.referencePixels ** 2 * 4));
  const references = [];
  for (let slot = 1; slot <= SUBJECTS; slot++) references.push({ slot, latent: await networks.encode(picture) });
  const subjects = await networks.condition(ids, references);
  const subjectsReadSeconds = (performance.now() - began) / 1000;
  const x = rng.normals(grid.rows * grid.columns * config.channels);
  const tiles = tilesOf(SIZE, TILE);
  const draw = async (of: Networks, condition?: Condition): Promise<number> => {
    const from = performance.now();
    const velocity = of.velocity(condition ?? (await of.condition(ids)), grid, { guidance: 3 });
    for (const t of [1, 0.5]) await velocity(x, t);
    const features = await of.features({ ...grid, data: x });
    for (const tile of tiles) await of.render(features, tile, SIZE);
    return (performance.now() - from) / 1000;
  };
  const ways = { plain: () => draw(networks), peel: () => draw(networks.withPeels(stack)), subjects: () => draw(networks, subjects) };
  const samples: Record<keyof typeof ways, number>[] = [];
  const runs = options.quick ? 5 : 31;
  for (let run = -2; run < runs; run++) {
    const order = Object.keys(ways) as (keyof typeof ways)[];
    if (run % 2) order.reverse(); // what a run leaves to the next is then shared out
    const now = { plain: 0, peel: 0, subjects: 0 };
    for (const way of order) now[way] = await ways[way]();
    if (run >= 0) samples.push(now);
  }
  await networks.release();
  const of = (way: keyof typeof ways): Summary => summarize(samples.map((s) => s[way]));
  const ratio = (way: keyof typeof ways) => summarize(samples.map((s) => s[way] / s.plain)).median;
  const subjectTokens = references.reduce((sum, { latent }) => sum + latent.rows * latent.columns, 0);
  return {
    plain: of('plain'),
    peel: of('peel'),
    subjects: of('subjects'),
    peelRatio: ratio('peel'),
    subjectsRatio: ratio('subjects'),
    subjectTokens,
    subjectsReadSeconds,
  };
}
