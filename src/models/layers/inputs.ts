// The inputs that the networks share, by name: one place for the names and shapes that programs are fed with.
// Legend: B batch, L image tokens, T text tokens, S reference tokens, C latent channels, d head width.
import type { Dim } from '../../graph/dim.ts';
import { input, type Value } from '../../graph/value.ts';
import type { Rotary } from '../../nn/attention.ts';
import type { ReferenceInputs, TextInputs } from './blocks.ts';
import type { LayersConfig } from './config.ts';

/** Text inputs, text.ids, .positions and .mask. */
export function textInputs(B: Dim, T: Dim): TextInputs {
  return {
    ids: input('text.ids', [B, T], 'int64'),
    positions: input('text.positions', [T], 'int64'),
    mask: input('text.mask', [B, T]),
  };
}

/** Rotary tables as inputs, `prefix`.cosine and .sine. */
export function rotaryInputs(L: Dim, headWidth: number, prefix = 'rotary'): Rotary {
  return { cosine: input(`${prefix}.cosine`, [L, headWidth / 2]), sine: input(`${prefix}.sine`, [L, headWidth / 2]) };
}

/** Reference inputs, reference.tokens, .slots, .cosine, .sine. */
export function referenceInputs(B: Dim, S: Dim, { channels, transformer }: LayersConfig): ReferenceInputs {
  return {
    tokens: input('reference.tokens', [B, S, channels]),
    slots: input('reference.slots', [B, S], 'int64'),
    rotary: rotaryInputs(S, transformer.heads.width, 'reference'),
  };
}

/** One number for each picture of the batch. */
export const perPicture = (name: string, B: Dim): Value => input(name, [B]);
