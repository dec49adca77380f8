// The detector: where things are, whatever they are, and on which background. It sees the whole picture and says for each cell of
// a 16 x 16 grid whether the middle of a thing lies there, and from there the thing's box (CenterNet, Zhou et al. 2019, with
// boxes in logarithms). Coarse grids look at the whole, and are added back onto the finer ones. No anchors, no second stage.
// Legend: B batch, S side of the picture, G side of the grid, D width.
import { softplus, silu } from '../../graph/functions.ts';
import { abs, add, div, mean, mul, sigmoid, softmax, sub, sum } from '../../graph/ops.ts';
import { graph, input, type Graph, type Value } from '../../graph/value.ts';
import { depthToSpace } from '../../nn/depth.ts';
import { linear, rmsNorm } from '../../nn/layers.ts';
import { rootScope, type Scope, type Specs } from '../../nn/scope.ts';
import { trainStep, type Program } from '../../train/step.ts';
import { block, head, judged, pyramid, type Level, pixels } from './judge-layers.ts';
import type { Box, FoundBox } from '../rule.ts';

/** Side in pixels of the pictures that the detector sees, and of its grid. */
export const DETECTOR = { side: 128, grid: 16 } as const;
const { side: SIDE, grid: GRID } = DETECTOR;
const LEVELS: readonly Level[] = [
  [64, 2],
  [112, 1],
  [96, 1],
];
/** Numbers of a cell: heat, then the box. */
const GEOMETRY = 4;
/** Sides are learned as log2 of their cells, less this: about 0 for the usual thing. */
const USUAL = 2.3;
/** Cells whose heat should be at least this learn the box too. */
const NEAR = 0.3;
/** Of the bell around a middle: its width in shares of the thing's side, and the least, in cells. */
const BELL = { share: 0.14, least: 0.45 } as const;

/** Picture (B, S, S, 4) in [-1, 1] to heat logits (B, G, G, 1), boxes (B, G, G, 4) and background logits (B, n). */
export function detector(s: Scope, picture: Value, backgrounds: number): { heat: Value; boxes: Value; background: Value } {
  const grids = pyramid(s, picture, LEVELS, SIDE / GRID);
  let x = grids.at(-1)!;
  const background = head(s.in('background'), mean(x, { axes: [1, 2] }), backgrounds);
  for (let i = LEVELS.length - 2; i >= 0; i--) {
    const up = s.in('up').in(i);
    const width = LEVELS[i]![0];
    x = add(grids[i]!, depthToSpace(linear(up.in('in'), silu(x), 4 * width, { bias: true }), 2));
    x = block(up.in('blocks').in(0).declare({ inner: true }), x, width);
  }
  const features = rmsNorm(s.in('norm'), x);
  return {
    heat: linear(s.in('heat'), features, 1, { bias: true }),
    boxes: linear(s.in('box'), features, GEOMETRY, { bias: true }),
    background,
  };
}

/** What the detector should say of one picture, written into row `row` of the arrays: heat and boxes of each cell. */
export function targetsOf(boxes: readonly Box[], row: number, heat: Float32Array, geometry: Float32Array): void {
  for (const [x, y, w, h] of boxes) {
    const [cx, cy] = [(x + w / 2) * GRID - 0.5, (y + h / 2) * GRID - 0.5];
    const [sx, sy] = [w, h].map((v) => Math.max(BELL.least, BELL.share * v * GRID)) as [number, number];
    // The cell that holds the middle is a full hit.
    const [mx, my] = [Math.round(cx), Math.round(cy)].map((v) => Math.min(GRID - 1, Math.max(0, v))) as [number, number];
    for (let j = 0; j < GRID; j++)
      for (let i = 0; i < GRID; i++) {
        const t = i === mx && j === my ? 1 : Math.exp(-(((i - cx) / sx) ** 2 + ((j - cy) / sy) ** 2) / 2);
        const cell = (row * GRID + j) * GRID + i;
        if (t <= heat[cell]!) continue;
        heat[cell] = t;
        geometry.set([cx - i, cy - j, Math.log2(w * GRID) - USUAL, Math.log2(h * GRID) - USUAL], cell * GEOMETRY);
      }
  }
}

