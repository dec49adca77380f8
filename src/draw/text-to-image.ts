// From a prompt to pictures, as a generator: tokens, the conditioning once, then for each picture noise, a few steps of the
// consistency sampler, and the renderer tile by tile. It yields what is known as soon as it is known (events.ts), so
// previews, progress and cancelling need no other means. Pure: files and processes are elsewhere (node/index.ts, web/index.ts).
import type { PeelStack } from '../adapters/stack.ts';
import type { Config } from '../models/banana/config.ts';
import { checkpoint } from '../runtime/engine.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { consistency } from '../sampling/sampler.ts';
import { times } from '../sampling/schedule.ts';
import { image, tensorToImage, WHITE, type Image, type Tile } from '../image/image.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { InputError } from '../util/errors.ts';
import { random } from '../util/random.ts';
import type { GenerateEvent, RenderEvent, StageSeconds } from './events.ts';
import type { Model } from '../models/banana/file.ts';
import { checkOptions, type Checked } from './check.ts';
import { byName, pictureStore, type Sent } from './pictures.ts';
import { peelShelf, usedPeels, withTriggers, type PeelSource } from './peels.ts';
import { openNetworks, type Condition, type Networks } from '../models/banana/networks.ts';
import { fastestPrecision, type Precision } from '../quant/precision.ts';
import { canvasOf, noiseOf } from '../models/layout.ts';
import { startFrom, strengthOf, type Start } from './start.ts';
import { DEFAULT_PREVIEW, DEFAULT_STEPS, narrowed, type GenerateOptions, type Limits, type PeelChoice } from './request.ts';
import { composePrompt, fitPrompt, resolveStyle } from './prompt.ts';
import { VERSION, type ModelId, type Recipe } from './recipe.ts';
import { adaptable } from '../models/banana/adaptable.ts';
import { baseTokens } from '../models/banana/config.ts';
import { latentGrid } from '../models/layout.ts';
import { tilesOf, type Size } from './size.ts';
import { referenceEncoder, smallReferences, type SmallReference } from './subjects.ts';

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

export interface ModelInfo extends ModelId {
  readonly preset: string;
  readonly styles: readonly string[];
  readonly guidance: number;
  /** Whether it was trained with reference subjects. */
  readonly references: boolean;
  /** Name of the runtime that it runs on. */
  readonly runtime: string;
  /** How weights are multiplied. */
  readonly precision: Precision;
  /** Latent tokens of a 512x512 picture. */
  readonly tokens: number;
  /** Tokens of a text that it reads, start and end included. */
  readonly promptTokens: number;
}

/** Pixels drawn at a time: some 10 MB of the renderer's memory, and the fastest shape measured, at 512 pixels as at 4K. */
export const TILE: Size = { width: 128, height: 256 };

export interface PipelineOptions {
  readonly peels?: PeelSource;
  /** How weights are multiplied; default: as is fastest here (networks.ts). */
  readonly precision?: Precision;
  /** How much a request may ask for. */
  readonly limits?: Partial<Limits>;
}

/** Makes a model ready on a runtime. `hash` is that of its file; `peels` finds Peels. Throws InputError when the weights do not fit the preset. */
export async function openPipeline(model: Model, runtime: Runtime, hash = '', { peels, precision: asked, limits }: PipelineOptions = {}): Promise<Pipeline> {
  const most = narrowed(limits);
  const { plan, blocks } = model;
  const precision = asked ?? (await fastestPrecision(runtime, plan));
  const networks = openNetworks(runtime, model.config, model.weights, { precision, ...(plan && { plan }), ...(blocks && { blocks }) });
  await warm(networks);
  const { name, version, preset, styles, guidance, references = false } = model.manifest;
  const info: ModelInfo = { name, version, hash, preset, styles, guidance, references, runtime: runtime.name, precision, tokens: baseTokens(model.config), promptTokens: model.config.text.length };
  const opened: Opened = { networks, model, info, read: reader(networks, model), look: looker(networks), pictures: pictureStore(), stack: peelShelf(() => adaptable(model.config), info, peels) };
  const serve: Pipeline['serve'] = (request, signal) => drawn(opened, request, signal);
  const draw = byName(serve);
  return {
    model: info,
    draw,
    serve,
    async *generate(options, signal) {
      yield* draw(checkOptions(options, most), signal);
    },
    release: () => networks.release(),
  };
}

