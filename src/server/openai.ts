// OpenAI's interface for pictures: the stock clients work with another base URL and nothing else. Pictures in, pictures out, events while
// they are drawn. https://platform.openai.com/docs/api-reference/images and .../images-streaming
import { Hono, type Context } from 'hono';
import { streamSSE, type SSEStreamingApi } from 'hono/streaming';
import { encodeImage } from '../disk/codec.ts';
import type { GenerateEvent, ImageEvent, PreviewEvent } from '../draw/events.ts';
import { readRecipe } from '../draw/recipe.ts';
import { fromWire } from '../draw/wire.ts';
import { alphaMask } from '../image/image.ts';
import { drawnFiles, type DrawnFiles } from '../node/index.ts';
import { InputError } from '../util/errors.ts';
import type { Door } from './door.ts';
import { fieldsOf, readOpenai, type OpenaiRequest } from './openai-request.ts';
import { namedIn, type Served } from './models.ts';
import { bytesOf, unpacker } from './pictures.ts';
import { openaiError } from './refusal.ts';
import type { Pictures } from './studio.ts';

/** Longer side of a preview. */
const PARTIAL_SIDE = 512;
const MOST_PICTURES = 16;

type Kind = 'image_generation' | 'image_edit';

/** A request with the files that came with it. */
interface Asked extends OpenaiRequest {
  readonly by: Served;
  readonly kind: Kind;
  readonly pictures?: () => Promise<Pictures>;
}

export function openaiRoutes(door: Door): Hono {
  const { studio, intake } = door;
  const { models } = studio;
  const created = Math.floor(Date.now() / 1000);
  const cardOf = ({ model: { name } }: Served) => ({ id: name, object: 'model', created, owned_by: 'banana-sdk' });
  const read = (body: unknown) => {
    const by = namedIn(models, body);
    return { ...readOpenai(body, by.limits), by };
  };
  return new Hono()
    .get('/v1/models', (c) => c.json({ object: 'list', data: models.all.map(cardOf) }))
    .get('/v1/models/:id{.+}', (c) => c.json(cardOf(models.find(c.req.param('id')))))
    .post('/v1/images/generations', async (c) => {
      studio.line.checkRoom();
      const request = read(await intake.json(c));
      return answer(c, door, { ...request, kind: 'image_generation', ...withPictures(request, []) });
    })
    .post('/v1/images/edits', async (c) => {
      studio.line.checkRoom();
      const { body, files } = fieldsOf(await intake.form(c), models.limits);
      const request = read(body);
      return answer(c, door, {
        ...request,
        kind: 'image_edit',
        ...withPictures(request, filesOf(files, 'image'), files.get('mask')?.[0]),
      });
    })
    .post('/v1/images/variations', async (c) => {
      studio.line.checkRoom();
      const { body, files } = fieldsOf(await intake.form(c), models.limits);
      const pictures = filesOf(files, 'image');
      const request = read({ prompt: await promptIn(pictures[0]!), ...body });
      return answer(c, door, { ...request, kind: 'image_generation', ...withPictures(request, pictures.slice(0, 1)) });
    });
}

function filesOf(files: ReadonlyMap<string, readonly File[]>, name: string): readonly File[] {
  const found = files.get(name) ?? [];
  if (found.length === 0) throw new InputError('image.missing', `there is no ${name}: send a file as ${name}`, { path: name });
  if (found.length > MOST_PICTURES)
    throw new InputError('image.count', `${found.length} pictures: expected at most ${MOST_PICTURES}`, { path: name });
  return found;
}

/** The prompt in the file of a picture that was drawn here. */
async function promptIn(file: File): Promise<string | undefined> {
  try {
    return readRecipe(new Uint8Array(await file.arrayBuffer()))?.prompt;
  } catch {
    return undefined; // no such file: told when it is decoded, or as a prompt that is missing
  }
}

/** How a request's pictures are unpacked: the first is what it starts from, those after it the subjects <1>, <2>... */
function withPictures({ sent, by: { limits } }: Omit<Asked, 'kind'>, files: readonly File[], mask?: File): Pick<Asked, 'pictures'> {
  if (files.length === 0 && Object.keys(sent).length === 0) return {};
  const pictures = async (): Promise<Pictures> => {
    const unpack = unpacker(limits);
    const decode = async (file: File, path: string) => unpack(new Uint8Array(await file.arrayBuffer()), path);
    const [first, ...subjects] = await Promise.all(files.map((file, i) => decode(file, i === 0 ? 'image' : `image[${i}]`)));
    const { references = [], objects } = await fromWire({ prompt: '', ...sent }, (text, path) => unpack(bytesOf(text, path), path));
    const all = [...references, ...subjects.map((image, i) => ({ slot: i + 1, image }))];
    return {
      ...(first && { image: first }),
      ...(mask && { mask: alphaMask(await decode(mask, 'mask')) }),
      ...(all.length > 0 && { references: all }),
      ...(objects && { objects }),
    };
  };
  return { pictures };
}

