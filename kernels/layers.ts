// Loops over pixels, patches and cells of the layered model, four numbers at a time, in AssemblyScript: `npm run kernels` writes what it compiles
// to into src/models/layers/kernel-code.ts, and src/models/layers/kernel.ts calls it. Everything is in float32, at addresses in bytes.
// Not here: which numbers these are (levels.ts, thumbnail.ts, mixes.ts there). In JavaScript the same loops took 6 and 20 times as long (docs/log.md).
// Legend: K levels, P = K rounded up to fours, W x H pixels.

/** Of an axis, for each pixel: the first of the two cells that it reads (i32), and the share of the second (f32). */
const TAP: i32 = 8;
const VECTOR: i32 = 16;
/** Weights below e^-40 are nothing, and far from the numbers that processors are slow with. */
const LEAST: f32 = -40;
const LOWEST: f32 = -1e30;
/** What is added to a small number has it rounded to a whole one in its lowest bits. */
const ROUND: f32 = 12582912;

function mixed(a: v128, b: v128, share: v128): v128 {
  return f32x4.add(a, f32x4.mul(f32x4.sub(b, a), share));
}

function plus(x: v128, factor: v128, y: f32): v128 {
  return f32x4.add(f32x4.mul(x, factor), f32x4.splat(y));
}

/** e^x of x <= 0, to 4e-6 of it: 2^n by its bits, the rest by the series of 2^f for f within a half. */
function exp(x: v128): v128 {
  const t = f32x4.mul(f32x4.pmax(x, f32x4.splat(LEAST)), f32x4.splat(f32(Math.LOG2E)));
  const n = f32x4.add(t, f32x4.splat(ROUND));
  const f = f32x4.sub(t, f32x4.sub(n, f32x4.splat(ROUND)));
  let power = plus(f32x4.splat(0.0096181291), f, 0.0555041087);
  power = plus(power, f, 0.240226507);
  power = plus(power, f, f32(Math.LN2));
  power = plus(power, f, 1);
  return i32x4.add(power, i32x4.shl(n, 23));
}

function highest(x: v128): v128 {
  const two = f32x4.pmax(x, v128.shuffle<f32>(x, x, 2, 3, 0, 1));
  return f32x4.pmax(two, v128.shuffle<f32>(two, two, 1, 0, 3, 2));
}

/** Two rows of colours, mixed. */
function mixColours(upper: usize, lower: usize, into: usize, bytes: i32, share: f32): void {
  const below = f32x4.splat(share);
  for (let i: i32 = 0; i < bytes; i += VECTOR) v128.store(into + i, mixed(v128.load(upper + i), v128.load(lower + i), below));
}

/** Two rows of logits (cells, K), mixed, as (cells, P). */
function mixLogits(upper: usize, lower: usize, into: usize, cells: i32, K: i32, P: i32, above: f32, below: f32): void {
  for (let i: i32 = 0; i < cells; i++, into += P << 2)
    for (let k: i32 = 0; k < K; k++, upper += 4, lower += 4)
      store<f32>(into + (k << 2), load<f32>(upper) * above + load<f32>(lower) * below);
}

/** Weights of the levels, (P) at `weights`: the softmax of what a pixel reads of logits, but for its sum. */
function weigh(logits: usize, share: v128, weights: usize, P: i32): void {
  const bytes = P << 2;
  let most = f32x4.splat(LOWEST);
  for (let i: i32 = 0; i < bytes; i += VECTOR) {
    const level = mixed(v128.load(logits + i), v128.load(logits + bytes + i), share);
    v128.store(weights + i, level);
    most = f32x4.pmax(most, level);
  }
  most = highest(most);
  for (let i: i32 = 0; i < bytes; i += VECTOR) v128.store(weights + i, exp(f32x4.sub(v128.load(weights + i), most)));
}

