// Captions as token batches.
import { float32, int64, type Tensors } from '../tensor/tensor.ts';

export interface EncodedCaption {
  readonly ids: ArrayLike<number>;
  readonly count: number;
}

/** Text inputs text.ids, .mask and .positions of some captions. */
export function textFeeds(captions: readonly EncodedCaption[], length: number): Tensors {
  const B = captions.length;
  const mask = new Float32Array(B * length);
  captions.forEach(({ count }, i) => mask.fill(1, i * length, i * length + Math.min(count, length)));
  return {
    'text.ids': int64(
      [B, length],
      captions.flatMap(({ ids }) => Array.from(ids).slice(0, length)),
    ),
    'text.mask': float32([B, length], mask),
    'text.positions': int64([length], [...Array(length).keys()]),
  };
}
