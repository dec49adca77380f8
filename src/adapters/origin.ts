// What an adapter of another tool says of where it comes from: its base and its trigger words, in the metadata that kohya's scripts,
// diffusers and ModelSpec write.
import type { Weights } from '../tensor/weights.ts';
import { printable } from './info.ts';
import type { Part } from './keys.ts';

/** Names of tensors by part. */
export type Keys = Partial<Record<Part, string>>;

/** An object in JSON; an empty one where there is none. */
export function parsed(text: string | undefined): Record<string, unknown> {
  try {
    const found: unknown = JSON.parse(text ?? '{}');
    return typeof found === 'object' && found !== null ? (found as Record<string, unknown>) : {};
  } catch {
    return {}; // somebody else's words
  }
}

/** Bases by what trainers call them. */
const BASES: readonly (readonly [said: RegExp, base: string])[] = [
  [/sdxl|stable-diffusion-xl/i, 'stable diffusion xl'],
  [/sd_?v?3|stable-diffusion-3/i, 'stable diffusion 3'],
  [/sd_v2|stable-diffusion-v2/i, 'stable diffusion 2'],
  [/sd_v1|sd_?1|stable-diffusion-v1/i, 'stable diffusion 1'],
  [/flux/i, 'flux'],
];

/** Bases by the width of the text that cross-attention reads. */
const BY_WIDTH: Readonly<Record<number, string>> = {
  768: 'stable diffusion 1',
  1024: 'stable diffusion 2',
  2048: 'stable diffusion xl',
  2304: 'sana',
};

/** The base that a file names, else the one that its cross-attention reads the texts of. */
export function baseOf(file: Weights, modules: ReadonlyMap<string, Keys>): string | undefined {
  const said = [file.metadata['modelspec.architecture'], file.metadata['ss_base_model_version']].filter(Boolean).join(' ');
  const named = BASES.find(([pattern]) => pattern.test(said))?.[1];
  if (named) return named;
  const [key] = [...modules].flatMap(([module, { a }]) => (a !== undefined && /attn2[._]to_k$/.test(module) ? [a] : []));
  const width = key === undefined ? 0 : file.outline(key).shape[1]!;
  return BY_WIDTH[width] ?? (said ? printable(said).slice(0, 60) : undefined);
}

const TRIGGERS_MOST = 10;
const WORD_MOST = 100;

/** Words that call an adapter up: ModelSpec's phrase. */
export const triggersOf = (metadata: Readonly<Record<string, string>>): string[] =>
  (metadata['modelspec.trigger_phrase'] ?? '')
    .split(',')
    .map((word) => printable(word.trim()).slice(0, WORD_MOST))
    .filter(Boolean)
    .slice(0, TRIGGERS_MOST);

/** The tags that the trainer counted, the most used first: what calls an adapter up is among them, and so is what its pictures happen to show. */
export function tagsOf(metadata: Readonly<Record<string, string>>): string[] {
  const counts = new Map<string, number>();
  for (const tags of Object.values(parsed(metadata['ss_tag_frequency'])))
    for (const [tag, count] of Object.entries(tags ?? {})) if (typeof count === 'number') counts.set(tag, (counts.get(tag) ?? 0) + count);
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .slice(0, TRIGGERS_MOST)
    .map(([tag]) => printable(tag.trim()).slice(0, WORD_MOST));
}
