// From a prompt to words: one spelling for the same text (normalise), then pieces that BPE never merges across (split).
// Lower case, because captions differ in case only by accident; a word carries the space before it, so that text is
// the plain concatenation of its pieces; digits and punctuation stand alone; `<1>` to `<5>` name the reference subjects.

/** The words that name the reference subjects, in order. */
export const SLOTS = ['<1>', '<2>', '<3>', '<4>', '<5>'] as const;

// Runs of letters are cut at 48, so that one endless "word" cannot make merging slow. A slot takes its space along.
const PIECE = / ?<[1-5]>| ?[\p{L}\p{M}]{1,48}| ?[^ ]| /gu;

/**
 * The one spelling of a text: NFC, lower case, each run of white space and control characters one space, none at the
 * ends, a space before each slot word; half of a surrogate pair becomes U+FFFD. Applying it twice changes nothing.
 */
export function normalise(text: string): string {
  return text
    .replace(/\p{Surrogate}/gu, '\ufffd')
    .toLowerCase()
    .normalize('NFC')
    .replace(/<[1-5]>/g, ' $&')
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
}

/** The pieces of a text, each word with the space before it, the first word too: `a1 <2>.` is ` a`, `1`, ` <2>`, `.` */
export function split(text: string): string[] {
  const normal = normalise(text);
  return normal ? (` ${normal}`.match(PIECE) ?? []) : [];
}

/** The number (0-4) of the slot that a piece names, or undefined. */
export function slotOf(piece: string): number | undefined {
  const index = (SLOTS as readonly string[]).indexOf(piece.trimStart());
  return index < 0 ? undefined : index;
}
