// Numbers and tables as text for people.

/** 1234567 as "1.23 M". */
export function count(n: number): string {
  for (const [unit, size] of [
    ['T', 1e12],
    ['G', 1e9],
    ['M', 1e6],
    ['k', 1e3],
  ] as const)
    if (n >= size) return `${(n / size).toPrecision(3)} ${unit}`;
  return String(n);
}

/** 1234567 as "1.23 MB". */
export function bytes(n: number): string {
  return `${count(n)}${n >= 1e3 ? '' : ' '}B`;
}

/** "1 picture", "2 pictures". */
export const several = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;

/** Seconds as a person says them: "45 s", "14 min", "2 h 5 min". */
export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A word for a shell: in quotes where it needs them. */
export function quoted(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Rows with their columns in line. */
export function table(rows: readonly (readonly string[])[], gap = '  '): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, i) => cell.padEnd(widths[i]!))
          .join(gap)
          .trimEnd()}\n`,
    )
    .join('');
}