interface Opened {
  readonly networks: Networks;
  readonly pictures: ReturnType<typeof pictureStore>;
  readonly look: Look;
  readonly model: Model;
  readonly info: ModelInfo;
  readonly read: (text: string, stack: PeelStack, references: readonly SmallReference[]) => Promise<ReadText>;
  readonly stack: (choices: readonly PeelChoice[]) => Promise<PeelStack>;
}

type Look = (request: Sent, given: Pick<Checked, 'image' | 'mask'>, grid: { rows: number; columns: number }, opaque: boolean) => Promise<(Start & { recipe: Recipe['image'] }) | undefined>;

interface ReadText {
  readonly condition: Condition;
  readonly tokens: number;
}

/** Reads a text, with its subjects; the last one is remembered: batches and typing ask for the same again. */
function reader(networks: Networks, { tokenizer, config }: Model): Opened['read'] {
  const encode = referenceEncoder(networks);
  let last: { key: string; stack: PeelStack; read: ReadText } | undefined;
  return async (text, stack, references) => {
    const key = JSON.stringify([text, references.map(({ slot, hash }) => [slot, hash])]);
    if (last?.key === key && last.stack === stack) return last.read;
    const { ids, count } = tokenizer.encode(text, config.text.length);
    const condition = await networks.withPeels(stack).condition([...ids.subarray(0, count)], await encode(references));
    const read = { condition, tokens: count };
    last = { key, stack, read };
    return read;
  };
}

/** Ways to look at pictures that are remembered: for the previews and for the picture of a live session. */
const LOOKS = 2;

