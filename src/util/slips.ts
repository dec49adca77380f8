// How far a word is from another: to ask whether one was meant that is there.

/** Levenshtein's distance: letters put in, left out or exchanged that make one word of another. */
export function slips(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) next.push(Math.min(next[j]! + 1, row[j + 1]! + 1, row[j]! + (letter === b[j] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}

/** The first of some names, one at least, that a word is the fewest slips from. `as`: how they are compared. */
export function nearest(
  word: string,
  names: readonly string[],
  as = (name: string): string => name,
): { readonly name: string; readonly slips: number } {
  return names.map((name) => ({ name, slips: slips(word, as(name)) })).reduce((best, one) => (one.slips < best.slips ? one : best));
}
