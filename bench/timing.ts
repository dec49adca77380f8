// Repeating and summing up: every figure is the median of several runs after a warm-up, with the best and the worst beside it.

/** Seconds, or whatever the samples are in. */
export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly p95: number;
  readonly runs: number;
}

export function summarize(samples: readonly number[]): Summary {
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)]!;
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { median, min: sorted[0]!, max: sorted.at(-1)!, p95: at(0.95), runs: sorted.length };
}

/** Seconds of `runs` calls after `warm` calls that do not count. */
export async function time(work: (run: number) => unknown, { runs, warm = 1 }: { runs: number; warm?: number }): Promise<Summary> {
  const samples: number[] = [];
  for (let i = -warm; i < runs; i++) {
    const from = performance.now();
    await work(i);
    if (i >= 0) samples.push((performance.now() - from) / 1000);
  }
  return summarize(samples);
}

/** The line through points by least squares: its slope, and the standard error of that. */
export function lineThrough(points: readonly (readonly [x: number, y: number])[]): { slope: number; error: number } {
  const n = points.length;
  const [meanX, meanY] = [0, 1].map((i) => points.reduce((sum, point) => sum + point[i]!, 0) / n) as [number, number];
  const spread = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  const slope = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) / spread;
  const rest = points.reduce((sum, [x, y]) => sum + (y - meanY - slope * (x - meanX)) ** 2, 0);
  return { slope, error: Math.sqrt(rest / (n - 2) / spread) };
}
