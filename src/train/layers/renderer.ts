// Training of the level-set renderer: windows of thumbnails, and the same windows of the drawing at a larger scale. Half of what it
// sees is degraded as a model's thumbnails are (cut to the basis, noisy, given back by a model), so that it also cleans.
// Legend: B batch, n cells of a window's side, a = n + 2 MARGIN, q pixels to a cell, P = n q.
import { abs, add, cast, concat, expand, greater, mean, mul, reshape, slice, sub } from '../../graph/ops.ts';
import { constant, graph, input, type Graph, type Value } from '../../graph/value.ts';
import { levelMaps, levelPixels, MARGIN, samplingAxis } from '../../models/layers/level-sets.ts';
import type { LayersConfig } from '../../models/layers/config.ts';
import { rootScope, type Specs } from '../../nn/scope.ts';
import { float32 } from '../../tensor/tensor.ts';
import { adamw } from '../optimizer.ts';
import { trainStep, type Program } from '../step.ts';

/** Windows at one scale: side in cells, pixels to a cell, how often a step takes them, windows a step. */
export interface Scale {
  readonly pixels: number;
  readonly cells: number;
  readonly share: number;
  readonly batch: number;
}

/** Scales from 128 to 4096 pixels a drawing. */
export const SCALES: readonly Scale[] = [
  { pixels: 2, cells: 32, share: 0.04, batch: 8 },
  { pixels: 3, cells: 32, share: 0.26, batch: 8 },
  { pixels: 4, cells: 32, share: 0.2, batch: 8 },
  { pixels: 8, cells: 8, share: 0.18, batch: 12 },
  { pixels: 16, cells: 6, share: 0.12, batch: 12 },
  { pixels: 32, cells: 4, share: 0.08, batch: 10 },
  { pixels: 64, cells: 2, share: 0.12, batch: 10 },
];

/** Scales of `tiny`, which shows that the chain holds. */
const FEW = [2, 8];

/** The scales that a preset's renderer is trained at. */
export const scalesOf = (preset: string): readonly Scale[] => SCALES.filter(({ pixels }) => preset !== 'tiny' || FEW.includes(pixels));

/** Share of windows that are degraded; of those the share that a model gave back, of the rest that with noise, and its largest deviation. */
const DEGRADED = 0.6;
const REMADE = 0.5;
const NOISY = 0.8;
const NOISE = 0.2;

/** Cells of a window with what the convolutions see around it. */
export const windowCells = ({ cells }: Scale): number => cells + 2 * MARGIN;

/** The program of a scale. Inputs: window (B, a, a, 5) as `levelMaps` reads it, and picture (B, P, P, 4) in 0..2. */
export function rendererProgram({ renderer }: LayersConfig, scale: Scale): { program: Program; specs: Specs } {
  const { pixels: q, cells: n, batch: B } = scale;
  const [a, P] = [windowCells(scale), n * q];
  const specs: Specs = new Map();
  const s = rootScope(specs).in('renderer');
  const table = (finer: number): Value => {
    const { weights } = samplingAxis(MARGIN * q, P, a * q, a * finer, true);
    return expand(constant(float32([1, P, a * finer], weights)), [B, P, a * finer]);
  };
  const [rows, fine] = [table(1), table(2)];
  const maps = levelMaps(s, input('window', [B, a, a, 5]), renderer);
  const factor = constant(float32([B, 1], Array<number>(B).fill(q)));
  const drawn = levelPixels(s, { ...maps, rows, columns: rows, fineRows: fine, fineColumns: fine, scale: factor });
  const wrong = sub(drawn, input('picture', [B, P, P, 4]));
  const steps = (axis: number) => mean(abs(sub(slice(wrong, axis, 1), slice(wrong, axis, 0, -1))));
  const loss = add(mean(abs(wrong)), mul(add(steps(1), steps(2)), 0.5));
  const program = trainStep('train-renderer', loss, { specs, ema: 0.999, optimizer: () => adamw({ decay: 1e-3 }) });
  return { program, specs };
}

/**
 * Computes a program's inputs from rows: cells, cut and remade (B, a, a, 4) uint8, the exact window, what the basis keeps of it and
 * what a model gives back; target (B, P, P, 4) uint8; and draws: kind, model, half, mix, noisy, level (B) uniform in [0, 1), normal (B, a, a, 4).
 */
export function rendererPrepare(scale: Scale): Graph {
  const { pixels: q, cells: n, batch: B } = scale;
  const [a, P] = [windowCells(scale), n * q];
  const bytes = (name: string, side: number) => mul(cast(input(name, [B, side, side, 4], 'uint8'), 'float32'), 1 / 127.5);
  const draw = (name: string) => reshape(input(name, [B]), [B, 1, 1, 1]);
  const chance = (name: string, share: number) => cast(greater(share, draw(name)), 'float32');
  const bad = chance('kind', DEGRADED);
  const whole = chance('half', 0.5); // half of the degraded windows are cut fully, the others in part
  const mixed = mul(bad, add(whole, mul(sub(1, whole), draw('mix'))));
  const [cells, cut, remade] = [bytes('cells', a), bytes('cut', a), bytes('remade', a)];
  const noise = mul(mul(mul(bad, chance('noisy', NOISY)), mul(draw('level'), NOISE)), input('normal', [B, a, a, 4]));
  const worn = add(add(cells, mul(mixed, sub(cut, cells))), noise);
  const seen = add(worn, mul(mul(bad, chance('model', REMADE)), sub(remade, worn)));
  return graph('prepare', { window: concat([seen, expand(bad, [B, a, a, 1])], -1), picture: bytes('target', P) });
}
