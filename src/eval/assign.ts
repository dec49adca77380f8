// The best one-to-one assignment of rows to columns: the Hungarian method with potentials and shortest augmenting paths (Kuhn 1955;
// Jonker & Volgenant 1987), O(n^2 m). For a handful of figures and references, where greedy pairing would hide who was mixed up.

/**
 * For each row the column that is its own, so that the sum of `scores[row][column]` is greatest; -1 for the rows that are left over
 * when there are fewer columns than rows. Scores are any finite numbers, the rows of equal length.
 */
export function assign(scores: readonly (readonly number[])[]): number[] {
  const [rows, columns] = [scores.length, scores[0]?.length ?? 0];
  if (columns === 0) return Array<number>(rows).fill(-1);
  if (rows > columns) {
    const turned = assign(Array.from({ length: columns }, (_, c) => scores.map((row) => row[c]!)));
    return Array.from({ length: rows }, (_, r) => turned.indexOf(r));
  }
  // 1-based; column 0 holds the row that is being placed. cost = -score.
  const [u, v] = [new Float64Array(rows + 1), new Float64Array(columns + 1)];
  const owner = new Int32Array(columns + 1);
  for (let row = 1; row <= rows; row++) {
    const cheapest = new Float64Array(columns + 1).fill(Infinity);
    const from = new Int32Array(columns + 1);
    const done = new Uint8Array(columns + 1);
    owner[0] = row;
    let at = 0;
    while (owner[at] !== 0) {
      done[at] = 1;
      let [next, least] = [0, Infinity];
      for (let c = 1; c <= columns; c++) {
        if (done[c]) continue;
        const cost = -scores[owner[at]! - 1]![c - 1]! - u[owner[at]!]! - v[c]!;
        if (cost < cheapest[c]!) [cheapest[c], from[c]] = [cost, at];
        if (cheapest[c]! < least) [least, next] = [cheapest[c]!, c];
      }
      for (let c = 0; c <= columns; c++)
        if (done[c]) [u[owner[c]!], v[c]] = [u[owner[c]!]! + least, v[c]! - least];
        else cheapest[c]! -= least;
      at = next;
    }
    for (; at !== 0; at = from[at]!) owner[at] = owner[from[at]!]!; // turn the path over
  }
  const found = Array<number>(rows).fill(-1);
  owner.forEach((row, c) => c > 0 && row > 0 && (found[row - 1] = c - 1));
  return found;
}
