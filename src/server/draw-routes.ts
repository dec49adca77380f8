// What the studio (apps/studio) and `openBananaServer` of banana-sdk/web ask: which models there are, and a picture with all that is known
// of it while it is drawn. The request is our own (draw/request.ts) as JSON; the answer one line of JSON an event, pictures in them as PNG.
import { Hono, type Context } from 'hono';
import { stream } from 'hono/streaming';
import type { DescribedPeel } from '../adapters/foreign-peel.ts';
import { sameBase } from '../adapters/info.ts';
import { encodeImage } from '../disk/codec.ts';
import type { GenerateEvent, PictureLayer } from '../draw/events.ts';
import { checkWire, partWire } from '../draw/wire.ts';
import type { Image } from '../image/image.ts';
import type { ModelInfo } from '../models/family.ts';
import { listPeels } from '../node/library.ts';
import type { Door } from './door.ts';
import { MODEL, namedIn } from './models.ts';
import { unwired } from './pictures.ts';
import type { Order } from './studio.ts';

export function drawRoutes(door: Door): Hono {
  const { all, limits } = door.studio.models;
  return new Hono()
    .get('/host.json', async (c) => {
      const { peels } = await listPeels(door.peels);
      const models = all.map(({ model }) => ({ model, peels: peels.filter((one) => mayFit(one, model)).map(({ name }) => name) }));
      return c.json({ models, limits }, 200, { 'Cache-Control': 'no-store' });
    })
    .post('/api/draw', async (c) => {
      door.studio.line.checkRoom();
      return answer(c, door, orderOf(door, await door.intake.json(c)));
    });
}

/** Whether a Peel is for a model; one of another tool, which does not say so in our words, is for any that takes Peels. */
const mayFit = ({ info, report }: DescribedPeel, model: ModelInfo): boolean =>
  model.abilities.includes('peels') && (report !== undefined || sameBase(info.base, model));

/** Throws InputError with the option's path. */
function orderOf({ studio: { models } }: Door, body: unknown): Order {
  const by = namedIn(models, body);
  const { limits } = by;
  const { pictures: sent, rest } = partWire(checkWire(body, limits, { model: MODEL }));
  const options = { ...rest, prompt: rest.prompt };
  return { by, options, ...(sent && { pictures: () => unwired({ prompt: options.prompt, ...sent }, limits) }) };
}

/** What goes wrong before the first event has a status of its own; after it, it is the last line. */
async function answer(c: Context, door: Door, order: Order): Promise<Response> {
  const { events } = door.studio.draw(order, c.req.raw.signal);
  const first = await events.next();
  c.header('Content-Type', 'application/x-ndjson');
  c.header('Cache-Control', 'no-store');
  return stream(c, async (out) => {
    try {
      for (let next = first; !next.done; next = await events.next()) {
        const line = await lineOf(next.value);
        if (line) await out.write(`${JSON.stringify(line)}\n`);
      }
    } catch (error) {
      door.log(c, error);
      await out.write(`${JSON.stringify({ type: 'error', ...door.refusal(error) })}\n`);
    } finally {
      await events.return(undefined);
    }
  });
}

/** An event as JSON; undefined for one that only tells of pixels on their way. */
async function lineOf(event: GenerateEvent): Promise<object | undefined> {
  if (event.type === 'render') return event.rows ? undefined : event;
  if (event.type === 'preview') return { ...event, image: await packed(event.image) };
  if (event.type !== 'image') return event;
  const { layers, ...rest } = event;
  const pack = async (layer: PictureLayer) => ({ ...layer, image: await packed(layer.image) });
  return { ...rest, image: await packed(event.image), ...(layers && { layers: await Promise.all(layers.map(pack)) }) };
}

const packed = async (one: Image): Promise<string> => Buffer.from(await encodeImage(one, 'png', { quick: true })).toString('base64');
