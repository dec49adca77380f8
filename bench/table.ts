// The result of a preset, and the plain table that people read: median, best and worst of each figure.
import type { ExtrasResult } from './extras.ts';
import type { LiveResult } from './live.ts';
import type { SoakResult } from './soak.ts';
import type { Summary } from './timing.ts';

/** What measure.ts and main.ts found out about one preset. Seconds, bytes, operations a second. */
export interface PresetResult {
  /** 'random': the timings are those of the shape, in 4 bits. */
  readonly weights: 'trained' | 'random';
  readonly runtime: string;
  /** How weights are multiplied where nothing else is said. */
  readonly precision: string;
  readonly prepareSeconds?: number;
  readonly parameters: number;
  /** Latent tokens of a 512x512 picture, and text tokens of the prompt. */
  readonly tokens: number;
  readonly textTokens: number;
  readonly loadSeconds: number;
  /** Prompt to pixels by number of steps, warm. */
  readonly picture: Readonly<Record<number, Summary>>;
  readonly stages: Readonly<Record<'text' | 'denoiseStep' | 'maps' | 'render' | 'pixels' | 'encode', Summary>> & {
    readonly denoise: Readonly<Record<number, Summary>>;
  };
  /** The same step with each kind of product, and how far its velocity is from float32's, relatively; null where that is zero, as with random weights. */
  readonly precisions: Readonly<Record<string, { readonly denoiseStep: Summary; readonly difference: number | null }>>;
  readonly flops: Readonly<Record<'text' | 'denoiseStep' | 'maps', number>>;
  readonly denoiseOps: number;
  /** 8-bit products alone, in the same process; and float32 products of the denoiser's own shapes. */
  readonly int8CeilingOps: number;
  readonly float32CeilingOps: number;
  /** denoiseOps / int8CeilingOps */
  readonly ratio: number;
  readonly extras: ExtrasResult;
  readonly loadedRssBytes: number;
  readonly peakRssBytes: number;
  readonly render4k: {
    readonly width: number;
    readonly height: number;
    readonly render: Summary;
    readonly total: Summary;
    readonly peakRssBytes: number;
  };
  readonly live: LiveResult;
  readonly training?: Readonly<
    Record<'renderer' | 'teacher', { readonly batch: number; readonly step: Summary; readonly samplesPerSecond: number }>
  > & { readonly peakRssBytes: number };
  readonly coldStart?: { readonly total: Summary; readonly seconds: Readonly<Record<string, number>>; readonly peakRssBytes: number };
  readonly command4k?: { readonly total: number; readonly seconds: Readonly<Record<string, number>>; readonly peakRssBytes: number };
  /** Instead of all that, for large presets. */
  readonly large?: {
    readonly precision: string;
    readonly parameters: number;
    readonly loadSeconds: number;
    readonly loadedRssBytes: number;
    readonly peakRssBytes: number;
    readonly picture: Summary;
    readonly denoiseStep: Summary;
    readonly denoiseOps: number;
    readonly int4CeilingOps: number;
    readonly ratio: number;
  };
  /** Of `--soak` and `--load`. */
  readonly soak?: SoakResult;
  readonly load?: LiveResult;
}

const digits = (x: number) => (x >= 100 ? x.toFixed(0) : x >= 10 ? x.toFixed(1) : x >= 1 ? x.toFixed(2) : x.toFixed(4));
const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;
const gigaflop = (flops: number) => `${digits(flops / 1e9)} GFLOP`;

/** A line of times. */
const spread = (name: string, s: Summary, note = ''): string[] => [
  name,
  `${digits(s.median)} s`,
  `${digits(s.min)} - ${digits(s.max)}`,
  note,
];

