// Reference subjects: up to five pictures whose latent tokens become extra keys and values of every layer. Each has a slot (1..5,
// what the prompt calls <1>..<5>) and positions of its own, away from the image's, so that it is not copied into place
// (UNO, Wu et al. 2025). Not here: their projection (transformer.ts), how they are trained (train/).
import { gridPositions, rotaryTable } from '../../nn/rope.ts';
import type { Grid } from '../../sampling/noise.ts';
import { float32, int64, type Tensors } from '../../tensor/tensor.ts';
import type { Config } from './config.ts';

/** References lie to the left of the image, each slot further out. */
const OFFSET = 64;
const APART = 16;

/** Positions of the tokens of the reference in a slot. */
export function referencePositions({ rows, columns }: Grid, slot: number): [number, number][] {
  return gridPositions(rows, columns, [0, -(OFFSET + APART * slot)]);
}

/** A reference as tokens: rows * columns * C numbers. */
export interface ReferenceTokens extends Grid {
  readonly slot: number;
  readonly data: ArrayLike<number>;
}

/** Feeds of one picture's references: reference.tokens (1, S, C), .slots (1, S), .cosine and .sine (S, d/2). */
export function referenceFeeds(references: readonly ReferenceTokens[], { channels, transformer }: Config): Tensors {
  const tokens = references.flatMap(({ data }) => Array.from(data));
  const slots = references.flatMap(({ rows, columns, slot }) => Array<number>(rows * columns).fill(slot));
  const { cosine, sine } = rotaryTable(
    references.flatMap((r) => referencePositions(r, r.slot)),
    transformer.heads.width,
  );
  return {
    'reference.tokens': float32([1, slots.length, channels], tokens),
    'reference.slots': int64([1, slots.length], slots),
    'reference.cosine': cosine,
    'reference.sine': sine,
  };
}

/**
 * Feeds of a training batch: every picture has room for all slots, `grid` tokens each; what a picture does not have is masked.
 * Adds reference.mask (B, S). `pictures` lists each picture's references.
 */
export function referenceBatch(
  pictures: readonly (readonly { slot: number; data: ArrayLike<number> }[])[],
  grid: Grid,
  { channels, transformer, subjects }: Config,
): Tensors {
  const B = pictures.length;
  const each = grid.rows * grid.columns;
  const S = each * subjects;
  const tokens = new Float32Array(B * S * channels);
  const slots = Array<number>(B * S).fill(0);
  const mask = new Float32Array(B * S);
  pictures.forEach((references, i) => {
    for (const { slot, data } of references) {
      const at = i * S + (slot - 1) * each;
      tokens.set(data, at * channels);
      slots.fill(slot, at, at + each);
      mask.fill(1, at, at + each);
    }
  });
  const all = Array.from({ length: subjects }, (_, i) => referencePositions(grid, i + 1)).flat();
  const { cosine, sine } = rotaryTable(all, transformer.heads.width);
  return {
    'reference.tokens': float32([B, S, channels], tokens),
    'reference.slots': int64([B, S], slots),
    'reference.mask': float32([B, S], mask),
    'reference.cosine': cosine,
    'reference.sine': sine,
  };
}
