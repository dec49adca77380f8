// Pictures of any shape as latents to train a Peel on: each goes into the nearest of at most three shapes ("buckets"), is fitted
// into it (what is transparent is padded, the rest cropped), and is encoded once, with its variants: mirrored when asked, and
// what is transparent also over white, because the base draws both.
import { baseTokens, ENCODER_PIXELS, type Config } from '../../models/banana/config.ts';
import { flatten, image, imageToTensor, resizeImage, type Image } from '../../image/image.ts';
import type { TrainingPicture } from '../../disk/pictures.ts';
import type { Networks } from '../../models/banana/networks.ts';
import { latentGrid } from '../../models/layout.ts';

export interface Bucket {
  readonly rows: number;
  readonly columns: number;
}

export interface EncodedPicture {
  readonly bucket: Bucket;
  /** Ways it may be shown, with what to say of each. */
  readonly variants: readonly { readonly latent: Float32Array; readonly caption: string }[];
}

const SHAPES: readonly (readonly [width: number, height: number])[] = [
  [1, 1],
  [4, 3],
  [3, 4],
  [16, 9],
  [9, 16],
];
const BUCKETS_MAX = 3;

/** A bucket for each picture: the shape nearest to its own among the three that most pictures are nearest to. */
export function bucketsOf(images: readonly Pick<Image, 'width' | 'height'>[], config: Config): Bucket[] {
  const nearest = ({ width, height }: Pick<Image, 'width' | 'height'>, shapes: typeof SHAPES) => {
    const off = ([w, h]: readonly [number, number]) => Math.abs(Math.log((width * h) / (height * w)));
    return shapes.reduce((best, shape) => (off(shape) < off(best) ? shape : best));
  };
  const counts = new Map(SHAPES.map((shape) => [shape, 0]));
  for (const one of images) counts.set(nearest(one, SHAPES), counts.get(nearest(one, SHAPES))! + 1);
  const used = [...counts]
    .filter(([, n]) => n > 0)
    .sort((a, b) => b[1] - a[1])
    .slice(0, BUCKETS_MAX)
    .map(([shape]) => shape);
  const grids = new Map(used.map((shape) => [shape, latentGrid({ width: shape[0] * 64, height: shape[1] * 64 }, baseTokens(config))]));
  const same = new Map<string, Bucket>(); // small models have few grids: some shapes fall together
  return images.map((one) => {
    const grid = grids.get(nearest(one, used))!;
    const key = `${grid.rows}x${grid.columns}`;
    return same.get(key) ?? same.set(key, grid).get(key)!;
  });
}

export const hasTransparency = ({ data }: Image): boolean => {
  for (let i = 3; i < data.length; i += 4) if (data[i]! < 250) return true;
  return false;
};

/** The picture at exactly this size: padded with nothing when it is transparent, otherwise cropped around its middle. */
export function placed(one: Image, width: number, height: number): Image {
  const scales = [width / one.width, height / one.height] as const;
  const scale = hasTransparency(one) ? Math.min(...scales) : Math.max(...scales);
  const fitted = resizeImage(one, Math.max(1, Math.round(one.width * scale)), Math.max(1, Math.round(one.height * scale)));
  const result = image(width, height);
  const [left, top] = [Math.floor((width - fitted.width) / 2), Math.floor((height - fitted.height) / 2)];
  for (let y = Math.max(0, top); y < Math.min(height, top + fitted.height); y++) {
    const from = Math.max(0, left);
    const to = Math.min(width, left + fitted.width);
    const start = ((y - top) * fitted.width + from - left) * 4;
    result.data.set(fitted.data.subarray(start, start + (to - from) * 4), (y * width + from) * 4);
  }
  return result;
}

/** The picture in a mirror. */
export function mirrored({ width, height, data }: Image): Image {
  const result = image(width, height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const from = (y * width + width - 1 - x) * 4;
      result.data.set(data.subarray(from, from + 4), (y * width + x) * 4);
    }
  return result;
}

/** Encodes one picture at a time; yields each. */
export async function* encodePictures(
  pictures: readonly TrainingPicture[],
  networks: Networks,
  { flips = false }: { flips?: boolean } = {},
): AsyncGenerator<EncodedPicture> {
  const buckets = bucketsOf(
    pictures.map((p) => p.image),
    networks.config,
  );
  for (const [i, picture] of pictures.entries()) {
    const bucket = buckets[i]!;
    const whole = placed(picture.image, bucket.columns * ENCODER_PIXELS, bucket.rows * ENCODER_PIXELS);
    const transparent = hasTransparency(picture.image);
    const shown = transparent
      ? [
          { image: whole, caption: `${picture.caption}, transparent background` },
          { image: flatten(whole), caption: picture.caption },
        ]
      : [{ image: whole, caption: picture.caption }];
    const variants = [];
    for (const one of shown)
      for (const each of flips ? [one.image, mirrored(one.image)] : [one.image])
        variants.push({ latent: (await networks.encode(imageToTensor(each))).data, caption: one.caption.replace(/^, /, '') });
    yield { bucket, variants };
  }
}