function rows(r: PresetResult): string[][] {
  const { stages: s, flops } = r;
  const { subjects } = r.extras;
  const rate = (work: number, time: Summary) => `${gigaflop(work)}, ${digits(work / time.median / 1e9)} GFLOP/s`;
  const out = [
    spread('text, once a prompt', s.text, rate(flops.text, s.text)),
    spread('denoise, a step', s.denoiseStep, rate(flops.denoiseStep, s.denoiseStep)),
    ...Object.entries(r.precisions).map(([name, p]) =>
      spread(
        `denoise, a step, ${name}`,
        p.denoiseStep,
        `${rate(flops.denoiseStep, p.denoiseStep)}${p.difference === null ? '' : `; ${(100 * p.difference).toFixed(2)} % from float32`}`,
      ),
    ),
    ...Object.entries(s.denoise).map(([steps, time]) => spread(`denoise, ${steps} step${steps === '1' ? '' : 's'}`, time)),
    spread('maps of all layers', s.maps, rate(flops.maps, s.maps)),
    spread('render 512x512', s.render),
    spread('to 8-bit pixels', s.pixels),
    spread('encode PNG', s.encode),
    ...Object.entries(r.picture).map(([steps, time]) => spread(`prompt to pixels, ${steps} step${steps === '1' ? '' : 's'}`, time)),
    ['8-bit products alone', `${digits(r.int8CeilingOps / 1e9)} GOP/s`, '', `the denoiser reaches ${(100 * r.ratio).toFixed(0)} % of it`],
    ['float32 products alone', `${digits(r.float32CeilingOps / 1e9)} GFLOP/s`, '', "of the denoiser's shapes"],
    spread('a picture, 2 steps', r.extras.plain, 'as the two below are measured, in turn'),
    spread('with a Peel of rank 16', r.extras.peel, `${r.extras.peelRatio.toFixed(3)} times as long`),
    ...(subjects
      ? [
          spread(
            'with five subjects',
            subjects.time,
            `${subjects.ratio.toFixed(3)} times as long; ${subjects.tokens} tokens more, read once in ${digits(subjects.readSeconds)} s`,
          ),
        ]
      : []),
    ['memory, loaded', megabytes(r.loadedRssBytes), '', `loading took ${digits(r.loadSeconds)} s`],
    ['memory, peak at 512x512', megabytes(r.peakRssBytes), '', ''],
    spread(
      `prompt to pixels, ${r.render4k.width}x${r.render4k.height}`,
      r.render4k.total,
      `2 steps; drawing ${digits(r.render4k.render.median)} s; peak ${megabytes(r.render4k.peakRssBytes)}`,
    ),
    spread(
      'typing, key to frame',
      r.live.latency,
      `${digits(r.live.fps)} frames/s, p95 ${digits(r.live.latency.p95)} s, ${r.live.level.pixels} pixels, ${Math.round(100 * r.live.level.detail)} % of the tokens`,
    ),
    ...(r.live.cancel ? [spread('cancel, until free again', r.live.cancel, `p95 ${digits(r.live.cancel.p95)} s`)] : []),
  ];
  if (r.training)
    for (const name of ['renderer', 'teacher'] as const) {
      const { batch, step, samplesPerSecond } = r.training[name];
      out.push(spread(`train ${name}, batch ${batch}`, step, `${digits(samplesPerSecond)} samples/s`));
    }
  if (r.coldStart) {
    const parts = Object.entries(r.coldStart.seconds)
      .map(([stage, x]) => `${stage} ${digits(x)}`)
      .join(', ');
    out.push(spread('cold start, the command', r.coldStart.total, `${parts}; peak ${megabytes(r.coldStart.peakRssBytes)}`));
  }
  if (r.command4k)
    out.push(['4K PNG, the command', `${digits(r.command4k.total)} s`, '', `peak ${megabytes(r.command4k.peakRssBytes)}, both processes`]);
  return out;
}

function largeRows({ large: l, prepareSeconds }: PresetResult): string[][] {
  return [
    ['loading', `${digits(l!.loadSeconds)} s`, '', prepareSeconds === undefined ? '' : `making the file took ${digits(prepareSeconds)} s`],
    ['memory, loaded', megabytes(l!.loadedRssBytes), '', `peak ${megabytes(l!.peakRssBytes)}`],
    spread('prompt to pixels, 2 steps', l!.picture),
    spread(
      'denoise, a step',
      l!.denoiseStep,
      `${digits(l!.denoiseOps / 1e9)} GOP/s, ${(100 * l!.ratio).toFixed(0)} % of the 4-bit products alone (${digits(l!.int4CeilingOps / 1e9)} GOP/s)`,
    ),
  ];
}

/** The lines of a soak. */
export function printSoak(results: Readonly<Record<string, PresetResult>>): string {
  return Object.entries(results)
    .map(([name, { soak: s, weights }]) =>
      [
        `${name} (${weights}): ${s!.pictures} pictures of 512x512 in 2 steps, ${s!.seconds.toFixed(0)} s in one process`,
        `  memory: the last tenth's most is ${(100 * s!.drift).toFixed(2)} % above the first's; peak ${megabytes(s!.warmPeakRssBytes)} after the warm-up, ${megabytes(s!.peakRssBytes)} at the end`,
        `  times: the last tenth takes ${s!.slowdown.toFixed(3)} times the first`,
        ...s!.parts.map(
          (p, i) => `  part ${i + 1}: ${p.pictures} pictures, p50 ${digits(p.p50)} s, p95 ${digits(p.p95)} s, ${megabytes(p.rssBytes)}`,
        ),
        '',
      ].join('\n'),
    )
    .join('\n');
}

/** The lines of typing under load. */
export function printLoad(results: Readonly<Record<string, PresetResult>>): string {
  return Object.entries(results)
    .map(([name, { load: l, weights }]) =>
      [
        `${name} (${weights}): typing beside ${l!.busyProcesses} busy processes`,
        ...l!.notices.map((notice) => `  ${notice}`),
        `  in the end ${digits(l!.fps)} frames/s, p95 ${digits(l!.latency.p95)} s, ${l!.level.pixels} pixels, ${Math.round(100 * l!.level.detail)} % of the tokens`,
        '',
      ].join('\n'),
    )
    .join('\n');
}

/** The table of all presets. */
export function printTable(results: Readonly<Record<string, PresetResult>>): string {
  return Object.entries(results)
    .map(([name, r]) => {
      const title = `${name}: ${((r.large ?? r).parameters / 1e6).toFixed(1)} M weights (${r.weights}), ${r.large ? 'int4' : `${r.tokens} latent tokens at 512x512, ${r.textTokens} of text, ${r.precision}`} products`;
      const lines = r.large ? largeRows(r) : rows(r);
      const widths = [0, 1, 2].map((i) => Math.max(...lines.map((line) => line[i]!.length)));
      const text = lines.map(
        (line) =>
          `  ${line
            .map((cell, i) => (i === 1 ? cell.padStart(widths[i]!) : cell.padEnd(widths[i] ?? 0)))
            .join('  ')
            .trimEnd()}`,
      );
      return `${title}\n${text.join('\n')}\n`;
    })
    .join('\n');
}
