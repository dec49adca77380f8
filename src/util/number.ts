// Numbers as people write them, in options and in prompts: 7, +7, -0.5, .5, 1e-3. Not "12px", "0x10", "" or "Infinity".

/** A number, as a part of a regular expression. */
export const NUMBER = String.raw`[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?`;
const WHOLE_TEXT = new RegExp(`^${NUMBER}$`);

/** The number that a text is, or undefined. */
export function numberOf(text: string): number | undefined {
  const n = WHOLE_TEXT.test(text) ? Number(text) : NaN;
  return Number.isFinite(n) ? n : undefined;
}
