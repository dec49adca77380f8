// Many pictures in one process, one after the other: does it grow, does it slow down? Told in ten parts of the run, after a warm-up:
// times, and the most memory that was in use after a picture (what waits to be collected comes and goes, so single figures say little).
import { loadPipeline } from '../src/node/load.ts';
import { draw, peak, threadsOf, type MeasureOptions } from './drawing.ts';
import { summarize } from './timing.ts';

const SECONDS = 600;
/** Pictures after which memory should not grow any more: every buffer of every size has been made. */
const WARM = 20;
const PROMPTS = ['a red fox in the snow, flat style', 'a yellow boat on the beach', 'two green apples', 'a blue house and a tree', 'a cat'];

export interface SoakResult {
  readonly seconds: number;
  readonly pictures: number;
  readonly warmRssBytes: number;
  readonly endRssBytes: number;
  readonly warmPeakRssBytes: number;
  readonly peakRssBytes: number;
  /** The most memory in the last tenth over that in the first, less 1. */
  readonly drift: number;
  /** Of each tenth of the run. */
  readonly parts: readonly { readonly pictures: number; readonly p50: number; readonly p95: number; readonly rssBytes: number }[];
  /** Median of the last tenth over that of the first. */
  readonly slowdown: number;
}

export async function measureSoak(options: MeasureOptions): Promise<SoakResult> {
  const { seconds = options.pictures === undefined ? SECONDS : 0, pictures = 0 } = options;
  const pipeline = await loadPipeline({ model: options.model, runtime: 'cpu', ...threadsOf(options) });
  const rss = () => process.memoryUsage().rss;
  const one = (i: number) => draw(pipeline, { prompt: PROMPTS[i % PROMPTS.length]!, seed: i, steps: 2 });
  for (let i = 0; i < WARM; i++) await one(i);
  const [warmRssBytes, warmPeakRssBytes] = [rss(), peak()];
  const samples: { seconds: number; rssBytes: number }[] = [];
  const from = performance.now();
  const elapsed = () => (performance.now() - from) / 1000;
  while (elapsed() < seconds || samples.length + WARM < pictures) {
    const began = performance.now();
    await one(samples.length + WARM);
    samples.push({ seconds: (performance.now() - began) / 1000, rssBytes: rss() });
    if (samples.length % 100 === 0)
      process.stderr.write(`soak: ${samples.length + WARM} pictures, ${elapsed().toFixed(0)} s, ${(rss() / 1e6).toFixed(0)} MB\n`);
  }
  const whole = elapsed();
  const [endRssBytes, peakRssBytes] = [rss(), peak()];
  await pipeline.release();
  const cut = (i: number) => Math.floor((i * samples.length) / 10);
  const parts = Array.from({ length: 10 }, (_, i) => samples.slice(cut(i), cut(i + 1)))
    .filter((part) => part.length > 0)
    .map((part) => {
      const { median, p95 } = summarize(part.map((s) => s.seconds));
      return { pictures: part.length, p50: median, p95, rssBytes: Math.max(...part.map((s) => s.rssBytes)) };
    });
  return {
    seconds: whole,
    pictures: samples.length + WARM,
    warmRssBytes,
    endRssBytes,
    warmPeakRssBytes,
    peakRssBytes,
    drift: parts.at(-1)!.rssBytes / parts[0]!.rssBytes - 1,
    parts,
    slowdown: parts.at(-1)!.p50 / parts[0]!.p50,
  };
}
