// A fleet as an opened banana: the server's doors draw through it as through an engine of its own. A request is a job that comes before
// those that nobody waits for; who leaves ends it.
import { decodeImage, encodeImage } from '../disk/codec.ts';
import type { GenerateEvent, ImageEvent, PreviewEvent } from '../draw/events.ts';
import { readRecipe } from '../draw/recipe.ts';
import { toWire } from '../draw/wire.ts';
import type { Image } from '../image/image.ts';
import type { ModelInfo } from '../models/family.ts';
import type { Banana, DrawOptions } from '../sdk/banana.ts';
import { RuntimeError } from '../util/errors.ts';
import type { Desk } from './desk.ts';
import { answered, failureOf, hasEnded, pictureName, progressOf, type FleetEntry, type FleetPreview } from './queue.ts';

const base64 = async (picture: Image) => Buffer.from(await encodeImage(picture, 'png')).toString('base64');

export function fleetBanana(desk: Desk, model: ModelInfo): Pick<Banana, 'model' | 'generate'> {
  return { model, generate: (options) => generate(desk, options) };
}

/** Throws RuntimeError `fleet.empty` where nobody would draw it, and as the worker that drew it. */
async function* generate(desk: Desk, options: DrawOptions): AsyncGenerator<GenerateEvent, void, void> {
  const { fleet } = desk;
  const { signal = new AbortController().signal } = options;
  signal.throwIfAborted();
  if ((await answered(fleet.queue.getWorkersCount())) === 0)
    throw new RuntimeError('fleet.empty', `fleet "${fleet.name}" has no worker: start one with \`banana worker --redis URL\``);
  const request = await toWire(options, base64);
  const shown: FleetPreview[] = [];
  const look = options.preview ? { side: options.preview, show: (preview: FleetPreview) => void shown.push(preview) } : undefined;
  const { entry } = await desk.submit({ request, format: 'png' }, 'waited', look);
  try {
    yield* follow(desk, entry.data.id, shown, signal);
  } finally {
    await clearAway(desk, entry).catch(() => {}); // what was answered is answered, what went wrong is told already
  }
}

/** Ends a job that nobody waits for any more, and removes what it left. */
async function clearAway(desk: Desk, entry: FleetEntry): Promise<void> {
  const { data } = entry;
  if (!hasEnded((await desk.look(data.id)).status)) await desk.cancel(data.id);
  const names = Array.from({ length: data.count }, (_, i) => pictureName(data, i));
  await desk.forget(entry, names);
}

/** `shown`: previews that came and that nobody was told of. */
async function* follow(desk: Desk, id: string, shown: FleetPreview[], signal: AbortSignal): AsyncGenerator<GenerateEvent, void, void> {
  let [drawn, step, isTold] = [0, 0, false];
  for await (const { entry, status } of desk.watch(id, signal)) {
    const progress = progressOf(entry);
    if (status === 'failed') throw failureOf(entry);
    if (status === 'cancelled') throw new DOMException('the job was cancelled', 'AbortError');
    const { text, tokens } = progress;
    if (!isTold && text !== undefined && tokens !== undefined) {
      isTold = true;
      yield { type: 'text', text, tokens, truncated: 0, cut: '' };
    }
    for (const most = status === 'done' ? entry.data.count : progress.drawn; drawn < most; [drawn, step] = [drawn + 1, 0]) {
      yield* previewsOf(shown, drawn);
      yield await pictureAt(desk, entry, drawn, text ?? entry.data.prompt);
    }
    yield* previewsOf(shown, drawn);
    if (progress.step !== undefined && progress.steps !== undefined && progress.drawn === drawn && progress.step > step)
      yield { type: 'step', index: drawn, step: (step = progress.step), steps: progress.steps };
    if (status === 'done') yield { type: 'done', count: drawn, seconds: { text: 0, denoise: 0, render: 0 } };
  }
}

/** Takes the previews of a picture out of those that were shown, and those of pictures before it, which are too late. */
async function* previewsOf(shown: FleetPreview[], picture: number): AsyncGenerator<PreviewEvent, void, void> {
  while (shown[0] && shown[0].index <= picture) {
    const { index, step, steps, image } = shown.shift()!;
    if (index === picture) yield { type: 'preview', index, step, steps, image: await decodeImage(Buffer.from(image, 'base64')) };
  }
}

async function pictureAt({ results }: Desk, { data }: FleetEntry, index: number, text: string): Promise<ImageEvent> {
  const bytes = await results.read(pictureName(data, index));
  const recipe = readRecipe(bytes);
  if (!recipe) throw new RuntimeError('results.read', `picture ${index} of job ${data.id} has no recipe inside`);
  return { type: 'image', index, image: await decodeImage(bytes), recipe, text };
}
