// What browser.test.ts has a page do, from the outside of the SDK: each opens what it needs, and returns plain numbers and texts.
import * as web from '../../src/web/index.ts';
import { discs } from './discs.ts';

const assets = new URL('/ort/', location.origin).href;

type OpenOptions = { script?: string } & Partial<Parameters<typeof web.openBananaWorker>[1]>;

/** Opens the model that the server has, in a fresh worker. One thread: idle ones spin, and a busy machine stands still. */
export async function open({ script = '/banana-worker.js', ...options }: OpenOptions = {}): Promise<web.WebBanana> {
  const model = options.model ?? new Uint8Array(await (await fetch('/model.safetensors')).arrayBuffer());
  return web.openBananaWorker(new Worker(script, { type: 'module' }), {
    assets,
    ...(crossOriginIsolated && { threads: 1 }),
    runtime: 'wasm',
    ...options,
    model,
  });
}

const told = async (task: Promise<unknown>): Promise<string> =>
  task.then(
    () => 'no error',
    (error: { code?: unknown; name: string; message: string }) =>
      `${typeof error.code === 'string' ? error.code : error.name}: ${error.message}`,
  );
const same = (a: web.Image, b: web.Image) => a.data.every((x, i) => x === b.data[i]);
const REQUEST = { prompt: 'a fox', seed: 3, steps: 2, width: 96, height: 64 } as const;

/** One picture by a runtime. */
export async function picture(
  runtime: 'wasm' | 'webgpu',
  { threads = 1, ...request }: Partial<web.DrawOptions> & { threads?: number } = {},
) {
  const banana = await open({ runtime, threads });
  const { image, recipe } = await banana.picture({ ...REQUEST, ...request });
  await banana.close();
  const { runtime: ran, precision } = banana.model;
  return { runtime: ran, precision, recipe, width: image.width, height: image.height, data: [...image.data] };
}

/** A model of others: read in parts from addresses, kept in this site's private files in few bits, and drawn from there. */
export async function openWeights(files: Record<string, string>, runtimes: readonly ('wasm' | 'webgpu')[]) {
  const shares: number[] = [];
  const worker = new Worker('/banana-worker.js', { type: 'module' });
  const made = await web.importModel({ files, name: 'tiny', bits: 4, worker, progress: (share) => void shares.push(share) });
  const kept = (await web.importedModel('tiny'))!;
  const pictures: { runtime: string; recipe: web.Recipe; data: number[] }[] = [];
  for (const runtime of runtimes) {
    const banana = await open({ model: kept, runtime });
    const { image, recipe } = await banana.picture({ prompt: 'a fox', seed: 3, width: 64, height: 64 });
    pictures.push({ runtime: banana.model.runtime, recipe, data: [...image.data] });
    await banana.close();
  }
  const bytes = [...new Uint8Array(await made.arrayBuffer())];
  const wrong = await told(web.importModel({ files: { 'unet/config.json': '/none.json' }, name: 'none' }));
  await web.removeImportedModel('tiny');
  return { shares, bytes, pictures, wrong, left: await web.importedModel('tiny') };
}

/** A model from open to close: events, cancelling, live typing, an error, and the end. */
export async function life() {
  const banana = await open();
  const events: string[] = [];
  let drawn: web.Image | undefined;
  for await (const event of banana.generate(REQUEST)) {
    events.push(event.type);
    if (event.type === 'image') drawn = event.image;
  }
  const again = await banana.picture(REQUEST);

  const stop = new AbortController();
  const cancelled = told(banana.pictures({ ...REQUEST, width: 2048, height: 2048, steps: 4, count: 50, signal: stop.signal }));
  await new Promise((done) => setTimeout(done, 100));
  stop.abort();
  const asked = performance.now();
  const cancelling = await cancelled;
  const after = await banana.picture(REQUEST);
  const cancelSeconds = (performance.now() - asked) / 1000;

  const live = banana.live({ ...REQUEST, rest: 50 });
  const frames: { kind: string; prompt: string }[] = [];
  let typed = false;
  for await (const { kind, prompt } of live.frames) {
    frames.push({ kind, prompt });
    if (!typed && kind === 'preview') {
      typed = true;
      for (const text of ['a foxy', 'a foxy f', 'a foxy friend']) live.update({ prompt: text });
    }
    if (kind === 'settled' && prompt === 'a foxy friend') live.close();
  }
  const wrong = await told(banana.picture({ ...REQUEST, style: 'cubism' }));
  const pending = told(banana.picture({ ...REQUEST, width: 2048, height: 2048 }));
  await banana.close();
  return {
    events,
    same: same(drawn!, again.image),
    cancelling,
    after: same(after.image, again.image),
    cancelSeconds,
    frames,
    wrong,
    pending: await pending,
    closed: await told(banana.picture(REQUEST)),
  };
}

/** What goes wrong at opening, each told in one line. */
export async function failures() {
  const model = new Uint8Array(await (await fetch('/model.safetensors')).arrayBuffer());
  return {
    damaged: await told(open({ model: model.slice(0, 1000) })),
    script: await told(open({ script: '/no-such-worker.js' })),
    assets: await told(open({ assets: new URL('/nowhere/', location.origin).href })),
    given: await told(open({ signal: AbortSignal.abort() })),
    silent: await told(open({ script: '/silent.js', signal: AbortSignal.timeout(500) })),
  };
}

/** In a page without the two headers: one thread, and it says so when asked for more. */
export async function plain() {
  const two = await told(open({ threads: 2 }));
  const banana = await open();
  const { image } = await banana.picture({ ...REQUEST, steps: 1 });
  await banana.close();
  return { two, width: image.width };
}

