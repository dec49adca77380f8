// AUTOMATIC1111's web interface (`--api`), as far as its clients call it to draw: text and picture to picture, progress, interrupting, and
// what there is. Its answers to questions about parts that are not here say that there are none.
// https://github.com/AUTOMATIC1111/stable-diffusion-webui/blob/master/modules/api/api.py
import { Hono, type Context } from 'hono';
import { encodeImage } from '../disk/codec.ts';
import { parametersOf } from '../draw/recipe.ts';
import type { ImageEvent } from '../draw/events.ts';
import { image as blank, type Image } from '../image/image.ts';
import { readPngText } from '../image/png-text.ts';
import { listPeels } from '../node/library.ts';
import { drawnFiles } from '../node/index.ts';
import { InputError } from '../util/errors.ts';
import type { Door } from './door.ts';
import type { Models, Served } from './models.ts';
import { bytesOf, unpacker } from './pictures.ts';
import type { Place } from './line.ts';
import type { Pictures } from './studio.ts';
import { readWebui, type WebuiRequest } from './webui-request.ts';

/** Longer side of the picture that `progress` shows. */
const PREVIEW = 256;
const SAMPLER = 'LCM';

/** What is asked for and is not here. */
const NOTHING: Readonly<Record<string, unknown>> = {
  schedulers: [{ name: 'automatic', label: 'Automatic', aliases: null, default_rho: -1, need_inner_model: false }],
  samplers: [{ name: SAMPLER, aliases: ['lcm'], options: {} }],
  upscalers: [{ name: 'None', model_name: null, model_path: null, model_url: null, scale: 4 }],
  'latent-upscale-modes': [],
  hypernetworks: [],
  'face-restorers': [],
  'realesrgan-models': [],
  'sd-vae': [],
  'sd-modules': [],
  scripts: { txt2img: [], img2img: [] },
  'script-info': [],
  embeddings: { loaded: {}, skipped: {} },
  memory: { ram: {}, cuda: {} },
  'cmd-flags': {},
};

/** A drawing that `progress` tells of and `interrupt` ends. */
interface Running {
  readonly stop: AbortController;
  readonly place: Place;
  readonly count: number;
  readonly since: Date;
  interrupted: boolean;
  done: number;
  step: number;
  steps: number;
  preview?: Image;
}

export function webuiRoutes(door: Door): Hono {
  const { studio, intake } = door;
  const { models } = studio;
  let current = models.find();
  const running = new Set<Running>();
  const routes = new Hono().basePath('/sdapi/v1');
  for (const [name, answer] of Object.entries(NOTHING)) routes.get(`/${name}`, (c) => c.json(answer as object));
  for (const name of ['refresh-checkpoints', 'refresh-loras', 'refresh-vae', 'unload-checkpoint', 'reload-checkpoint'])
    routes.post(`/${name}`, (c) => c.json(null));
  const draw = (needs: 'init_images' | undefined) => async (c: Context) => {
    studio.line.checkRoom();
    const body = await intake.json(c);
    const by = checkpointIn(models, (body as { override_settings?: unknown } | null)?.override_settings) ?? current;
    const request = readWebui(body, by.limits, by.model);
    if (needs && request.image === undefined)
      throw new InputError('image.missing', 'there is no picture to start from: give init_images', { path: needs });
    return c.json(await drawn(c, door, running, by, needs ? request : { ...request, image: undefined, mask: undefined }));
  };
  return routes
    .post('/txt2img', draw(undefined))
    .post('/img2img', draw('init_images'))
    .get('/progress', async (c) => c.json(await progressOf(running, c.req.query('skip_current_image') !== 'true')))
    .post('/interrupt', (c) => (interrupt(running), c.json({})))
    .post('/skip', (c) => (interrupt(running), c.json(null)))
    .get('/sd-models', (c) => c.json(models.all.map(cardOf)))
    .get('/prompt-styles', (c) => c.json(current.model.styles.map((name) => ({ name, prompt: '', negative_prompt: '' }))))
    .get('/loras', async (c) =>
      c.json(
        (await listPeels(door.peels)).peels.map(({ name, info }) => ({
          name,
          alias: name,
          path: `${name}.safetensors`,
          metadata: { triggers: info.triggers },
        })),
      ),
    )
    .get('/options', (c) =>
      c.json({
        sd_model_checkpoint: cardOf(current).title,
        sd_checkpoint_hash: current.model.hash,
        samples_format: 'png',
        CLIP_stop_at_last_layers: 1,
      }),
    )
    .post('/options', async (c) => ((current = checkpointIn(models, await intake.json(c)) ?? current), c.json(null)))
    .post('/png-info', async (c) => c.json(infoOf(await intake.json(c))));
}

const cardOf = ({ model }: Served) => ({
  title: `${model.name} [${model.hash.slice(0, 10)}]`,
  model_name: model.name,
  hash: model.hash.slice(0, 10),
  sha256: null,
  filename: `${model.name}.safetensors`,
  config: null,
});

/** The model that settings name, in any of the ways in which clients do; all else in them changes nothing. */
function checkpointIn(models: Models, settings: unknown): Served | undefined {
  const asked = (settings as { sd_model_checkpoint?: unknown } | null | undefined)?.sd_model_checkpoint ?? undefined;
  if (asked === undefined) return undefined;
  const isAsked = ({ title, hash, filename }: ReturnType<typeof cardOf>) => [title, hash, filename].includes(String(asked));
  return models.all.find((one) => isAsked(cardOf(one))) ?? models.find(String(asked), 'sd_model_checkpoint');
}

