// A picture as people and codecs know it, 8-bit straight RGBA, and its way to and from the network's numbers:
// float32 (B, H, W, 4), premultiplied, in [-1, 1]. Premultiplied, because a colour that cannot be seen should not be
// learned, and because averaging is only right there. sRGB values are averaged as they are, as SVG renderers do.
// Not here: files and codecs (codec.ts), text chunks (png.ts), enlarging filters.
import { InputError } from '../util/errors.ts';
import { float32 } from '../tensor/tensor.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** Pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** A part of a picture, in pixels from its upper left corner. */
export interface Tile extends Size {
  readonly x: number;
  readonly y: number;
}

/** A tile as shares of a picture. */
export const sharesOf = ({ x, y, width, height }: Tile, size: Size): Tile => ({
  x: x / size.width,
  y: y / size.height,
  width: width / size.width,
  height: height / size.height,
});

/** The tile of a picture that shares are of; it may begin between pixels. */
export const partOf = (size: Size, { x, y, width, height }: Tile): Tile => ({
  x: x * size.width,
  y: y * size.height,
  width: width * size.width,
  height: height * size.height,
});

/** What two rectangles share, if anything. */
export function common(a: Tile, b: Tile): Tile | undefined {
  const [x, y] = [Math.max(a.x, b.x), Math.max(a.y, b.y)];
  const [width, height] = [Math.min(a.x + a.width, b.x + b.width) - x, Math.min(a.y + a.height, b.y + b.height) - y];
  return width > 0 && height > 0 ? { x, y, width, height } : undefined;
}

export interface Image extends Size {
  /** R, G, B, A of each pixel, rows first, 0-255, not premultiplied. */
  readonly data: Uint8Array | Uint8ClampedArray;
}

/** Red, green and blue, 0-255. */
export type Color = readonly [number, number, number];

export const WHITE: Color = [255, 255, 255];

/** A picture over existing pixels, or a transparent one. Throws InputError when the sizes do not fit. */
export function image(width: number, height: number, pixels?: Image['data']): Image {
  if (![width, height].every((n) => Number.isInteger(n) && n > 0))
    throw new InputError('image.size', `a picture of ${width}x${height} pixels: expected whole numbers from 1`);
  const data = pixels ?? new Uint8ClampedArray(width * height * 4);
  if (data.length !== width * height * 4)
    throw new InputError('image.size', `a picture of ${width}x${height} has ${data.length} bytes, expected ${width * height * 4}`);
  return { width, height, data };
}

/** Pictures of one size as a batch: float32 (B, H, W, 4), premultiplied, in [-1, 1]. Throws InputError otherwise. */
export function imagesToTensor(images: readonly Image[]): Tensor<'float32'> {
  const { width, height } = images[0] ?? { width: 0, height: 0 };
  const size = width * height * 4;
  const values = new Float32Array(images.length * size);
  images.forEach((one, b) => {
    if (one.width !== width || one.height !== height)
      throw new InputError('image.size', `picture ${b} is ${one.width}x${one.height}, the first ${width}x${height}: a batch has one size`);
    for (let i = 0, o = b * size; i < size; i += 4, o += 4) {
      const alpha = one.data[i + 3]! / 255;
      const scale = (2 / 255) * alpha; // (rgb / 255) alpha 2 - 1
      values[o] = one.data[i]! * scale - 1;
      values[o + 1] = one.data[i + 1]! * scale - 1;
      values[o + 2] = one.data[i + 2]! * scale - 1;
      values[o + 3] = alpha * 2 - 1;
    }
  });
  return float32([images.length, height, width, 4], values);
}

/** One picture: float32 (1, H, W, 4), premultiplied, in [-1, 1]. */
export function imageToTensor(one: Image): Tensor<'float32'> {
  return imagesToTensor([one]);
}

/** The same from pixels that are premultiplied already, as resvg gives them: float32 (1, H, W, 4) in [-1, 1]. */
export function premultipliedToTensor(width: number, height: number, pixels: Uint8Array): Tensor<'float32'> {
  return float32(
    [1, height, width, 4],
    Float32Array.from(pixels, (v) => v * (2 / 255) - 1),
  );
}

/**
 * Picture `index` of a batch (B, H, W, 4) in [-1, 1], premultiplied: clamped, divided by alpha, rounded; laid over
 * `background` and opaque when one is given. What is not a number becomes 0.
 */
