// Peels of the layered family. A picture is cut out of its ground where it has one that is plain or none: its drawing is learned alone, in a scene
// with a canvas, and as one of two things; where it stands, and what is behind it where the picture does not say, is as the base draws it, so
// that a Peel learns how things look and not where they are. A picture that fills its frame is learned whole, and as the ground of what the
// base draws before it. The loss is the recipes' own (train/layers/teacher.ts).
// Legend: B rows, N objects, P content tokens, C channels.
import type { TrainingPicture } from '../../disk/pictures.ts';
import { cutOut } from '../../image/ground.ts';
import { flatten, image, type Color, type Image } from '../../image/image.ts';
import { adaptable } from '../../models/layers/adaptable.ts';
import { FRAME_NUMBERS, GRID, OBJECTS, PATCH, PICTURE_GRID } from '../../models/layers/config.ts';
import type { LayersModel } from '../../models/layers/file.ts';
import { canonical, shrunk } from '../../models/layers/known.ts';
import { contentTokens, layoutIn, partsOf, type Layout } from '../../models/layers/layout.ts';
import { openPainter } from '../../models/layers/painter.ts';
import { encodeThumbnail } from '../../models/layers/thumbnail.ts';
import { split } from '../../models/layout.ts';
import { lazily } from '../../tensor/lazy.ts';
import { float32, type Tensors } from '../../tensor/tensor.ts';
import { textFeeds } from '../captions.ts';
import { roomLoss, TIMES } from '../layers/teacher.ts';
import type { Bucket, EncodedPicture, PeelFamily, Variant } from './family.ts';
import { hasTransparency, mirrored, placed } from './pictures.ts';
import { peelStep, type PeelRow, type PeelStep, type PeelStepOptions } from './program.ts';
import { drawnLatent } from './samples.ts';

const square = { rows: GRID, columns: GRID };
const LAYOUTS = {
  alone: { objects: 1 },
  one: { objects: 1, canvas: square },
  two: { objects: 2, canvas: square },
  whole: { objects: 0, canvas: { rows: PICTURE_GRID, columns: PICTURE_GRID } },
} as const satisfies Record<string, Layout>;
type Room = keyof typeof LAYOUTS;

/** The layered family as training wants it. */
export function layeredPeels(model: LayersModel): PeelFamily {
  const { config, weights, plan, blocks, tokenizer, manifest } = model;
  const variance = lazily(weights).read('transformer.variance');
  return {
    ...{ config, weights, plan, blocks, tokenizer },
    styles: manifest.styles,
    priorSteps: 4,
    adaptable: () => adaptable(config),
    painter: (runtime, options) => openPainter(model, runtime, options),
    encode: (pictures, painter, { flips, rng }) =>
      encoded(pictures, model, flips, (text, bucket) => drawnLatent(painter, text, bucket.layout, rng)),
    time: (rng) => 1 / (1 + Math.exp(-(TIMES.mean + TIMES.deviation * rng.normal()))),
    step: ({ layout }, options) => layeredStep(model, layoutIn(layout), options),
    feeds: (rows, { layout }) => ({ ...roomFeeds(rows, layoutIn(layout), model), variance }),
  };
}

/** The step of a room: its inputs are those of the recipes' loss. */
const layeredStep = ({ config }: LayersModel, layout: Layout, options: PeelStepOptions): PeelStep =>
  peelStep(options, (s, batch) => roomLoss(s.in('transformer'), config, { batch, layout, text: config.text.length }));

/** Feeds of a room: the noise that leads from a row's target to what it is at its time. */
function roomFeeds(rows: readonly PeelRow[], layout: Layout, { config }: LayersModel): Tensors {
  const [B, N, P] = [rows.length, layout.objects, contentTokens(layout)];
  const noise = rows.map(({ noisy, target, t }) => noisy.map((x, i) => (x - (1 - t) * target[i]!) / t));
  const joined = (shape: readonly number[], from: number, all: readonly Float32Array[]) => {
    const each = shape[0]! * shape[1]!;
    const data = new Float32Array(B * each);
    all.forEach((numbers, b) => data.set(numbers.subarray(from, from + each), b * each));
    return float32([B, ...shape], data);
  };
  const parts = (suffix: string, all: readonly Float32Array[]) => ({
    ...(N > 0 && { [`frames${suffix}`]: joined([N, FRAME_NUMBERS], 0, all) }),
    [`content${suffix}`]: joined([P, config.channels], N * FRAME_NUMBERS, all),
  });
  const ones = (shape: readonly number[]) => float32(shape, new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(1));
  return {
    ...parts(
      '',
      rows.map(({ target }) => target),
    ),
    ...parts('.noise', noise),
    ...(N > 0 && { objects: ones([B, N]) }),
    ...(layout.canvas && { canvas: ones([B]) }),
    t: float32(
      [B],
      rows.map(({ t }) => t),
    ),
    ...textFeeds(
      rows.map(({ caption }) => caption),
      config.text.length,
    ),
  };
}