/** The mean of the levels' colours by their weights, no colour above its alpha, minus 1. */
function shown(colours: usize, share: v128, weights: usize, K: i32): v128 {
  const cell = K * VECTOR;
  let colour = f32x4.splat(0);
  let sum = f32x4.splat(0);
  for (let k: i32 = 0; k < K; k++, colours += VECTOR) {
    const weight = v128.load32_splat(weights + (k << 2));
    colour = f32x4.add(colour, f32x4.mul(weight, mixed(v128.load(colours), v128.load(colours + cell), share)));
    sum = f32x4.add(sum, weight);
  }
  colour = f32x4.pmax(f32x4.div(colour, sum), f32x4.splat(0));
  const most = f32x4.pmin(v128.shuffle<f32>(colour, colour, 3, 3, 3, 3), f32x4.splat(2));
  return f32x4.sub(f32x4.pmin(colour, most), f32x4.splat(1));
}

/**
 * Pixels (H, W, 4) of a tile, -1 to 1. Maps: rows of `cells` cells, of which columns `from` to before `to` are read; the logits' cells are
 * half as wide. `rows`, `columns` and `fine...`: taps over the colours' and the logits' cells. `line`: room for 2 cells P + 4 cells K, and P.
 */
export function draw(
  W: i32,
  H: i32,
  K: i32,
  cells: i32,
  from: i32,
  to: i32,
  sharpness: f32,
  logits: usize,
  colours: usize,
  rows: usize,
  columns: usize,
  fineRows: usize,
  fineColumns: usize,
  line: usize,
  out: usize,
): void {
  const P: i32 = (K + 3) & ~3;
  const cell = K * VECTOR;
  const fine = K << 2;
  const colourLine = line + ((cells * P) << 3);
  const weights = colourLine + cells * cell;
  for (let at = line; at < colourLine; at += 4) store<f32>(at, LOWEST);
  for (let y: i32 = 0; y < H; y++, rows += TAP, fineRows += TAP) {
    const c = colours + (load<i32>(rows) * cells + from) * cell;
    mixColours(c, c + cells * cell, colourLine + from * cell, (to - from) * cell, load<f32>(rows, 4));
    const l = logits + (load<i32>(fineRows) * cells + from) * 2 * fine;
    const below = load<f32>(fineRows, 4);
    const into = line + ((from * P) << 3);
    mixLogits(l, l + 2 * cells * fine, into, 2 * (to - from), K, P, (1 - below) * sharpness, below * sharpness);
    for (let x: i32 = 0; x < W; x++, out += VECTOR) {
      const tap = columns + x * TAP;
      const fineTap = fineColumns + x * TAP;
      weigh(line + ((load<i32>(fineTap) * P) << 2), v128.load32_splat(fineTap, 4), weights, P);
      v128.store(out, shown(colourLine + load<i32>(tap) * cell, v128.load32_splat(tap, 4), weights, K));
    }
  }
}

function sum(into: v128, factor: v128, row: v128): v128 {
  return f32x4.add(into, f32x4.mul(factor, row));
}

/** A (M, K) times B (K, N): (M, N), M a multiple of 4, N of 8. Four rows and eight columns at a time. */
export function product(M: i32, K: i32, N: i32, a: usize, b: usize, out: usize): void {
  const row = K << 2;
  const stride = N << 2;
  for (let m: i32 = 0; m < M; m += 4, a += 4 * row, out += 4 * stride)
    for (let n: i32 = 0; n < stride; n += 2 * VECTOR) block(row, stride, a, b + n, out + n);
}

/** Four rows and eight columns of a product; `row` and `stride`: bytes of a row of A, and of B. */
function block(row: i32, stride: i32, a: usize, b: usize, out: usize): void {
  let left0 = f32x4.splat(0);
  let right0 = f32x4.splat(0);
  let left1 = f32x4.splat(0);
  let right1 = f32x4.splat(0);
  let left2 = f32x4.splat(0);
  let right2 = f32x4.splat(0);
  let left3 = f32x4.splat(0);
  let right3 = f32x4.splat(0);
  for (const end = a + row; a < end; a += 4, b += stride) {
    const left = v128.load(b);
    const right = v128.load(b + VECTOR);
    const factor0 = v128.load32_splat(a);
    left0 = sum(left0, factor0, left);
    right0 = sum(right0, factor0, right);
    const factor1 = v128.load32_splat(a + row);
    left1 = sum(left1, factor1, left);
    right1 = sum(right1, factor1, right);
    const factor2 = v128.load32_splat(a + 2 * row);
    left2 = sum(left2, factor2, left);
    right2 = sum(right2, factor2, right);
    const factor3 = v128.load32_splat(a + 3 * row);
    left3 = sum(left3, factor3, left);
    right3 = sum(right3, factor3, right);
  }
  v128.store(out, left0);
  v128.store(out + VECTOR, right0);
  v128.store(out + stride, left1);
  v128.store(out + stride + VECTOR, right1);
  v128.store(out + 2 * stride, left2);
  v128.store(out + 2 * stride + VECTOR, right2);
  v128.store(out + 3 * stride, left3);
  v128.store(out + 3 * stride + VECTOR, right3);
}

