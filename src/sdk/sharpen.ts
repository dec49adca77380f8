// The renderer of a model of layers alone: a small icon or sticker drawn at any size. It is a picture of one thing whose pixels are kept,
// so it works wherever pictures are drawn, and takes turns with them.
import { sizeWithin } from '../draw/size.ts';
import type { SizeOptions } from '../draw/request.ts';
import type { Image } from '../image/image.ts';
import { InputError } from '../util/errors.ts';
import type { Banana } from './banana.ts';

/** How large; the other side follows from the picture. */
export type SharpenOptions = Pick<SizeOptions, 'width' | 'height'> & { readonly signal?: AbortSignal };

/**
 * A small picture at another size: drawn by the renderer where it becomes larger, averaged where smaller. Throws InputError for a size that
 * cannot be drawn, one of another shape, and a model that does not draw in layers.
 */
export async function sharpen(banana: Banana, small: Image, { width, height, signal }: SharpenOptions): Promise<Image> {
  const ratio = small.width / small.height;
  const size = sizeWithin({
    width: width ?? (height === undefined ? undefined : Math.round(height * ratio)),
    height: height ?? (width === undefined ? undefined : Math.round(width / ratio)),
  });
  if (Math.abs(size.height * ratio - size.width) >= 1 && Math.abs(size.width / ratio - size.height) >= 1)
    throw new InputError('size.conflict', `${size.width}x${size.height} is not the shape of ${small.width}x${small.height}: give one side`);
  const objects = [{ slot: 1, z: 0, keep: small }];
  const request = { prompt: 'one thing', seed: 0, background: 'transparent', ...size, objects, preview: 0 } as const;
  return (await banana.picture({ ...request, ...(signal && { signal }) })).image;
}
