// Square crops of pictures, around a box or of the whole: how every judge is shown what it is to judge. Beyond the picture's edge
// its last row or column goes on. Sizes change by means of what lies under a pixel, or between neighbours when a crop is enlarged.
import { InputError } from '../../util/errors.ts';
import { float32, type Tensor } from '../../tensor/tensor.ts';
import type { Box } from '../rule.ts';

/** A part of a picture in pixels: a square, unless its height is given too. */
export type Square = readonly [left: number, top: number, side: number, height?: number];

/** The square around a box (in fractions of a picture of W x H) that is `margin` times as long as the box's longer side. */
export function squareAround([x, y, w, h]: Box, [W, H]: readonly [number, number], margin: number): Square {
  const side = margin * Math.max(w * W, h * H, 1);
  return [(x + w / 2) * W - side / 2, (y + h / 2) * H - side / 2, side];
}

/** The sides of a picture (1, H, W, 4): [W, H]. Throws InputError for anything else. */
export function sizeOfPicture({ shape }: Tensor): [number, number] {
  if (shape.length !== 4 || shape[0] !== 1 || shape[3] !== 4)
    throw new InputError('judge.picture', `a picture [${shape}] for a judge: expected [1, H, W, 4]`);
  return [shape[2]!, shape[1]!];
}

/** Squares of pictures (1, H, W, 4), clipped to [-1, 1], as one batch (n, side, side, 4). */
export function crops(cuts: readonly (readonly [picture: Tensor, square: Square])[], side: number): Tensor<'float32'> {
  const out = new Float32Array(cuts.length * side * side * 4);
  cuts.forEach(([picture, square], i) => cut(picture, square, side, out.subarray(i * side * side * 4, (i + 1) * side * side * 4)));
  return float32([cuts.length, side, side, 4], out);
}

/** The whole of each picture; what is not square is squeezed. */
export function wholes(pictures: readonly Tensor[], side: number): Tensor<'float32'> {
  return crops(
    pictures.map((p) => [p, [0, 0, ...sizeOfPicture(p)]]),
    side,
  );
}

/** For each of `side` pixels over [from, from + length): the source pixels below it and their shares, edges repeated. */
function taps(from: number, length: number, side: number, size: number): { index: number[]; share: number[] }[] {
  const step = length / side;
  const samples = Math.max(1, Math.ceil(step));
  const inside = (i: number) => Math.min(size - 1, Math.max(0, i));
  return Array.from({ length: side }, (_, o) => {
    const index: number[] = [];
    const share: number[] = [];
    for (let k = 0; k < samples; k++) {
      const at = from + (o + (k + 0.5) / samples) * step - 0.5;
      const low = Math.floor(at);
      index.push(inside(low), inside(low + 1));
      share.push((1 - (at - low)) / samples, (at - low) / samples);
    }
    return { index, share };
  });
}

function cut(picture: Tensor, [left, top, length, height = length]: Square, side: number, out: Float32Array): void {
  const [W, H] = sizeOfPicture(picture);
  const data = picture.data as Float32Array;
  const columns = taps(left, length, side, W);
  const rows = taps(top, height, side, H);
  const needed = new Map<number, Float32Array>(); // source rows, resampled along x
  const row = (y: number) => {
    let line = needed.get(y);
    if (line) return line;
    needed.set(y, (line = new Float32Array(side * 4)));
    for (let o = 0; o < side; o++) {
      const { index, share } = columns[o]!;
      for (let k = 0; k < index.length; k++)
        for (let c = 0; c < 4; c++) line[o * 4 + c]! += share[k]! * Math.min(1, Math.max(-1, data[(y * W + index[k]!) * 4 + c]!));
    }
    return line;
  };
  rows.forEach(({ index, share }, o) => {
    for (let k = 0; k < index.length; k++) {
      const line = row(index[k]!);
      for (let i = 0; i < line.length; i++) out[o * side * 4 + i]! += share[k]! * line[i]!;
    }
  });
}

/** Means of an n x n crop over m x m areas, m <= n. */
export function shrink(crop: Float32Array, n: number, m: number): Float32Array {
  const out = new Float32Array(m * m * 4);
  const cells = Array.from({ length: n }, (_, i) => {
    const [from, to] = [(i * m) / n, ((i + 1) * m) / n];
    const cell = Math.floor(from);
    const first = Math.min(1, (Math.min(to, cell + 1) - from) / (to - from));
    return { cell, next: Math.min(m - 1, cell + 1), first };
  });
  const share = (m / n) ** 2;
  cells.forEach((row, j) => {
    for (const [r, a] of [
      [row.cell, row.first],
      [row.next, 1 - row.first],
    ] as const) {
      if (a <= 1e-9) continue;
      cells.forEach((column, i) => {
        const [p, o] = [(j * n + i) * 4, (r * m + column.cell) * 4];
        const next = (r * m + column.next) * 4;
        const [x, y] = [a * column.first * share, a * (1 - column.first) * share];
        for (let k = 0; k < 4; k++) {
          out[o + k]! += crop[p + k]! * x;
          out[next + k]! += crop[p + k]! * y;
        }
      });
    }
  });
  return out;
}

/** Enlarges an n x n crop to side x side, between neighbours. */
export function enlarge(crop: Float32Array, n: number, side: number, out: Uint8Array): void {
  if (n === side) {
    for (let i = 0; i < out.length; i++) out[i] = crop[i]! + 0.5;
    return;
  }
  const step = n / side;
  for (let j = 0; j < side; j++) {
    const v = Math.min(n - 1, Math.max(0, (j + 0.5) * step - 0.5));
    const [row, fy] = [Math.floor(v), v - Math.floor(v)];
    const below = Math.min(n - 1, row + 1);
    for (let i = 0; i < side; i++) {
      const u = Math.min(n - 1, Math.max(0, (i + 0.5) * step - 0.5));
      const [column, fx] = [Math.floor(u), u - Math.floor(u)];
      const right = Math.min(n - 1, column + 1);
      for (let k = 0; k < 4; k++) {
        const top = crop[(row * n + column) * 4 + k]! * (1 - fx) + crop[(row * n + right) * 4 + k]! * fx;
        const bottom = crop[(below * n + column) * 4 + k]! * (1 - fx) + crop[(below * n + right) * 4 + k]! * fx;
        out[(j * side + i) * 4 + k] = top * (1 - fy) + bottom * fy + 0.5;
      }
    }
  }
}
