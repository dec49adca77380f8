// Captions as token batches, for the teacher and the student: encoded once, dropped now and then.
import { float32, int64, type Tensors } from '../tensor/tensor.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';

export interface EncodedCaption {
  readonly ids: ArrayLike<number>;
  readonly count: number;
}

/** Text inputs `prefix`.ids and .mask of some captions, and text.positions. */
export function textFeeds(captions: readonly EncodedCaption[], length: number, prefix = 'text'): Tensors {
  const B = captions.length;
  const mask = new Float32Array(B * length);
  captions.forEach(({ count }, i) => mask.fill(1, i * length, i * length + Math.min(count, length)));
  return {
    [`${prefix}.ids`]: int64(
      [B, length],
      captions.flatMap(({ ids }) => Array.from(ids).slice(0, length)),
    ),
    [`${prefix}.mask`]: float32([B, length], mask),
    'text.positions': int64([length], [...Array(length).keys()]),
  };
}

/** Every caption encoded to `length` ids, and the empty one. */
export function encodeCaptions(
  tokenizer: Tokenizer,
  captions: readonly string[],
  length: number,
): { encoded: EncodedCaption[]; empty: EncodedCaption } {
  return { encoded: captions.map((c) => tokenizer.encode(c, length)), empty: tokenizer.encode('', length) };
}
