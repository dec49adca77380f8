// From a prompt to pictures, as a generator: tokens, the conditioning once, then for each picture noise, a few steps of the
// consistency sampler, and the renderer tile by tile. It yields what is known as soon as it is known (events.ts), so
// previews, progress and cancelling need no other means. Pure: files and processes are elsewhere (node/index.ts, web/index.ts).
import type { PeelStack } from '../adapters/stack.ts';
import { checkpoint } from '../runtime/engine.ts';
import { image, placeImage, tensorToImage, WHITE, type Image, type Tile } from '../image/image.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { clamped } from '../sampling/clamp.ts';
import { random, type Random } from '../util/random.ts';
import type { GenerateEvent, RenderEvent, StageSeconds } from './events.ts';
import { checkAble, withinModel } from './able.ts';
import { checkOptions, type Checked } from './check.ts';
import { drawSticker, layerImages, layersAsked, layersOf, onlyLayer, planOf } from './objects.ts';
import { byName, pictureStore, type Sent } from './pictures.ts';
import { withTriggers } from '../adapters/triggers.ts';
import { noPeels, peelShelf, usedPeels, type PeelSource } from './peels.ts';
import type { Condition, Drawing, ModelInfo, Painter, Seen } from '../models/family.ts';
import { noiseOf, type Layout } from '../models/layout.ts';
import { startFrom, strengthOf, type Start } from './start.ts';
import { DEFAULT_PREVIEW, narrowed, type GenerateOptions, type Limits, type PeelChoice } from './request.ts';
import { composePrompt, fitPrompt, resolveStyle } from './prompt.ts';
import { VERSION, type Recipe } from './recipe.ts';
import { TILE, tilesOf, type Size } from './size.ts';
import { smallReferences } from './subjects.ts';

/** A model that is ready to draw. */
export interface Pipeline {
  readonly model: ModelInfo;
  /** Draws. Throws InputError for options that cannot be done, and the signal's reason when it is aborted: at the latest after one step or tile. */
  generate(options: GenerateOptions, signal?: AbortSignal): AsyncGenerator<GenerateEvent, void, void>;
  /** The same for a request that was checked. */
  draw(request: Checked, signal?: AbortSignal): AsyncGenerator<GenerateEvent, void, void>;
  /** The same for one that was checked where its caller is, and crossed to here. */
  serve(request: Sent, signal?: AbortSignal): AsyncGenerator<GenerateEvent, void, void>;
  release(): Promise<void>;
}

export interface PipelineOptions {
  /** Finds Peels. */
  readonly peels?: PeelSource;
  /** How much a request may ask for. */
  readonly limits?: Partial<Limits>;
}

/** The pipeline of a model. Throws InputError `options.limits` for limits wider than what can be drawn. */
export function openPipeline(painter: Painter, { peels, limits }: PipelineOptions = {}): Pipeline {
  const { info, fitPeel = noPeels(painter) } = painter;
  const most = withinModel(narrowed(limits), info);
  const stack = peelShelf(fitPeel, peels);
  const opened: OpenModel = { painter, read: reader(painter), look: looker(painter), pictures: pictureStore(), stack };
  const serve: Pipeline['serve'] = (request, signal) => drawn(opened, request, signal);
  const draw = byName(serve);
  return {
    model: info,
    draw,
    serve,
    async *generate(options, signal) {
      yield* draw(checkOptions(options, most), signal);
    },
    release: () => painter.release(),
  };
}

interface OpenModel {
  readonly painter: Painter;
  readonly pictures: ReturnType<typeof pictureStore>;
  readonly look: Look;
  readonly read: Painter['read'];
  readonly stack: (choices: readonly PeelChoice[]) => Promise<PeelStack>;
}

type Look = (
  request: Sent,
  given: Pick<Checked, 'image' | 'mask'>,
  ground: { layout: Layout; size: Size; opaque: boolean },
) => Promise<(Start & { recipe: Recipe['image'] }) | undefined>;

