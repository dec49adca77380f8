// Pictures of several shapes in one batch. Every picture has room for the same number of latent tokens; what its grid does not
// fill is hidden from attention and left out of the loss, and its rotary table is its own. So one program trains all aspect
// ratios at once, at the cost of a few idle tokens (pico: 60 to 66 of a room of 66).
// Legend: B batch, L room for tokens, d head width.
import type { Dim } from '../graph/dim.ts';
import { unsqueeze } from '../graph/ops.ts';
import { input, type Value } from '../graph/value.ts';
import type { Config } from '../models/banana/config.ts';
import type { Grid } from '../sampling/noise.ts';
import type { Rotary } from '../nn/attention.ts';
import { gridPositions, rotaryTable } from '../nn/rope.ts';
import { float32, type Tensors } from '../tensor/tensor.ts';

export interface GridInputs {
  /** Tables (B, 1, L, d/2): a picture's positions. */
  readonly rotary: Rotary;
  /** (B, L): 1 for a token of the picture, 0 for an idle one. */
  readonly mask: Value;
  /** The mask as a factor of latents, (B, L, 1). */
  readonly kept: Value;
}

/** Inputs rotary.cosine and rotary.sine (B, 1, L, d/2) and image.mask (B, L). */
export function gridInputs(B: Dim, L: Dim, { transformer }: Config): GridInputs {
  const table = (name: string) => input(`rotary.${name}`, [B, 1, L, transformer.heads.width / 2]);
  const mask = input('image.mask', [B, L]);
  return { rotary: { cosine: table('cosine'), sine: table('sine') }, mask, kept: unsqueeze(mask, -1) };
}

/** Feeds of the inputs above for pictures with these grids, in room for `room` tokens each. */
export function gridFeeds(grids: readonly Grid[], room: number, { transformer }: Config): Tensors {
  const [B, half] = [grids.length, transformer.heads.width / 2];
  const size = room * half;
  const [cosine, sine, mask] = [new Float32Array(B * size), new Float32Array(B * size), new Float32Array(B * room)];
  const tables = new Map<string, ReturnType<typeof rotaryTable>>();
  grids.forEach(({ rows, columns }, i) => {
    const key = `${rows}x${columns}`;
    const table = tables.get(key) ?? rotaryTable(gridPositions(rows, columns), transformer.heads.width);
    tables.set(key, table);
    cosine.set(table.cosine.data as Float32Array, i * size);
    sine.set(table.sine.data as Float32Array, i * size);
    mask.fill(1, i * room, i * room + rows * columns);
  });
  return {
    'rotary.cosine': float32([B, 1, room, half], cosine),
    'rotary.sine': float32([B, 1, room, half], sine),
    'image.mask': float32([B, room], mask),
  };
}