/** What is seen in a picture to learn from. */
interface Seen {
  readonly caption: string;
  /** Tokens of the drawings of its object, one for each way to show it; none where it fills its frame. */
  readonly drawings: readonly Float32Array[];
  /** Tokens of its ground, by way to show it. */
  readonly grounds: readonly Float32Array[];
  /** Tokens of the whole picture, where there is no object and the model draws whole pictures. */
  readonly wholes: readonly Float32Array[];
}

type DrawBase = (text: string, bucket: Bucket) => Promise<Float32Array<ArrayBuffer>>;

async function* encoded(
  pictures: readonly TrainingPicture[],
  model: LayersModel,
  flips: boolean,
  draw: DrawBase,
): AsyncGenerator<EncodedPicture> {
  const bucket = (name: Room): Bucket => ({ name, layout: partsOf(LAYOUTS[name], model.config.channels) });
  const buckets = { alone: bucket('alone'), one: bucket('one'), two: bucket('two'), whole: bucket('whole') };
  const seen = pictures.map((picture) => look(picture, model, flips));
  const things = seen.filter(({ drawings }) => drawings.length > 0);
  for (const one of seen) {
    const next = things[(things.indexOf(one) + 1) % things.length];
    yield { variants: one.drawings.length > 0 ? await thingVariants(one, next!, buckets, draw) : await wholeVariants(one, buckets, draw) };
  }
}

/** A picture cut into object and ground, as tokens. */
function look({ image: picture, caption }: TrainingPicture, { basis, manifest }: LayersModel, flips: boolean): Seen {
  const cut = hasTransparency(picture) ? { object: picture, ground: undefined } : cutOut(picture);
  const ways = (one: Image) => (flips ? [one, mirrored(one)] : [one]);
  const canvas = (one: Image, side: number) => encodeThumbnail(shrunk(flatten(placed(one, side * 4, side * 4)), side, side), basis);
  if (!cut)
    return {
      caption,
      drawings: [],
      grounds: ways(picture).map((one) => canvas(one, GRID * PATCH)),
      wholes: manifest.abilities?.includes('image') ? ways(picture).map((one) => canvas(one, PICTURE_GRID * PATCH)) : [],
    };
  return {
    caption,
    drawings: ways(cut.object).map((one) => encodeThumbnail(canonical(one), basis)),
    grounds: cut.ground ? [canvas(plain(cut.ground), GRID * PATCH)] : [],
    wholes: [],
  };
}

function plain(colour: Color): Image {
  const one = image(1, 1);
  one.data.set([...colour, 255]);
  return one;
}

/** The ways in which a drawing is shown: as one of two things, on a canvas, alone. */
async function thingVariants(one: Seen, next: Seen, { two, one: scene, alone }: Record<Room, Bucket>, draw: DrawBase): Promise<Variant[]> {
  const both = [one.caption, next.caption].filter(Boolean).join(' and ');
  const clear = [one.caption, 'transparent background'].filter(Boolean).join(', ');
  const drawn = [
    { bucket: two, caption: both, base: await draw(both, two) },
    { bucket: scene, caption: one.caption, base: await draw(one.caption, scene) },
    { bucket: alone, caption: clear, base: await draw(clear, alone) },
    { bucket: alone, caption: one.caption, base: await draw(one.caption, alone) },
  ];
  return drawn.flatMap(({ bucket, caption, base }) =>
    one.drawings.map((drawing): Variant => {
      const known = new Map([[1, drawing], [2, next.drawings[0]!], ...(one.grounds[0] ? [[0, one.grounds[0]] as const] : [])]);
      return { bucket, caption, latent: withParts(base, bucket, known) };
    }),
  );
}

/** The ways in which a picture without an object is shown: behind what the base draws, and whole. */
async function wholeVariants({ caption, grounds, wholes }: Seen, { one, whole }: Record<Room, Bucket>, draw: DrawBase): Promise<Variant[]> {
  const base = await draw(caption, one);
  return [
    ...grounds.map((ground): Variant => ({ bucket: one, caption, latent: withParts(base, one, new Map([[0, ground]])) })),
    ...wholes.map((latent): Variant => ({ bucket: whole, caption, latent })),
  ];
}

/** A latent with some of its parts replaced, by slot. */
function withParts(latent: Float32Array<ArrayBuffer>, { layout }: Bucket, known: ReadonlyMap<number, Float32Array>): Float32Array {
  const copy = latent.slice();
  split(copy, layout).forEach((part, i) => {
    const { slot } = layout[i]!;
    if (slot <= OBJECTS && known.has(slot)) part.set(known.get(slot)!);
  });
  return copy;
}