export function tensorToImage(values: Tensor, options: { index?: number; background?: Color } = {}): Image {
  const { index = 0, background } = options;
  const [batch = 0, height = 0, width = 0, channels] = values.shape;
  if (values.dtype !== 'float32' || values.shape.length !== 4 || channels !== 4 || !(index >= 0 && index < batch))
    throw new InputError('image.tensor', `${values.dtype}[${values.shape}], picture ${index}: expected float32 (B, H, W, 4)`);
  const size = width * height * 4;
  const source = values.data as Float32Array;
  const data = new Uint8ClampedArray(size); // clamps and rounds
  const pixels = source.subarray(index * size, (index + 1) * size);
  if (background) layOver(pixels, background, data);
  else
    for (let i = 0; i < size; i += 4) {
      const alpha = Math.min(1, Math.max(0, (pixels[i + 3]! + 1) / 2));
      if (!(alpha * 255 >= 0.5)) continue; // nothing to see: all zeros
      for (let c = 0; c < 3; c++) data[i + c] = Math.min(2 * alpha, pixels[i + c]! + 1) * (127.5 / alpha); // a colour brighter than its alpha does not exist
      data[i + 3] = alpha * 255;
    }
  return image(width, height, data);
}

/**
 * The pixels of a tensor over a colour. What a decoder gives below nothing is nothing: it must not darken what lies behind (a grid showed).
 * By itself and unrolled, since every preview and 8 million pixels of a 4K picture pass here.
 */
function layOver(pixels: Float32Array, [red, green, blue]: Color, into: Uint8ClampedArray): void {
  for (let i = 0; i < pixels.length; i += 4) {
    const alpha = Math.min(1, Math.max(0, (pixels[i + 3]! + 1) / 2));
    const most = 2 * alpha;
    const rest = 1 - alpha;
    into[i] = Math.max(0, Math.min(most, pixels[i]! + 1)) * 127.5 + rest * red;
    into[i + 1] = Math.max(0, Math.min(most, pixels[i + 1]! + 1)) * 127.5 + rest * green;
    into[i + 2] = Math.max(0, Math.min(most, pixels[i + 2]! + 1)) * 127.5 + rest * blue;
    into[i + 3] = 255;
  }
}

/** The picture laid over a colour, opaque. */
export function flatten(one: Image, background: Color = WHITE): Image {
  const data = new Uint8ClampedArray(one.data);
  for (let i = 0; i < data.length; i += 4) {
    const alpha = data[i + 3]! / 255;
    for (let c = 0; c < 3; c++) data[i + c] = data[i + c]! * alpha + background[c]! * (1 - alpha);
    data[i + 3] = 255;
  }
  return image(one.width, one.height, data);
}

/** Whether nothing can be seen through. */
export function isOpaque({ data }: Image): boolean {
  for (let i = 3; i < data.length; i += 4) if (data[i] !== 255) return false;
  return true;
}

/** A mask as others give it, transparent where to repaint, as ours is: white there, black elsewhere. */
export function alphaMask({ width, height, data }: Image): Image {
  const mask = image(width, height);
  for (let i = 0; i < data.length; i += 4) mask.data.fill(255 - data[i + 3]!, i, i + 3).fill(255, i + 3, i + 4);
  return mask;
}

/**
 * The picture, or a part of it, at another size, each new pixel the exact average of the area it covers. Enlarging repeats pixels.
 * A part may begin between pixels, and reach beyond the picture: what is at its edge goes on there.
 */
export function resizeImage(one: Image, width: number, height: number, part: Tile = { x: 0, y: 0, ...sizeOf(one) }): Image {
  const whole = part.x === 0 && part.y === 0 && part.width === one.width && part.height === one.height;
  if (whole && width === one.width && height === one.height) return one;
  const target = image(width, height); // checks the size
  const rows = boxes(one.height, height, part.y, part.height);
  const columns = boxes(one.width, width, part.x, part.width);
  const line = new Float64Array(one.width * 4); // one row of the result at the old width, premultiplied
  for (let y = 0; y < height; y++) {
    line.fill(0);
    for (const [row, share] of rows[y]!)
      for (let i = 0, p = row * one.width * 4; i < line.length; i += 4, p += 4) {
        const alpha = one.data[p + 3]! * share;
        line[i]! += one.data[p]! * alpha;
        line[i + 1]! += one.data[p + 1]! * alpha;
        line[i + 2]! += one.data[p + 2]! * alpha;
        line[i + 3]! += alpha;
      }
    for (let x = 0; x < width; x++) {
      let [r, g, b, a] = [0, 0, 0, 0];
      for (const [column, share] of columns[x]!) {
        r += line[column * 4]! * share;
        g += line[column * 4 + 1]! * share;
        b += line[column * 4 + 2]! * share;
        a += line[column * 4 + 3]! * share;
      }
      if (a < 0.5) continue;
      const o = (y * width + x) * 4;
      target.data[o] = r / a; // clamped and rounded by the array
      target.data[o + 1] = g / a;
      target.data[o + 2] = b / a;
      target.data[o + 3] = a;
    }
  }
  return target;
}

