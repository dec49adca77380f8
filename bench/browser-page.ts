// The page of bench/browser.ts: measures from the outside of the SDK, model in a worker, and returns plain numbers.
import * as web from '../src/web/index.ts';

const assets = new URL('/ort/', location.origin).href;
const PROMPT = { prompt: 'a red fox in the snow', style: 'flat', seed: 1 } as const;

type Runtime = 'wasm' | 'webgpu';
export interface MeasureOptions {
  readonly model: string;
  readonly runtime: Runtime;
  readonly threads: number;
  readonly precision?: 'float32' | 'int8' | 'int4';
  readonly runs: number;
}

const seconds = async (work: () => Promise<unknown>): Promise<number> => {
  const from = performance.now();
  await work();
  return (performance.now() - from) / 1000;
};

async function open({ model, runtime, threads, precision }: Omit<MeasureOptions, 'runs'>): Promise<web.WebBanana> {
  const bytes = new Uint8Array(await (await fetch(model)).arrayBuffer());
  return web.openBananaWorker(new Worker('/banana-worker.js', { type: 'module' }), {
    model: bytes,
    assets,
    threads,
    runtime,
    ...(precision && { precision }),
  });
}

/** Opening, the first picture, then pictures of 512 pixels in 2 steps, previews of 256 in one, and cancelling. */
async function pictures({ runs, ...options }: MeasureOptions) {
  let banana!: web.WebBanana;
  const openSeconds = await seconds(async () => (banana = await open(options)));
  const firstSeconds = await seconds(() => banana.picture({ ...PROMPT, steps: 2 }));
  const whole: number[] = [];
  const stages: web.StageSeconds[] = [];
  const previews: number[] = [];
  for (let i = 0; i < runs; i++) {
    whole.push(
      await seconds(async () => stages.push((await banana.picture({ ...PROMPT, prompt: `${PROMPT.prompt} ${i}`, steps: 2 })).seconds)),
    );
    previews.push(
      await seconds(() => banana.picture({ ...PROMPT, prompt: `${PROMPT.prompt} ${i}`, steps: 1, width: 256, height: 256, detail: 0.25 })),
    );
  }
  const stop = new AbortController();
  const long = banana.picture({ ...PROMPT, steps: 4, count: 100, signal: stop.signal }).catch(() => {});
  await new Promise((done) => setTimeout(done, 500));
  // until the engine is free again, less the time of what is asked then
  const cancelled = await seconds(async () => {
    stop.abort();
    await long;
    await banana.removePeel('none');
  });
  await banana.close();
  return { openSeconds, firstSeconds, whole, stages, previews, cancelled };
}

/** The pixels of one small picture. */
async function pixels(options: Omit<MeasureOptions, 'runs'>) {
  const banana = await open(options);
  const { image } = await banana.picture({ prompt: 'a fox', seed: 3, steps: 2, width: 128, height: 128 });
  await banana.close();
  return [...image.data];
}

/** A Peel from twelve discs: how long preparing and each step take, and how large it is. */
async function training({ steps, ...options }: Omit<MeasureOptions, 'runs'> & { steps: number }) {
  const banana = await open(options);
  const list = Array.from({ length: 12 }, (_, i): web.WebPicture => {
    const canvas = new OffscreenCanvas(256, 256);
    const context = canvas.getContext('2d')!;
    context.fillStyle = 'white';
    context.fillRect(0, 0, 256, 256);
    context.fillStyle = `hsl(${30 * i} 80% 50%)`;
    context.arc(128, 128, 60 + 5 * i, 0, 7);
    context.fill();
    return { image: context.getImageData(0, 0, 256, 256), caption: `disc ${i}` };
  });
  const from = performance.now();
  const run = banana.trainPeel(list, { name: 'disc', steps, samples: false });
  const reports: { step: number; at: number; loss: number }[] = [];
  for (;;) {
    const { done, value } = await run.next();
    if (done) {
      const seconds = (performance.now() - from) / 1000;
      await banana.close();
      return { seconds, bytes: value.chunks.reduce((sum, c) => sum + c.length, 0), steps: value.steps, reports };
    }
    if (value.type === 'step') reports.push({ step: value.step, at: value.seconds, loss: value.loss });
  }
}

const measurements = { pictures, pixels, training };
export type Measurements = typeof measurements;

Object.assign(globalThis, { measurements });
