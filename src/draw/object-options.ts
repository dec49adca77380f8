// What a request may say of each thing in a picture that is drawn in layers: rows as those of request.ts.
import * as z from 'zod/mini';
import { OBJECTS } from '../models/layout.ts';
import type { Image } from '../image/image.ts';
import { decimal, isImage, isObject, picture, text, whole, type Given, type Option, type Schema } from './option.ts';

/** x, y, width and height, as shares of the picture. */
export type BoxShares = readonly [x: number, y: number, width: number, height: number];

/** A layer of an earlier picture: an entry of its `layers` (events.ts). */
export interface EarlierLayer {
  readonly image: Image;
  readonly slot?: number;
  readonly box?: BoxShares;
  readonly z?: number;
}

/** How far a box may reach beyond the picture, in pictures. */
const BEYOND = 4;
const isBox = (x: unknown) => Array.isArray(x) && x.length === 4 && x.every((n) => typeof n === 'number');

const box = () => ({
  schema: z
    .tuple([z.number(), z.number(), z.number(), z.number()])
    .check(z.refine(([x, y, w, h]) => [x, y, w, h].every((n) => Math.abs(n) <= BEYOND) && w > 0 && h > 0)) as unknown as Schema &
    z.ZodMiniType<BoxShares>,
  expected: 'a list of four numbers [x, y, width, height]',
  is: isBox,
  range: '[x, y, width, height] as shares of the picture, such as [0.1, 0.4, 0.3, 0.3]',
  refuse: (path: string, found: unknown) =>
    `${path} [${String(found).replaceAll(',', ', ')}]: expected shares of the picture such as [0.1, 0.4, 0.3, 0.3]; divide pixels by its width and height`,
});

/** A picture, or a layer of one. */
const layer = (bytes: number) => {
  const plain = picture(bytes);
  const pixels = (x: unknown) => (isObject(x) && 'image' in x ? x.image : x);
  return {
    ...plain,
    schema: z.custom<Image | EarlierLayer>((x) => z.safeParse(plain.schema, pixels(x)).success),
    expected: 'a layer of an earlier picture, or a picture { width, height, data: Uint8ClampedArray }',
    is: (x: unknown) => isImage(pixels(x)),
    refuse: (path: string, found: never) => plain.refuse(path, pixels(found) as never),
  };
};

/** Options of one object, with pictures of at most so many bytes. */
export const objectsOf = (pictureBytes: number) =>
  ({
    /** 0 the canvas, 1 to 6 as the prompt mentions things; left out: that of the layer that is kept, or the first that is free. */
    slot: {
      ...whole(0, OBJECTS),
      about: 'which thing of the prompt it is, in the order in which it mentions them, or 0 for the canvas behind them',
      code: 'objects.slot',
      otherwise: 'that of the layer that is kept, or the first that is free',
    },
    /** Draws it by words of its own. */
    prompt: {
      ...text(),
      about: 'draws it by itself from these words',
      code: 'prompt.empty',
      otherwise: 'the prompt of the picture says it',
    },
    /** Shares of the picture, from its upper left corner: [x, y, width, height]. */
    box: { ...box(), about: 'where it stands, from the upper left corner', code: 'objects.box', otherwise: 'the model decides' },
    /** 0 the lowest to 1 the highest object. */
    z: { ...decimal(0, 1), about: 'how high it lies: 0 the lowest, 1 the highest', code: 'objects.z', otherwise: 'the model decides' },
    /** A layer of an earlier picture: its pixels are kept, to the byte where its size is the same. */
    keep: {
      ...layer(pictureBytes),
      about: 'a layer of an earlier picture, whose pixels are kept; without a box, one in the shape of the picture covers it',
      code: 'image.size',
    },
    /** What it is, drawn at whatever size it gets. */
    reference: {
      ...picture(pictureBytes),
      about: 'a picture of it, transparent around it, that is drawn again at the size it gets',
      code: 'image.size',
    },
  }) satisfies Readonly<Record<string, Option>>;

/** What is known of a thing in the picture. */
export interface ObjectRequest extends Given<ReturnType<typeof objectsOf>> {}

/** What is known of an object: its slot is said, a kept layer is its pixels, and what the layer said stands beside them. */
export interface KnownObject extends Omit<ObjectRequest, 'slot' | 'keep'> {
  readonly slot: number;
  readonly keep?: Image;
}

/** What a recipe says of an object: pictures by the first 16 hexadecimal digits of the SHA-256 of their pixels. */
export interface UsedObject extends Omit<KnownObject, 'keep' | 'reference'> {
  readonly keep?: string;
  readonly reference?: string;
}
