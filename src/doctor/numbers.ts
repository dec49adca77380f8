// What can be said of many numbers at a glance: how far they go, how they spread, and how many are none.

export interface Numbers {
  readonly count: number;
  /** Those that are not a number, or infinite; the rest of the summary is of the others. */
  readonly bad: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly deviation: number;
}

export function numbersOf(data: ArrayLike<number>): Numbers {
  let [bad, min, max, sum, squares] = [0, Infinity, -Infinity, 0, 0];
  for (let i = 0; i < data.length; i++) {
    const x = data[i]!;
    if (!Number.isFinite(x)) {
      bad++;
      continue;
    }
    min = Math.min(min, x);
    max = Math.max(max, x);
    sum += x;
    squares += x * x;
  }
  const good = data.length - bad;
  const mean = sum / good;
  return { count: data.length, bad, min, max, mean, deviation: Math.sqrt(Math.max(0, squares / good - mean ** 2)) };
}

/** How far `a` is from `b`, relative to b: |a - b| / |b|. */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [difference, power] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    difference += (a[i]! - b[i]!) ** 2;
    power += b[i]! ** 2;
  }
  return Math.sqrt(difference / power);
}
