// Thumbnails as tokens: patches of 16 x 16 premultiplied RGBA pixels in a fixed basis (principal components, not whitened: coarse
// first, as pixels are). No network: what a user brings is encoded as exactly as what the model was trained on.
import { float32, transposed } from '../../tensor/tensor.ts';
import { InputError, ShapeError } from '../../util/errors.ts';
import { PATCH, PATCH_NUMBERS } from './config.ts';
import { called } from './kernel.ts';

/** Root mean square of a content token's numbers as the transformer sees them: the most important number of the training (docs/log.md). */
export const CONTENT_GAIN = 0.15;

export interface Basis {
  /** Numbers a token. */
  readonly channels: number;
  /** Mean patch (1024). Pixels run from -1 (transparent, black) to 1. */
  readonly mean: Float32Array;
  /** Orthonormal components (1024, channels), rows first. */
  readonly matrix: Float32Array;
  /** What components are multiplied by: CONTENT_GAIN over their root mean square in the data. */
  readonly scale: number;
}

/** A small picture: premultiplied RGBA 0 to 255, rows first; sides are multiples of 16. */
export interface Thumbnail {
  readonly width: number;
  readonly height: number;
  readonly pixels: ArrayLike<number>;
}

/** Patches of a thumbnail, row by row: (rows * columns, 1024) in [-1, 1]. Throws InputError where sides are no multiples of 16. */
export function patchesOf({ width, height, pixels }: Thumbnail): Float32Array<ArrayBuffer> {
  if (width % PATCH || height % PATCH)
    throw new InputError('thumbnail.size', `a thumbnail is ${width} x ${height} pixels: expected multiples of ${PATCH}`);
  const out = new Float32Array(width * height * 4);
  each(width, height, (from, to) => {
    out[to] = pixels[from]! / 127.5 - 1;
  });
  return out;
}

/** The thumbnail of patches (rows * columns, 1024) in [-1, 1]: premultiplied RGBA -1 to 1, not clipped. */
export function unpatched(patches: ArrayLike<number>, width: number, height: number): Float32Array<ArrayBuffer> {
  const out = new Float32Array(width * height * 4);
  each(width, height, (from, to) => {
    out[from] = patches[to]!;
  });
  return out;
}

/** Every number of a picture: its index in the picture and in the patches. */
function each(width: number, height: number, visit: (picture: number, patches: number) => void): void {
  const columns = width / PATCH;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const patch = Math.floor(y / PATCH) * columns + Math.floor(x / PATCH);
      const within = (y % PATCH) * PATCH + (x % PATCH);
      for (let c = 0; c < 4; c++) visit((y * width + x) * 4 + c, patch * PATCH_NUMBERS + within * 4 + c);
    }
}

/** Tokens of a thumbnail: (rows * columns, channels). */
export function encodeThumbnail(thumbnail: Thumbnail, { mean, matrix, scale }: Basis): Float32Array<ArrayBuffer> {
  const patches = patchesOf(thumbnail);
  for (let i = 0; i < patches.length; i++) patches[i] = (patches[i]! - mean[i % PATCH_NUMBERS]!) * scale;
  return product(patches, matrix, PATCH_NUMBERS);
}

/** Pixels of tokens: premultiplied RGBA -1 to 1 of a thumbnail of this size, not clipped. */
export function decodeTokens(
  tokens: ArrayLike<number>,
  width: number,
  height: number,
  { channels, mean, matrix, scale }: Basis,
): Float32Array<ArrayBuffer> {
  const count = (width * height * 4) / PATCH_NUMBERS;
  const patches = product(Float32Array.from(tokens).subarray(0, count * channels), turned(matrix, channels), channels);
  for (let i = 0; i < patches.length; i++) patches[i] = patches[i]! / scale + mean[i % PATCH_NUMBERS]!;
  return unpatched(patches, width, height);
}

/** Rows and columns that the kernel multiplies at a time. */
const [ROWS, COLUMNS] = [4, 8];

/** a (m, inner) times b (inner, n), n a multiple of 8: (m, n). */
function product(a: Float32Array, b: Float32Array, inner: number): Float32Array<ArrayBuffer> {
  const [m, n] = [a.length / inner, b.length / inner];
  if (n % COLUMNS) throw new ShapeError('shape.operands', `a product of ${n} columns: expected a multiple of ${COLUMNS}`);
  const rows = Math.ceil(m / ROWS) * ROWS;
  return called('product', [rows, inner, n], [a, b], rows * n).subarray(0, m * n);
}

const known = new WeakMap<Float32Array, Float32Array>();

/** A matrix (rows, columns) as (columns, rows). Each is turned once. */
function turned(matrix: Float32Array, columns: number): Float32Array {
  const found = known.get(matrix) ?? transposed(float32([matrix.length / columns, columns], matrix as Float32Array<ArrayBuffer>)).data;
  known.set(matrix, found);
  return found;
}