/** Looks at the picture to start from, if any; the last ones are remembered, as texts are. */
function looker(networks: Networks): Look {
  const last = new Map<string, Start>();
  return async ({ image: hash, mask: maskHash, strength: asked }, { image, mask }, grid, opaque) => {
    if (!image || hash === undefined) return undefined;
    const strength = strengthOf({ ...(asked !== undefined && { strength: asked }), ...(mask && { mask }) });
    const recipe = { hash, strength, ...(maskHash !== undefined && { mask: maskHash }) };
    const key = JSON.stringify([recipe, grid, opaque]);
    const start = last.get(key) ?? (await startFrom({ image, strength, ...(mask && { mask }) }, { grid, opaque, encode: networks.encode }));
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

/** One token through every stage of drawing: sessions are made and first runs done before anyone waits for a picture. */
async function warm(networks: Networks): Promise<void> {
  const { channels } = networks.config;
  const condition = await networks.condition([0]);
  const data = await networks.velocity(condition, { rows: 1, columns: 1 }, { guidance: 1 })(new Float32Array(channels), 1);
  const features = await networks.features({ rows: 1, columns: 1, data: Float32Array.from(data, (x) => x + 1) });
  await networks.render(features, { x: 0, y: 0, width: 8, height: 8 }, { width: 8, height: 8 });
}

/** Pixels of a picture above which the decoder's working memory is given back before the pixels are made: 4K then stays within 600 MB with nano. */
const LARGE = 2 ** 22;

async function* drawn({ networks, model, info, read, look, pictures, stack: stackOf }: Opened, request: Sent, signal?: AbortSignal): AsyncGenerator<GenerateEvent, void, void> {
  const { prompt, peels, size, background, count = 1, detail = 1, steps = DEFAULT_STEPS, guidance = model.manifest.guidance, preview = DEFAULT_PREVIEW } = request;
  const { seed: first = randomSeed() } = request;
  const given = pictures(request); // what is new is kept, whatever else becomes of the request
  const style = request.style === undefined ? undefined : resolveStyle(request.style, model.manifest.styles);
  if (request.references?.length && !info.references)
    throw new InputError('model.references', `model "${info.name}" was not trained with reference subjects: leave the pictures and <1> to <5> out, or choose another model`);
  const full = latentGrid(size, baseTokens(model.config));
  const grid = detail === 1 ? full : latentGrid(size, baseTokens(model.config) * detail);
  const opaque = background !== 'transparent';
  const clock = stopwatch();

  await checkpoint(signal);
  const stack = await clock.time('text', () => stackOf(peels));
  const compose = (words: string) => composePrompt({ prompt: withTriggers(words, stack), ...(style && { style }), ...(background && { background }) });
  const { text, cut, truncated } = fitPrompt(prompt, compose, model.tokenizer, info.promptTokens);
  const references = await clock.time('text', () => smallReferences(request.references ?? [], model.config.referencePixels));
  const { condition, tokens } = await clock.time('text', () => read(text, stack, references));
  const start = await clock.time('text', () => look(request, given, grid, opaque));
  yield { type: 'text', text, tokens, truncated, cut };

  for (let index = 0; index < count; index++) {
    const seed = first + index;
    const rng = random(seed);
    const velocity = networks.withPeels(stack).velocity(condition, grid, { guidance, ...(signal && { signal }) });
    const noise = noiseOf(rng.split('noise'), canvasOf(grid, model.config.channels), canvasOf(full, model.config.channels));
    const sampler = start
      ? consistency(start.hold(velocity), start.begin(noise), times(steps).map((t) => t * start.strength), rng.split('steps'))
      : consistency(velocity, noise, times(steps), rng.split('steps'));
    let features: Tensor | undefined;
    for (let step = 1; step <= steps; step++) {
      await checkpoint(signal);
      const { latent } = (await clock.time('denoise', () => sampler.next())).value!;
      yield { type: 'step', index, step, steps };
      if (preview === 0 && step < steps) continue;
      await checkpoint(signal);
      features = await clock.time('render', () => networks.features({ ...grid, data: latent }));
      if (preview === 0) continue;
      const small = fit(size, preview);
      const pixels = await clock.time('render', () => networks.render(features!, { x: 0, y: 0, ...small }, small));
      const image = shown(pixels, opaque);
      start?.restore(image);
      yield { type: 'preview', index, step, steps, image };
    }
    if (size.width * size.height > LARGE) await networks.restDecoder();
    const picture = image(size.width, size.height);
    const tiles = tilesOf(size, TILE);
    for (const [i, tile] of tiles.entries()) {
      await checkpoint(signal);
      await clock.time('render', () => drawTile(networks, features!, tile, size, picture, opaque));
      const rows = !request.mask && tile.x + tile.width === size.width && { y: tile.y, of: size.height, image: rowsOf(picture, tile.y, tile.height) };
      yield { type: 'render', index, tile: i + 1, tiles: tiles.length, ...(rows && { rows }) } satisfies RenderEvent;
    }
    start?.restore(picture);
    const { name, version, hash } = info;
    const recipe: Recipe = {
      prompt, ...(style && { style }), ...(background && { background }), ...(stack.length > 0 && { peels: usedPeels(stack) }),
      seed, steps, guidance, ...size, ...(detail !== 1 && { detail }), ...(start && { image: start.recipe }),
      ...(references.length > 0 && { references: references.map(({ slot, hash }) => ({ slot, hash })) }), model: { name, version, hash }, sdk: VERSION,
    };
    yield { type: 'image', index, image: picture, recipe, text };
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

async function drawTile(networks: Networks, features: Tensor, tile: Tile, size: Size, picture: Image, opaque: boolean): Promise<void> {
  const { data } = shown(await networks.render(features, tile, size), opaque);
  const line = tile.width * 4;
  for (let y = 0; y < tile.height; y++) picture.data.set(data.subarray(y * line, (y + 1) * line), ((tile.y + y) * size.width + tile.x) * 4);
}

/** Some rows of a picture, as a view. */
function rowsOf({ width, data }: Image, y: number, height: number): Image {
  return image(width, height, data.subarray(y * width * 4, (y + height) * width * 4));
}

function shown(pixels: Tensor, opaque: boolean): Image {
  return tensorToImage(pixels, opaque ? { background: WHITE } : {});
}