const TRAIN = { name: 'disc', steps: 24, rank: 4, batch: 4, prior: 1, rate: 0.01, samples: false, licence: 'CC0-1.0' } as const;

/** Pictures as pages have them: files of the browser's own encoders, pixels, and a drawing. */
async function dropped(): Promise<web.WebPicture[]> {
  const list: web.WebPicture[] = [];
  for (const [i, { image, caption }] of discs().entries()) {
    const pixels = new ImageData(new Uint8ClampedArray(image.data), image.width, image.height);
    const canvas = new OffscreenCanvas(image.width, image.height);
    canvas.getContext('2d')!.putImageData(pixels, 0, 0);
    list.push({ caption, image: [pixels, await canvas.convertToBlob({ type: 'image/png' }), image][i % 3]! });
  }
  return list;
}

/** Losses by step, what was held out, and the Peel. */
async function run(
  banana: web.WebBanana,
  options: Partial<Parameters<web.WebBanana['trainPeel']>[1]> & { leaveAt?: number; count?: number },
) {
  const { leaveAt = Infinity, count, ...given } = options;
  const training = banana.trainPeel((await dropped()).slice(0, count), { ...TRAIN, ...given });
  const losses: Record<number, number> = {};
  const types = new Set<string>();
  for (;;) {
    const { done, value } = await training.next();
    if (done) return { losses, types: [...types], trained: value };
    types.add(value.type);
    if (value.type !== 'step') continue;
    losses[value.step] = value.loss;
    if (value.step < leaveAt) continue;
    await training.return(undefined as never);
    return { losses, types: [...types] };
  }
}

/** A Peel trained in the page: left and taken up again, used, taken off. */
export async function peel(
  runtime: 'wasm' | 'webgpu',
  { keep = 'memory', ...options }: Partial<web.WebTrainOptions> & { count?: number } = {},
) {
  const { steps = TRAIN.steps } = options;
  let banana = await open({ runtime });
  const first = await run(banana, { ...options, keep, leaveAt: steps / 2 });
  if (keep === 'browser') {
    await banana.close(); // as a closed tab does
    banana = await open({ runtime });
  }
  const rest = await run(banana, { ...options, keep });
  const before = await banana.picture(REQUEST);
  const info = await banana.addPeel(rest.trained!.chunks);
  const on = await banana.picture({ ...REQUEST, prompt: 'a fox <peel:disc:1>' });
  const bytes = new Uint8Array(await new Blob(rest.trained!.chunks as Uint8Array<ArrayBuffer>[]).arrayBuffer());
  const byBytes = await banana.picture({ ...REQUEST, peels: [{ bytes }] });
  const off = await banana.picture(REQUEST);
  const removed = [await banana.removePeel('disc'), await told(banana.picture({ ...REQUEST, prompt: 'a fox <peel:disc>' }))];
  const damaged = await told(banana.addPeel(bytes.slice(0, -5)));
  await banana.close();
  return {
    runtime: banana.model.runtime,
    first: first.losses,
    rest: rest.losses,
    types: rest.types,
    info,
    bytes: [...bytes],
    steps: rest.trained!.steps,
    stopped: rest.trained!.stopped,
    changed: web.psnr(before.image, on.image),
    byName: same(on.image, byBytes.image),
    exact: same(before.image, off.image),
    used: on.recipe.peels,
    removed,
    damaged,
  };
}

/** The losses of a few steps on two pictures: as little as shows that a runtime trains. */
export async function train(runtime: 'wasm' | 'webgpu') {
  const banana = await open({ runtime });
  const { losses, trained } = await run(banana, { steps: 4, count: 2, batch: 2, prior: 0, layers: ['attention'] });
  await banana.close();
  return { runtime: banana.model.runtime, losses: Object.values(losses), bytes: trained!.chunks.reduce((sum, c) => sum + c.length, 0) };
}

/** Cancelled by signal in the middle of a long training: at once, and the engine is free soon after. */
export async function cancelTraining() {
  const banana = await open();
  const stop = new AbortController();
  const training = banana.trainPeel(await dropped(), { ...TRAIN, steps: 100_000, signal: stop.signal });
  let steps = 0;
  let error = '';
  let at = 0;
  try {
    for await (const event of training) {
      if (event.type !== 'step') continue;
      steps = event.step;
      at = performance.now();
      stop.abort();
    }
  } catch (e) {
    error = (e as Error).name;
  }
  await banana.picture(REQUEST);
  const freeSeconds = (performance.now() - at) / 1000;
  const refused = await told(run(banana, { rank: 0 }));
  const unreadable = await told(banana.trainPeel([{ image: new Blob(['not a picture'], { type: 'image/png' }) }], TRAIN).next());
  await banana.close();
  return { steps, error, freeSeconds, refused, unreadable };
}

/** The store in the browser's own files keeps the promises of every store. */
export async function store() {
  const open = () => web.browserStore('test');
  const text = async (name: string) => {
    const bytes = await open().read(name);
    return bytes && new TextDecoder().decode(bytes);
  };
  const one = open();
  const missing = await text('x');
  await one.write('x', [new Uint8Array([104, 105]), new Uint8Array([33])]);
  const first = await text('x');
  await one.write('x', 'a');
  await one.append('x', 'b');
  await one.append('log', 'line\n');
  const second = [await text('x'), await text('log')];
  await one.remove(['x', 'log', 'never there']);
  const names: string[] = [];
  for await (const name of ((await navigator.storage.getDirectory()) as unknown as { keys(): AsyncIterable<string> }).keys())
    names.push(name);
  return { missing: missing === undefined, first, second, left: (await text('x')) === undefined, names };
}