/** The text inside a PNG. */
function infoOf(body: unknown): object {
  const text = (body as { image?: unknown } | null)?.image;
  if (typeof text !== 'string') throw new InputError('image.missing', 'there is no image: send a PNG in base64', { path: 'image' });
  const items = readPngText(bytesOf(text, 'image'));
  return { info: items['parameters'] ?? '', items, parameters: {} };
}

function interrupt(running: ReadonlySet<Running>): void {
  for (const one of running) {
    one.interrupted = true;
    one.stop.abort(new DOMException('interrupted', 'AbortError'));
  }
}

/** How the oldest of the drawings gets on. */
async function progressOf(running: ReadonlySet<Running>, withImage: boolean): Promise<object> {
  const [one] = running;
  const state = {
    skipped: false,
    interrupted: one?.interrupted ?? false,
    stopping_generation: false,
    job: one ? 'txt2img' : '',
    job_count: one?.count ?? 0,
  };
  const steps = {
    job_timestamp: stampOf(one?.since ?? new Date()),
    job_no: one?.done ?? 0,
    sampling_step: one?.step ?? 0,
    sampling_steps: one?.steps ?? 0,
  };
  return {
    progress: one ? Math.min(1, (one.done + one.step / Math.max(1, one.steps)) / one.count) : 0,
    eta_relative: one?.place.eta() ?? 0,
    state: { ...state, ...steps },
    current_image: withImage && one?.preview ? base64(await encodeImage(one.preview, 'png')) : null,
    textinfo: null,
  };
}

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
/** 20261127150000 */
const stampOf = (date: Date) => date.toISOString().replace(/\D/g, '').slice(0, 14);

/** Unpacks the pictures of a request; a mask may be the other way round. */
function unpacked({ image, mask, invert }: WebuiRequest, { limits }: Served): (() => Promise<Pictures>) | undefined {
  if (image === undefined) return undefined;
  const files = { image: bytesOf(image, 'init_images[0]'), mask: mask === undefined ? undefined : bytesOf(mask, 'mask') };
  return async () => {
    const unpack = unpacker(limits);
    return {
      image: await unpack(files.image, 'init_images[0]'),
      ...(files.mask && { mask: inverted(await unpack(files.mask, 'mask'), invert) }),
    };
  };
}

function inverted(mask: Image, yes: boolean): Image {
  if (!yes) return mask;
  const { width, height, data } = mask;
  return blank(
    width,
    height,
    data.map((x, i) => (i % 4 === 3 ? x : 255 - x)),
  );
}

/** Draws to the end, or to where it is interrupted. */
async function drawn(c: Context, { studio }: Door, running: Set<Running>, by: Served, request: WebuiRequest): Promise<object> {
  const stop = new AbortController();
  const client = c.req.raw.signal;
  const leave = () => stop.abort(client.reason);
  client.addEventListener('abort', leave);
  const pictures = unpacked(request, by);
  const { place, events } = studio.draw(
    { by, options: { ...request.options, preview: PREVIEW }, ...(pictures && { pictures }) },
    stop.signal,
  );
  const one: Running = {
    stop,
    place,
    count: request.options.count ?? 1,
    since: new Date(),
    interrupted: false,
    done: 0,
    step: 0,
    steps: request.options.steps ?? 0,
  };
  running.add(one);
  const found: { event: ImageEvent; file: Uint8Array }[] = [];
  try {
    await read(events, one, found);
  } catch (error) {
    if (!one.interrupted) throw error;
  } finally {
    client.removeEventListener('abort', leave);
    running.delete(one);
  }
  return answerOf(by, request, one, found);
}

async function read(
  events: ReturnType<Door['studio']['draw']>['events'],
  one: Running,
  found: { event: ImageEvent; file: Uint8Array }[],
): Promise<void> {
  const files = drawnFiles(true);
  for await (const event of events) {
    files.see(event);
    if (event.type === 'step') one.step = event.step;
    if (event.type === 'preview') one.preview = event.image;
    if (event.type !== 'image') continue;
    found.push({ event, file: await files.file(event, 'png') });
    one.done++;
    one.step = 0;
  }
}

function answerOf(
  { model }: Served,
  { given, options, send }: WebuiRequest,
  { since }: Running,
  found: readonly { event: ImageEvent; file: Uint8Array }[],
): object {
  const recipes = found.map(({ event }) => event.recipe);
  const seeds = recipes.map(({ seed }) => seed);
  const texts = found.map(({ event }) => parametersOf(event.recipe, event.text));
  const info = {
    prompt: options.prompt,
    all_prompts: recipes.map(({ prompt }) => prompt),
    negative_prompt: options.negative ?? '',
    all_negative_prompts: recipes.map(({ negative = '' }) => negative),
    seed: seeds[0] ?? -1,
    all_seeds: seeds,
    subseed: seeds[0] ?? -1,
    all_subseeds: seeds,
    subseed_strength: 0,
    width: options.width,
    height: options.height,
    sampler_name: SAMPLER,
    cfg_scale: recipes[0]?.guidance ?? model.guidance,
    steps: options.steps,
    batch_size: options.count,
    restore_faces: false,
    face_restoration_model: null,
    sd_model_name: model.name,
    sd_model_hash: model.hash.slice(0, 10),
    sd_vae_name: null,
    sd_vae_hash: null,
    seed_resize_from_w: -1,
    seed_resize_from_h: -1,
    denoising_strength: options.strength ?? null,
    extra_generation_params: {},
    index_of_first_image: 0,
    infotexts: texts,
    styles: [],
    job_timestamp: stampOf(since),
    clip_skip: 1,
    is_using_inpainting_conditioning: false,
    version: `banana-sdk ${model.version}`,
  };
  return { images: send ? found.map(({ file }) => base64(file)) : [], parameters: given, info: JSON.stringify(info) };
}
