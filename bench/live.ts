// Typing as a user has it: the engine in its own process, a live session, a keystroke, a frame. Then how soon the engine is free
// again after a cancel in the middle of a full picture. With `busy`, other processes take every core, and the governor is watched.
import { checkOptions } from '../src/draw/check.ts';
import { fork, type ChildProcess } from 'node:child_process';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { openBanana } from '../src/node/index.ts';
import type { Level } from '../src/live/governor.ts';
import type { PipelineHandlers } from '../src/node/serve.ts';
import { openEngine } from '../src/node/engine-process.ts';
import { threadsOf, type MeasureOptions } from './drawing.ts';
import { summarize, type Summary } from './timing.ts';

const TEXT = 'a red fox in the snow, flat style';
/** What is typed, one letter more each time, and then again from the start. */
const typed = (i: number) => TEXT.slice(0, 2 + (i % (TEXT.length - 1)));

export interface LiveResult {
  /** Seconds from a keystroke to its frame. */
  readonly latency: Summary;
  /** Frames a second when the next key is struck as soon as a frame is there. */
  readonly fps: number;
  /** The size and share of tokens that frames had at the end, and what the governor said. */
  readonly level: Level;
  readonly notices: readonly string[];
  /** Seconds from a cancel in the middle of a picture until the engine answers again. */
  readonly cancel?: Summary;
  readonly busyProcesses: number;
}

export async function measureLive(options: MeasureOptions, { busy = false } = {}): Promise<LiveResult> {
  const others = busy ? await startBusy(cpus().length) : [];
  try {
    const result = await type(options, busy);
    return { ...result, ...(busy ? {} : { cancel: await measureCancel(options) }), busyProcesses: others.length };
  } finally {
    for (const one of others) one.kill();
  }
}

async function type(options: MeasureOptions, busy: boolean): Promise<Omit<LiveResult, 'busyProcesses'>> {
  const banana = await openBanana({ model: options.model, runtime: 'cpu', ...threadsOf(options) });
  const live = banana.live({ seed: 1, rest: 60_000, steps: 2 });
  const [latencies, notices]: [number[], string[]] = [[], []];
  const warm = 5;
  const least = options.quick ? 40 : 150;
  const until = performance.now() + (busy ? 15_000 : 0); // the governor needs a while
  let [level, struck]: [Level | undefined, number] = [undefined, 0];
  let measuredFrom = 0;
  live.update({ prompt: typed(0) });
  struck = performance.now();
  for await (const frame of live.frames) {
    const now = performance.now();
    latencies.push((now - struck) / 1000);
    if (latencies.length === warm) measuredFrom = now;
    if (frame.notice) notices.push(frame.notice);
    level = frame.level;
    if (latencies.length >= warm + least && now >= until) break;
    live.update({ prompt: typed(latencies.length) });
    struck = performance.now();
  }
  const frames = latencies.length - warm;
  const fps = frames / ((performance.now() - measuredFrom) / 1000);
  live.close();
  await banana.close();
  return {
    latency: summarize(latencies.slice(busy ? -40 : warm)),
    fps: busy ? 1 / summarize(latencies.slice(-40)).median : fps,
    level: level!,
    notices,
  };
}

const ENTRY = new URL('../src/node/engine.ts', import.meta.url);

async function measureCancel(options: MeasureOptions): Promise<Summary> {
  const engine = await openEngine<PipelineHandlers>(ENTRY);
  await engine.call('load', { model: options.model, runtime: 'cpu', ...threadsOf(options) });
  const { image: _, mask: __, objects: ___, ...drawn } = checkOptions({ prompt: TEXT, seed: 1, steps: 4, preview: 0 });
  let from = performance.now();
  for (let i = 0; i < 2; i++) {
    from = performance.now();
    await engine.call('draw', drawn);
  }
  const whole = performance.now() - from;
  const samples: number[] = [];
  const runs = options.quick ? 10 : 30;
  for (let run = 0; run < runs; run++) {
    const stop = new AbortController();
    const stopped = engine.call('draw', drawn, { signal: stop.signal }).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, whole * (0.05 + (0.9 * run) / runs)));
    const at = performance.now();
    stop.abort();
    await engine.call('peak', undefined);
    samples.push((performance.now() - at) / 1000);
    await stopped;
  }
  await engine.close();
  return summarize(samples);
}

/** Processes that do nothing but keep a core busy. */
async function startBusy(count: number): Promise<ChildProcess[]> {
  const children = Array.from({ length: count }, () => fork(fileURLToPath(import.meta.url), ['busy'], { stdio: 'ignore' }));
  await new Promise((resolve) => setTimeout(resolve, 1000));
  return children;
}

if (process.argv[2] === 'busy') {
  process.on('disconnect', () => process.exit());
  const spin = () => {
    const until = performance.now() + 50;
    while (performance.now() < until);
    setImmediate(spin);
  };
  spin();
}
