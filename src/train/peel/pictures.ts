// Pictures to train a Peel on, at the size and in the shape that a model learns from.
import { image, resizeImage, type Image } from '../../image/image.ts';

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
