// A checkpoint rounded to few bits as a stream: read, rounded and written some rows at a time, so that memory does not grow with the
// file. Matrices become what the 4-bit kernel multiplies with (int4.ts), under the names that a graph asks for: PATH.q4 and its scales;
// every other tensor stays as it is, at most as wide as float32. A checkpoint's matrix is (out, in), as PyTorch keeps it.
import { NARROW } from '../tensor/floats.ts';
import { encodeHead, type Written } from '../tensor/safetensors.ts';
import { byteLength, sizeOf, toBytes, transposed, type Tensor } from '../tensor/tensor.ts';
import type { WeightOutline, Weights } from '../tensor/weights.ts';
import { toHalves } from '../util/float16.ts';
import { BLOCK, quantizeBlocks } from './blocks.ts';
import { blockNames, packBlocks, type KERNEL_BITS } from './int4.ts';

/** How many bits a tensor gets; undefined: it stays as it is. Only matrices of floats get any. */
export type BitsOf = (name: string, outline: WeightOutline) => (typeof KERNEL_BITS)[number] | undefined;

/** What a float is written as that is not written as it was read. */
const WIDENED: Readonly<Record<string, string>> = { F64: 'F32', F8_E4M3: 'F16', F8_E5M2: 'F16' };

const storedAs = ({ dtype, stored }: WeightOutline): string | undefined => (dtype === 'float32' ? (WIDENED[stored] ?? stored) : undefined);

export interface RoundOptions {
  readonly metadata?: Record<string, string>;
  /** Numbers that are in memory at a time; never less than a row. */
  readonly piece?: number;
}

/** The bytes of a .safetensors file with the weights rounded. Throws InputError as reading does. */
export async function* roundedFile(weights: Weights, bitsOf: BitsOf, options: RoundOptions = {}): AsyncGenerator<Uint8Array> {
  const { metadata, piece = 2 ** 22 } = options;
  const rows = weights.names.map((name) => {
    const outline = weights.outline(name);
    const matrix = outline.dtype === 'float32' && outline.shape.length === 2;
    return { name, outline, bits: matrix ? bitsOf(name, outline) : undefined };
  });
  const width = ({ outline }: (typeof rows)[number]) => byteLength(outline.dtype, 1);
  const kept = rows.filter(({ bits }) => !bits).sort((a, b) => width(b) - width(a));
  const few = rows.filter(({ bits }) => bits);
  const outlines = Object.fromEntries([
    ...kept.map(({ name, outline }) => [name, { ...outline, stored: storedAs(outline) }] as [string, Written]),
    ...few.flatMap(({ name, outline, bits }) => packedOutlines(name, outline.shape, bits!)),
  ]);
  yield encodeHead(outlines, metadata, { asGiven: true }).head;
  for (const { name, outline } of kept) for await (const part of pieces(weights, name, piece)) yield written(part, storedAs(outline));
  for (const { name, bits } of few) yield* packed(pieces(weights, name, piece), bits!);
}

function packedOutlines(name: string, shape: readonly number[], bits: number): [string, Written][] {
  const [out, inner] = shape as [number, number];
  const blocks = Math.ceil(inner / BLOCK);
  const { values, scales } = blockNames(name, bits);
  return [
    [values, { dtype: 'uint8', shape: [out, blocks, (BLOCK * bits) / 8] }],
    [scales, { dtype: 'float16', shape: [out * blocks] }],
  ];
}

/** A tensor in pieces of some rows of its first axis. */
async function* pieces(weights: Weights, name: string, size: number): AsyncGenerator<Tensor> {
  const { shape } = weights.outline(name);
  const [count, ...inner] = shape;
  const step = Math.max(1, Math.floor(size / sizeOf(inner)));
  if (count === undefined || step >= count) yield await weights.read(name);
  else for (let from = 0; from < count; from += step) yield await weights.read(name, [from, Math.min(count, from + step)]);
}

/** The bytes of a tensor as a type of files. */
const written = (part: Tensor, stored: string | undefined): Uint8Array =>
  stored === undefined ? toBytes(part) : NARROW[stored]!((part as Tensor<'float32'>).data);

/** A matrix (out, in) in the kernel's layout: the values of all its rows, then their scales. */
async function* packed(parts: AsyncIterable<Tensor>, bits: number): AsyncGenerator<Uint8Array> {
  const halves: Uint8Array[] = [];
  for await (const part of parts) {
    const { values, scales } = packBlocks(quantizeBlocks(transposed(part as Tensor<'float32'>), bits), bits);
    halves.push(toBytes({ dtype: 'float16', shape: scales.shape, data: toHalves(scales.data) }));
    yield toBytes(values);
  }
  yield* halves;
}