/** Reads a text, with its subjects; the last one is remembered: batches and typing ask for the same again. */
function reader(painter: Painter): OpenModel['read'] {
  let last: { key: string; stack: PeelStack; condition: Condition } | undefined;
  return async (text, references, stack, negative) => {
    const key = JSON.stringify([text, references.map(({ slot, hash }) => [slot, hash]), negative]);
    if (last?.key !== key || last.stack !== stack) last = { key, stack, condition: await painter.read(text, references, stack, negative) };
    return last.condition;
  };
}

/** Ways to look at pictures that are remembered: for the previews and for the picture of a live session. */
const LOOKS = 2;

/** Looks at the picture to start from, if any; the last ones are remembered, as texts are. */
function looker({ encoder }: Painter): Look {
  const last = new Map<string, Start>();
  return async ({ image: hash, mask: maskHash, strength: asked }, { image, mask }, ground) => {
    if (!image || hash === undefined) return undefined;
    const strength = strengthOf({ ...(asked !== undefined && { strength: asked }), ...(mask && { mask }) });
    const recipe = { hash, strength, ...(maskHash !== undefined && { mask: maskHash }) };
    const key = JSON.stringify([recipe, ground.layout, ground.opaque]); // the layout knows the shape
    const start = last.get(key) ?? (await startFrom({ image, strength, ...(mask && { mask }) }, { ...ground, encoder: encoder! }));
    last.delete(key);
    last.set(key, start); // the last used is the last
    if (last.size > LOOKS) last.delete(last.keys().next().value!);
    return { ...start, recipe };
  };
}

/** A seed for when none was given. */
export function randomSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]!;
}

/** Pixels of a picture above which the decoder's working memory is given back before the pixels are made: 4K then stays within 600 MB with nano. */
const LARGE = 2 ** 22;