/** x / (1 + e^-x) */
function silu(x: v128): v128 {
  const e = exp(f32x4.neg(f32x4.abs(x)));
  const one = f32x4.splat(1);
  return f32x4.div(f32x4.mul(x, v128.bitselect(one, e, f32x4.ge(x, f32x4.splat(0)))), f32x4.add(one, e));
}

/** Four sums of whole numbers as an activation: times their scales and `factor`, plus the bias `size` bytes on, SiLU, plus what was there. */
function settle(sums: v128, numbers: usize, size: i32, factor: f32, residual: usize, at: i32, out: usize): void {
  const scale = f32x4.mul(v128.load(numbers), f32x4.splat(factor));
  let x = silu(f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(sums), scale), v128.load(numbers + size)));
  if (residual) x = f32x4.add(x, v128.load(residual + at));
  v128.store(out + at, x);
}

/** The largest magnitude of `bytes` bytes of numbers, at least 1e-20. */
function largest(x: usize, bytes: i32): f32 {
  let most = f32x4.splat(1e-20);
  for (let i: i32 = 0; i < bytes; i += VECTOR) most = f32x4.pmax(most, f32x4.abs(v128.load(x + i)));
  return f32x4.extract_lane(highest(most), 0);
}

function whole(x: usize, factor: v128): v128 {
  return i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(x), factor)));
}

/** Numbers (h, w, C) times a factor as i16 (h + 2, w + 2, C), zeros around them. C is a multiple of 8. */
function rounded(x: usize, h: i32, w: i32, C: i32, factor: f32, out: usize): void {
  const times = f32x4.splat(factor);
  const line = (w + 2) * C * 2;
  memory.fill(out, 0, (h + 2) * line);
  for (let y: i32 = 0; y < h; y++) {
    let into = out + (y + 1) * line + C * 2;
    for (const end = into + w * C * 2; into < end; into += VECTOR, x += 2 * VECTOR)
      v128.store(into, i16x8.narrow_i32x4_s(whole(x, times), whole(x + VECTOR, times)));
  }
}

/**
 * Sixteen outputs of three pixels side by side from their 3 x 3 neighbours, as `settle` has them: i16 of `cell` bytes a pixel, `line` bytes a
 * row; weights as pairs of channels for four outputs a vector.
 */
