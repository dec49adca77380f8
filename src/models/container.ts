// Our own file for a model of others: one .safetensors with all of its tensors by the names that they have in its folder, matrices rounded
// to few bits where its networks take them so, and the texts that it is read with (settings, tokenizer) among the strings of the head.
import { roundedFile } from '../quant/stream.ts';
import type { KERNEL_BITS } from '../quant/int4.ts';
import { sizeOf } from '../tensor/tensor.ts';
import type { Weights } from '../tensor/weights.ts';

const FORMAT = 'banana-import-1';
const TEXT = 'text:';

export type ContainerBits = (typeof KERNEL_BITS)[number] | 16;

/** Whether a head is that of such a file. */
export const isContainer = ({ format }: Readonly<Record<string, string>>): boolean => format === FORMAT;

/** A text of the folder that a file was made from. */
export const containedText = (metadata: Readonly<Record<string, string>>, path: string): string | undefined => metadata[TEXT + path];

export interface ContainerOptions {
  readonly bits: ContainerBits;
  /** Names of the matrices that may be rounded. */
  readonly roundable: ReadonlySet<string>;
  /** Texts by path. */
  readonly texts: ReadonlyMap<string, string>;
  /** What else the head says: family, source, licence ... */
  readonly about: Readonly<Record<string, string>>;
}

/** Float tensors of fewer numbers stay as wide as they are. */
const SMALL = 4096;

/** The bytes of the file, as a stream. Throws InputError as reading does. */
export function containerBytes(weights: Weights, { bits, roundable, texts, about }: ContainerOptions): AsyncGenerator<Uint8Array> {
  const metadata = {
    format: FORMAT,
    ...about,
    bits: String(bits),
    ...Object.fromEntries([...texts].map(([path, text]) => [TEXT + path, text])),
  };
  return roundedFile(narrowed(weights), (name) => (bits !== 16 && roundable.has(name) ? bits : undefined), { metadata });
}

/** The same weights, large ones of 32 bits to be written in 16. */
const narrowed = (weights: Weights): Weights => ({
  ...weights,
  outline(name) {
    const outline = weights.outline(name);
    return outline.stored === 'F32' && sizeOf(outline.shape) >= SMALL ? { ...outline, stored: 'F16' } : outline;
  },
});
