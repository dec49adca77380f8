// The result of a preset, and the plain table that people read: median, best and worst of each figure.
import type { Summary } from './timing.ts';

/** What measure.ts and main.ts found out about one preset. Seconds and bytes. */
export interface PresetResult {
  /** 'random': the timings are those of the shape. */
  readonly weights: 'trained' | 'random';
  readonly parameters: number;
  /** Latent tokens of a 512x512 picture, and text tokens of the prompt. */
  readonly tokens: number;
  readonly textTokens: number;
  readonly loadSeconds: number;
  /** Prompt to PNG bytes by number of steps, warm. */
  readonly picture: Readonly<Record<number, Summary>>;
  readonly stages: Readonly<Record<'text' | 'denoiseStep' | 'decode' | 'render' | 'pixels' | 'encode', Summary>> & { readonly denoise: Readonly<Record<number, Summary>> };
  /** The same step with int8 and int4 products, and how far its velocity is from float32's, relatively; null where that is zero, as with random weights. */
  readonly precisions: Readonly<Record<string, { readonly denoiseStep: Summary; readonly difference: number | null }>>;
  readonly flops: Readonly<Record<'text' | 'denoiseStep' | 'decode' | 'render', number>>;
  readonly denoiseGflops: number;
  /** Bare products of the denoiser's shapes, and one of 1024x1024x1024, in the same process. */
  readonly matmulCeilingGflops: number;
  readonly matmulLargeGflops: number;
  readonly loadedRssBytes: number;
  readonly peakRssBytes: number;
  readonly render4k: { readonly width: number; readonly height: number; readonly render: Summary; readonly encode: Summary; readonly total: Summary; readonly peakRssBytes: number };
  readonly preview: { readonly width: number; readonly height: number; readonly frame: Summary; readonly fps: number; readonly frameOfKnownText: Summary; readonly fpsOfKnownText: number };
  readonly training?: Readonly<Record<'autoencoder' | 'teacher', { readonly batch: number; readonly step: Summary; readonly samplesPerSecond: number }>> & { readonly peakRssBytes: number };
  readonly coldStart?: { readonly total: Summary; readonly seconds: Readonly<Record<string, number>>; readonly peakRssBytes: number };
}

const digits = (x: number) => (x >= 100 ? x.toFixed(0) : x >= 10 ? x.toFixed(1) : x >= 1 ? x.toFixed(2) : x.toFixed(4));
const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;
const gigaflop = (flops: number) => `${digits(flops / 1e9)} GFLOP`;

/** A line of times. */
const spread = (name: string, s: Summary, note = ''): string[] => [name, `${digits(s.median)} s`, `${digits(s.min)} - ${digits(s.max)}`, note];

function rows(r: PresetResult): string[][] {
  const { stages: s, flops } = r;
  const rate = (work: number, time: Summary) => `${gigaflop(work)}, ${digits(work / time.median / 1e9)} GFLOP/s`;
  const out = [
    spread('text, once a prompt', s.text, rate(flops.text, s.text)),
    spread('denoise, a step', s.denoiseStep, rate(flops.denoiseStep, s.denoiseStep)),
    ...Object.entries(r.precisions).map(([name, p]) => spread(`denoise, a step, ${name}`, p.denoiseStep, `${rate(flops.denoiseStep, p.denoiseStep)}${p.difference === null ? '' : `; ${(100 * p.difference).toFixed(2)} % from float32`}`)),
    ...Object.entries(s.denoise).map(([steps, time]) => spread(`denoise, ${steps} step${steps === '1' ? '' : 's'}`, time)),
    spread('decode', s.decode, rate(flops.decode, s.decode)),
    spread('render 512x512', s.render, rate(flops.render, s.render)),
    spread('to 8-bit pixels', s.pixels),
    spread('encode PNG', s.encode),
    ...Object.entries(r.picture).map(([steps, time]) => spread(`prompt to PNG, ${steps} step${steps === '1' ? '' : 's'}`, time)),
    ['products alone, denoiser\'s shapes', `${digits(r.matmulCeilingGflops)} GFLOP/s`, '', `the denoiser reaches ${((100 * r.denoiseGflops) / r.matmulCeilingGflops).toFixed(0)} % of it`],
    ['product 1024x1024x1024', `${digits(r.matmulLargeGflops)} GFLOP/s`, '', ''],
    ['memory, loaded', megabytes(r.loadedRssBytes), '', `loading took ${digits(r.loadSeconds)} s`],
    ['memory, peak at 512x512', megabytes(r.peakRssBytes), '', ''],
    spread(`render ${r.render4k.width}x${r.render4k.height}`, r.render4k.render, `peak ${megabytes(r.render4k.peakRssBytes)}; prompt to PNG ${digits(r.render4k.total.median)} s`),
    spread(`preview ${r.preview.width}x${r.preview.height}, new text`, r.preview.frame, `${digits(r.preview.fps)} frames/s, p95 ${digits(r.preview.frame.p95)} s`),
    spread(`preview ${r.preview.width}x${r.preview.height}, known text`, r.preview.frameOfKnownText, `${digits(r.preview.fpsOfKnownText)} frames/s, p95 ${digits(r.preview.frameOfKnownText.p95)} s`),
  ];
  if (r.training)
    for (const name of ['autoencoder', 'teacher'] as const) {
      const { batch, step, samplesPerSecond } = r.training[name];
      out.push(spread(`train ${name}, batch ${batch}`, step, `${digits(samplesPerSecond)} samples/s`));
    }
  if (r.coldStart) {
    const parts = Object.entries(r.coldStart.seconds).map(([stage, x]) => `${stage} ${digits(x)}`).join(', ');
    out.push(spread('cold start, the command', r.coldStart.total, `${parts}; peak ${megabytes(r.coldStart.peakRssBytes)}`));
  }
  return out;
}

/** The table of all presets. */
export function printTable(results: Readonly<Record<string, PresetResult>>): string {
  return Object.entries(results)
    .map(([name, r]) => {
      const title = `${name}: ${(r.parameters / 1e6).toFixed(1)} M weights (${r.weights}), ${r.tokens} latent tokens at 512x512, ${r.textTokens} of text`;
      const lines = rows(r);
      const widths = [0, 1, 2].map((i) => Math.max(...lines.map((line) => line[i]!.length)));
      const text = lines.map((line) => `  ${line.map((cell, i) => (i === 1 ? cell.padStart(widths[i]!) : cell.padEnd(widths[i] ?? 0))).join('  ').trimEnd()}`);
      return `${title}\n${text.join('\n')}\n`;
    })
    .join('\n');
}