async function* drawn(
  { painter, read, look, pictures, stack: stackOf }: OpenModel,
  request: Sent,
  signal?: AbortSignal,
): AsyncGenerator<GenerateEvent, void, void> {
  const { info } = painter;
  const {
    prompt,
    negative,
    peels,
    size,
    background,
    count = 1,
    detail = 1,
    steps = info.defaultSteps,
    guidance = info.guidance,
    preview = DEFAULT_PREVIEW,
  } = request;
  const { seed: first = randomSeed() } = request;
  const given = pictures(request); // what is new is kept, whatever else becomes of the request
  const style = request.style === undefined ? undefined : resolveStyle(request.style, info.styles);
  checkAble(request, info);
  const opaque = background !== 'transparent';
  const clock = stopwatch();

  await checkpoint(signal);
  const stack = await clock.time('text', () => stackOf(peels));
  const said = (words: string, behind: typeof background) => {
    const compose = (some: string) =>
      composePrompt({ prompt: withTriggers(some, stack), ...(style && { style }), ...(behind && { background: behind }) });
    return fitPrompt(words, compose, painter.tokensIn, info.promptTokens);
  };
  const { text, cut, truncated } = said(prompt, background);
  const references = await clock.time('text', () => smallReferences(request.references ?? [], info.referencePixels));
  const condition = await clock.time('text', () => read(text, references, stack, negative));
  const { layout: layoutOf } = given.image ? painter.encoder! : condition;
  const asked = layersAsked(given.objects, background);
  const full = layoutOf(size, 1, asked);
  const layout = detail === 1 ? full : layoutOf(size, detail, asked);
  const start = await clock.time('text', () => look(request, given, { layout, size, opaque }));
  const sticker = async (words: string, rng: Random) =>
    drawSticker(painter, await painter.read(said(words, 'transparent').text, [], stack), { steps, guidance, signal }, rng);
  const ground = (layout: Layout) => ({ painter, size, layout, sticker });
  yield { type: 'text', text, tokens: Math.min(painter.tokensIn(text), info.promptTokens), truncated, cut };

  for (let index = 0; index < count; index++) {
    const seed = first + index;
    const rng = random(seed);
    const free = condition.velocity(layout, { guidance, ...(signal && { signal }) });
    const plan = given.objects && (await clock.time('text', () => planOf(given.objects!, ground(layout), rng.split('objects'))));
    const velocity = plan ? clamped(free, plan.known) : free;
    const noise = noiseOf(rng.split('noise'), layout, full);
    const times = painter.times(steps);
    const sampler = start
      ? painter.sampler(
          start.hold(velocity),
          start.begin(noise),
          times.map((t) => t * start.strength),
          rng.split('steps'),
        )
      : painter.sampler(velocity, noise, times, rng.split('steps'));
    let drawing: Drawing | undefined;
    for (let step = 1; step <= steps; step++) {
      await checkpoint(signal);
      const { latent } = (await clock.time('denoise', () => sampler.next())).value!;
      yield { type: 'step', index, step, steps };
      if (preview === 0 && step < steps) continue;
      await checkpoint(signal);
      drawing = await clock.time('render', async () =>
        plan
          ? plan.restore(await painter.decode(await plan.settle(latent), layout))
          : (step < steps && painter.glance ? painter.glance : painter.decode)(latent, layout),
      );
      if (preview === 0) continue;
      const small = fit(size, preview);
      const pixels = await clock.time('render', () => drawing!.render({ x: 0, y: 0, ...small }, small));
      const image = shown(pixels, opaque);
      start?.restore(image);
      yield { type: 'preview', index, step, steps, image };
    }
    if (size.width * size.height > LARGE) await painter.rest?.();
    const picture = image(size.width, size.height);
    const tiles = tilesOf(size, TILE);
    const images = layerImages(size, () => checkpoint(signal));
    const seen = request.layers && !start ? images.seen : undefined;
    for (const [i, tile] of tiles.entries()) {
      await checkpoint(signal);
      await clock.time('render', () => drawTile(drawing!, tile, size, picture, { opaque, seen }));
      const rows = !request.mask &&
        tile.x + tile.width === size.width && { y: tile.y, of: size.height, image: rowsOf(picture, tile.y, tile.height) };
      yield { type: 'render', index, tile: i + 1, tiles: tiles.length, ...(rows && { rows }) } satisfies RenderEvent;
    }
    start?.restore(picture);
    const separate = async () => (start ? [onlyLayer(picture)] : layersOf(drawing!, size, request.objects, images));
    const layers = request.layers ? await clock.time('render', separate) : undefined;
    const { name, version, hash } = info;
    const recipe: Recipe = {
      prompt,
      ...(negative && { negative }),
      ...(style && { style }),
      ...(background && { background }),
      ...(stack.length > 0 && { peels: usedPeels(stack) }),
      seed,
      steps,
      guidance,
      ...size,
      ...(detail !== 1 && { detail }),
      ...(start && { image: start.recipe }),
      ...(request.objects && { objects: request.objects }),
      ...(references.length > 0 && { references: references.map(({ slot, hash }) => ({ slot, hash })) }),
      model: { name, version, hash },
      sdk: VERSION,
    };
    yield {
      type: 'image',
      index,
      image: picture,
      recipe,
      text,
      ...(layers && { layers }),
      ...(request.metadata === false && { metadata: false }),
    };
  }
  yield { type: 'done', count, seconds: clock.seconds };
}

/** Seconds by stage, added up. */
function stopwatch() {
  const seconds: Record<keyof StageSeconds, number> = { text: 0, denoise: 0, render: 0 };
  const time = async <T>(stage: keyof StageSeconds, work: () => Promise<T>): Promise<T> => {
    const from = performance.now();
    const result = await work();
    seconds[stage] += (performance.now() - from) / 1000;
    return result;
  };
  return { seconds, time };
}

/** A picture's size with its longer side at most `side`. */
function fit({ width, height }: Size, side: number): Size {
  const scale = Math.min(1, side / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

async function drawTile(
  drawing: Drawing,
  tile: Tile,
  size: Size,
  picture: Image,
  { opaque, seen }: { opaque: boolean; seen?: Seen | undefined },
): Promise<void> {
  placeImage(picture, tile, shown(await drawing.render(tile, size, seen), opaque));
}

/** Some rows of a picture, as a view. */
function rowsOf({ width, data }: Image, y: number, height: number): Image {
  return image(width, height, data.subarray(y * width * 4, (y + height) * width * 4));
}

function shown(pixels: Tensor, opaque: boolean): Image {
  return tensorToImage(pixels, opaque ? { background: WHITE } : {});
}