/** For each of `to` cells over `span` pixels from `start` of an axis of `pixels`: the pixels under it with their shares, which sum to 1. */
function boxes(pixels: number, to: number, start: number, span: number): [index: number, share: number][][] {
  return Array.from({ length: to }, (_, cell) => {
    const begin = start + (cell * span) / to;
    const end = start + ((cell + 1) * span) / to;
    const covered: [number, number][] = [];
    for (let i = Math.floor(begin); i < end; i++)
      covered.push([Math.min(pixels - 1, Math.max(0, i)), (Math.min(i + 1, end) - Math.max(i, begin)) / (end - begin)]);
    return covered;
  });
}

const sizeOf = ({ width, height }: Size): Size => ({ width, height });

/** The picture within `width` x `height`, its proportions kept; never enlarged. */
export function fitImage(one: Image, width: number, height: number): Image {
  const scale = Math.min(1, width / one.width, height / one.height);
  return resizeImage(one, Math.max(1, Math.round(one.width * scale)), Math.max(1, Math.round(one.height * scale)));
}

/** The smallest rectangle around all pixels of at least half alpha; where there are none, around the whole picture. */
export function visibleBox({ width, height, data }: Image): Tile {
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      if (data[(y * width + x) * 4 + 3]! < 128) continue;
      [left, top, right, bottom] = [Math.min(left, x), Math.min(top, y), Math.max(right, x), y];
    }
  return right < 0 ? { x: 0, y: 0, width, height } : { x: left, y: top, width: right + 1 - left, height: bottom + 1 - top };
}

/** A part of a picture, as a picture. */
export function cutImage(one: Image, { x, y, width, height }: Tile): Image {
  const part = image(width, height);
  for (let row = 0; row < height; row++) {
    const from = ((y + row) * one.width + x) * 4;
    part.data.set(one.data.subarray(from, from + width * 4), row * width * 4);
  }
  return part;
}

/** Puts a picture into another one, over what is there. It must lie inside. */
export function placeImage({ width, data }: Image, { x, y }: { readonly x: number; readonly y: number }, piece: Image): void {
  const line = piece.width * 4;
  for (let row = 0; row < piece.height; row++) data.set(piece.data.subarray(row * line, (row + 1) * line), ((y + row) * width + x) * 4);
}

/** How a sheet is laid out; sizes in pixels. */
export interface SheetOptions {
  columns?: number;
  /** Width and height of the square that a picture is fitted into. */
  cell?: number;
  gap?: number;
  /** Room kept free below each picture. */
  footer?: number;
  background?: Color;
}

/** Where a sheet puts things: shared by the grid and the labels drawn on it. */
export function sheetLayout(count: number, options: SheetOptions = {}) {
  const { columns = Math.max(1, Math.ceil(Math.sqrt(count))), cell = 128, gap = 8, footer = 0, background = WHITE } = options;
  const rows = Math.max(1, Math.ceil(count / columns));
  return {
    columns,
    cell,
    gap,
    footer,
    background,
    width: gap + columns * (cell + gap),
    height: gap + rows * (cell + footer + gap),
    left: (i: number) => gap + (i % columns) * (cell + gap),
    top: (i: number) => gap + Math.floor(i / columns) * (cell + footer + gap),
  };
}

/** Pictures in a grid, row by row, each fitted into its cell and laid over the background. */
export function contactSheet(images: readonly Image[], options: SheetOptions = {}): Image {
  const layout = sheetLayout(images.length, options);
  const sheet = flatten(image(layout.width, layout.height), layout.background);
  images.forEach((one, i) => {
    const small = flatten(fitImage(one, layout.cell, layout.cell), layout.background);
    const left = layout.left(i) + Math.floor((layout.cell - small.width) / 2);
    const top = layout.top(i) + Math.floor((layout.cell - small.height) / 2);
    placeImage(sheet, { x: left, y: top }, small);
  });
  return sheet;
}

/** Peak signal-to-noise ratio in dB over premultiplied RGBA; Infinity for equal pictures. Throws on unequal sizes. */
export function psnr(a: Image, b: Image): number {
  if (a.width !== b.width || a.height !== b.height)
    throw new InputError('image.size', `PSNR of ${a.width}x${a.height} and ${b.width}x${b.height}: expected equal sizes`);
  let sum = 0;
  for (let i = 0; i < a.data.length; i += 4) {
    const [alphaA, alphaB] = [a.data[i + 3]!, b.data[i + 3]!];
    sum += (alphaA - alphaB) ** 2;
    for (let c = 0; c < 3; c++) sum += ((a.data[i + c]! * alphaA - b.data[i + c]! * alphaB) / 255) ** 2;
  }
  return 10 * Math.log10(255 ** 2 / (sum / a.data.length));
}