/** The training step. Inputs: picture (B, S, S, 4) uint8, heat (B, G, G, 1), boxes (B, G, G, 4), label.background (B, 1) int64. */
export function detectorProgram(backgrounds: number, B: number): { program: Program; specs: Specs } {
  const specs: Specs = new Map();
  const out = detector(rootScope(specs).in('detector'), pixels(input('picture', [B, SIDE, SIDE, 4], 'uint8')), backgrounds);
  const heat = input('heat', [B, GRID, GRID, 1]);
  const near = input('near', [B, GRID, GRID, 1]);
  const wrong = sub(softplus(out.heat), mul(heat, out.heat)); // cross-entropy, middles weighing more than the rest
  const heatLoss = mul(mean(mul(wrong, add(mul(heat, 4), 1))), 10);
  const boxLoss = div(sum(mul(near, abs(sub(out.boxes, input('boxes', [B, GRID, GRID, GEOMETRY]))))), add(sum(near), 1));
  const { loss, right } = judged(out.background, input('label.background', [B, 1], 'int64'));
  const total = add(add(heatLoss, boxLoss), mul(loss, 0.3));
  return {
    program: trainStep('train-detector', total, { specs, metrics: { middles: heatLoss, sides: boxLoss, background: right }, ema: 0.99 }),
    specs,
  };
}

/** Which cells learn the box: 1 where the heat should be high. */
export const nearOf = (heat: Float32Array) => heat.map((t) => (t >= NEAR ? 1 : 0)) as Float32Array<ArrayBuffer>;

/** The detector for use: picture (B, S, S, 4) in [-1, 1] -> heat (B, G, G, 1) in 0..1, boxes (B, G, G, 4), background (B, n). */
export function detectorStage(backgrounds: number): { graph: Graph; specs: Specs } {
  const specs: Specs = new Map();
  const { heat, boxes, background } = detector(rootScope(specs).in('detector'), input('picture', ['B', SIDE, SIDE, 4]), backgrounds);
  return { graph: graph('detector', { heat: sigmoid(heat), boxes, background: softmax(background) }), specs };
}

/** Share of the union that two boxes have in common. */
export function overlap([ax, ay, aw, ah]: Box, [bx, by, bw, bh]: Box): number {
  const common = Math.max(0, Math.min(ax + aw, bx + bw) - Math.max(ax, bx)) * Math.max(0, Math.min(ay + ah, by + bh) - Math.max(ay, by));
  return common / (aw * ah + bw * bh - common);
}

/** Boxes overlapping a surer one by more than this are the same thing. */
const SAME = 0.4;

/** The boxes that one picture's heat (G*G) and geometry (G*G*4) tell of, surest first; only peaks of at least `least`. */
export function boxesOf(heat: Float32Array, geometry: Float32Array, least: number): FoundBox[] {
  const found: FoundBox[] = [];
  for (let j = 0; j < GRID; j++)
    for (let i = 0; i < GRID; i++) {
      const cell = j * GRID + i;
      const score = heat[cell]!;
      if (score < least || !isPeak(heat, i, j)) continue;
      const [dx, dy, lw, lh] = geometry.subarray(cell * GEOMETRY, (cell + 1) * GEOMETRY) as unknown as [number, number, number, number];
      const [w, h] = [2 ** (lw + USUAL) / GRID, 2 ** (lh + USUAL) / GRID];
      found.push({ box: [(i + dx + 0.5) / GRID - w / 2, (j + dy + 0.5) / GRID - h / 2, w, h], score });
    }
  found.sort((a, b) => b.score - a.score);
  return found.filter((f, k) => found.slice(0, k).every((surer) => overlap(surer.box, f.box) <= SAME));
}

function isPeak(heat: Float32Array, i: number, j: number): boolean {
  const here = heat[j * GRID + i]!;
  for (let y = Math.max(0, j - 1); y <= Math.min(GRID - 1, j + 1); y++)
    for (let x = Math.max(0, i - 1); x <= Math.min(GRID - 1, i + 1); x++) if (heat[y * GRID + x]! > here) return false;
  return true;
}