async function answer(c: Context, door: Door, asked: Asked): Promise<Response> {
  const { by, options, pictures } = asked;
  const preview = asked.partial > 0 ? PARTIAL_SIDE : 0;
  const { events } = door.studio.draw({ by, options: { ...options, preview }, ...(pictures && { pictures }) }, c.req.raw.signal);
  return asked.stream ? streamed(c, door, asked, events) : whole(c, door, asked, events);
}

/** What is known of a picture beside its pixels. */
const factsOf = ({ format, quality, background }: Asked, { recipe: { width, height } }: Pick<ImageEvent, 'recipe'>) => ({
  size: `${width}x${height}`,
  quality,
  background,
  output_format: format,
});

const usageOf = ({ by: { model } }: Asked, tokens: number, pictures: number) => ({
  input_tokens: tokens,
  input_tokens_details: { text_tokens: tokens, image_tokens: 0 },
  output_tokens: pictures * model.tokens,
  total_tokens: tokens + pictures * model.tokens,
});

/** A file encoder for what is asked for, which sees every event. */
function encoder({ options, format, compression }: Asked): {
  files: DrawnFiles;
  file: (event: ImageEvent) => Promise<Uint8Array<ArrayBuffer>>;
} {
  const files = drawnFiles(options.background !== 'transparent');
  const quality = compression === undefined ? {} : { quality: Math.max(1, compression) };
  return { files, file: async (event) => new Uint8Array(await files.file(event, format, quality)) };
}

async function whole(c: Context, door: Door, asked: Asked, events: AsyncGenerator<GenerateEvent>): Promise<Response> {
  const { files, file } = encoder(asked);
  const data: object[] = [];
  let [tokens, facts] = [0, {}];
  for await (const event of events) {
    if (asked.format === 'png') files.see(event);
    if (event.type === 'text') tokens = event.tokens;
    if (event.type !== 'image') continue;
    facts = factsOf(asked, event);
    const bytes = await file(event);
    const place = asked.url ? { url: door.keep(c, { bytes, format: asked.format }) } : { b64_json: Buffer.from(bytes).toString('base64') };
    data.push({ ...place, revised_prompt: event.text, seed: event.recipe.seed });
  }
  return c.json({ created: Math.floor(Date.now() / 1000), data, ...facts, usage: usageOf(asked, tokens, data.length) });
}

/** Answers with events. What goes wrong before the first one still has a status of its own. */
async function streamed(c: Context, door: Door, asked: Asked, events: AsyncGenerator<GenerateEvent>): Promise<Response> {
  const first = await events.next();
  return streamSSE(c, async (stream) => {
    try {
      await writeEvents(stream, asked, first, events);
    } catch (error) {
      door.log(c, error);
      await stream.writeSSE({ event: 'error', data: JSON.stringify(openaiError(door.refusal(error))) });
    } finally {
      await events.return(undefined);
    }
  });
}

async function writeEvents(
  stream: SSEStreamingApi,
  asked: Asked,
  first: IteratorResult<GenerateEvent, void>,
  events: AsyncGenerator<GenerateEvent, void>,
): Promise<void> {
  const { files, file } = encoder(asked);
  const send = (type: string, bytes: Uint8Array, more: object) => {
    const event = {
      type: `${asked.kind}.${type}`,
      b64_json: Buffer.from(bytes).toString('base64'),
      created_at: Math.floor(Date.now() / 1000),
      ...more,
    };
    return stream.writeSSE({ event: event.type, data: JSON.stringify(event) });
  };
  let [tokens, partials] = [0, 0];
  for (let next = first; !next.done; next = await events.next()) {
    const event = next.value;
    if (asked.format === 'png') files.see(event);
    if (event.type === 'text') tokens = event.tokens;
    if (event.type === 'preview' && isWanted(event, asked.partial)) {
      const recipe = { width: event.image.width, height: event.image.height } as ImageEvent['recipe'];
      await send('partial_image', await encodeImage(event.image, asked.format), {
        partial_image_index: partials++,
        ...factsOf(asked, { recipe }),
      });
    }
    if (event.type !== 'image') continue;
    partials = 0;
    await send('completed', await file(event), { ...factsOf(asked, event), usage: usageOf(asked, tokens, 1), seed: event.recipe.seed });
  }
}

/** Whether a preview is one of the last `most` before the picture; that of the last step is none, the picture follows it. */
const isWanted = ({ step, steps }: PreviewEvent, most: number): boolean => step < steps && step >= steps - most;