function neighbours(
  at: usize,
  cell: i32,
  line: i32,
  weights: usize,
  numbers: usize,
  size: i32,
  factor: f32,
  residual: usize,
  pixel: i32,
  out: usize,
): void {
  let a0 = i32x4.splat(0);
  let a1 = i32x4.splat(0);
  let a2 = i32x4.splat(0);
  let b0 = i32x4.splat(0);
  let b1 = i32x4.splat(0);
  let b2 = i32x4.splat(0);
  let c0 = i32x4.splat(0);
  let c1 = i32x4.splat(0);
  let c2 = i32x4.splat(0);
  let d0 = i32x4.splat(0);
  let d1 = i32x4.splat(0);
  let d2 = i32x4.splat(0);
  for (let row: i32 = 0; row < 3; row++, at += line)
    for (let i: i32 = 0; i < 3 * cell; i += 4, weights += 4 * VECTOR) {
      const p0 = v128.load32_splat(at + i);
      const p1 = v128.load32_splat(at + i + cell);
      const p2 = v128.load32_splat(at + i + 2 * cell);
      const k0 = v128.load(weights);
      a0 = i32x4.add(a0, i32x4.dot_i16x8_s(p0, k0));
      a1 = i32x4.add(a1, i32x4.dot_i16x8_s(p1, k0));
      a2 = i32x4.add(a2, i32x4.dot_i16x8_s(p2, k0));
      const k1 = v128.load(weights, 16);
      b0 = i32x4.add(b0, i32x4.dot_i16x8_s(p0, k1));
      b1 = i32x4.add(b1, i32x4.dot_i16x8_s(p1, k1));
      b2 = i32x4.add(b2, i32x4.dot_i16x8_s(p2, k1));
      const k2 = v128.load(weights, 32);
      c0 = i32x4.add(c0, i32x4.dot_i16x8_s(p0, k2));
      c1 = i32x4.add(c1, i32x4.dot_i16x8_s(p1, k2));
      c2 = i32x4.add(c2, i32x4.dot_i16x8_s(p2, k2));
      const k3 = v128.load(weights, 48);
      d0 = i32x4.add(d0, i32x4.dot_i16x8_s(p0, k3));
      d1 = i32x4.add(d1, i32x4.dot_i16x8_s(p1, k3));
      d2 = i32x4.add(d2, i32x4.dot_i16x8_s(p2, k3));
    }
  settle(a0, numbers, size, factor, residual, pixel, out);
  settle(b0, numbers + 16, size, factor, residual, pixel + 16, out);
  settle(c0, numbers + 32, size, factor, residual, pixel + 32, out);
  settle(d0, numbers + 48, size, factor, residual, pixel + 48, out);
  settle(a1, numbers, size, factor, residual, pixel + size, out);
  settle(b1, numbers + 16, size, factor, residual, pixel + size + 16, out);
  settle(c1, numbers + 32, size, factor, residual, pixel + size + 32, out);
  settle(d1, numbers + 48, size, factor, residual, pixel + size + 48, out);
  settle(a2, numbers, size, factor, residual, pixel + 2 * size, out);
  settle(b2, numbers + 16, size, factor, residual, pixel + 2 * size + 16, out);
  settle(c2, numbers + 32, size, factor, residual, pixel + 2 * size + 32, out);
  settle(d2, numbers + 48, size, factor, residual, pixel + 2 * size + 48, out);
}

/** A 3 x 3 mix with SiLU of i16 (h + 2, w + 2, inner) to (h, w, C), plus the residual, if there is one. `numbers`: scales, then the bias. */
function mix(h: i32, w: i32, inner: i32, C: i32, x: usize, weights: usize, numbers: usize, factor: f32, residual: usize, out: usize): void {
  const cell = inner << 1;
  const line = (w + 2) * cell;
  const size = C << 2;
  for (let y: i32 = 0; y < h; y++)
    for (let x0: i32 = 0; x0 < w; x0 += 3) {
      const left = min(x0, w - 3);
      const pixel = (y * w + left) * size;
      const at = x + y * line + left * cell;
      for (let c: i32 = 0; c < size; c += 64)
        neighbours(at, cell, line, weights + (c * 9 * inner) / 2, numbers + c, size, factor, residual, pixel + c, out);
    }
}

/**
 * What the renderer makes of a thumbnail (h, w, 8), w at least 3: a 3 x 3 mix to C channels, `depth` more with residuals, then all heads as one
 * product (h * w, heads), without their bias. Activations are rounded to `levels` steps, one number a mix; `state`: room for two times (h, w, C);
 * `bytes`: for the largest of them as i16.
 */
export function maps(
  h: i32,
  w: i32,
  C: i32,
  depth: i32,
  heads: i32,
  thumbnail: usize,
  weights: usize,
  numbers: usize,
  levels: usize,
  matrix: usize,
  state: usize,
  bytes: usize,
  out: usize,
): void {
  const size = h * w * C * 4;
  let now = state;
  let next = state + size;
  let most = largest(thumbnail, h * w * 32);
  let steps = load<f32>(levels);
  rounded(thumbnail, h, w, 8, steps / most, bytes);
  mix(h, w, 8, C, bytes, weights, numbers, most / steps, 0, now);
  weights += 9 * 8 * C * 2;
  for (let i: i32 = 0; i < depth; i++, weights += 9 * C * C * 2) {
    numbers += C * 8;
    levels += 4;
    most = largest(now, size);
    steps = load<f32>(levels);
    rounded(now, h, w, C, steps / most, bytes);
    mix(h, w, C, C, bytes, weights, numbers, most / steps, now, next);
    const before = now;
    now = next;
    next = before;
  }
  product((h * w + 3) & ~3, C, heads, now, matrix, out);
}
