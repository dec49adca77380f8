// Pictures as files: saved, copied, kept small. Each carries its recipe, so that dropping it here brings everything back.
import { imageFrom, pictureFile, type Image, type ImageEvent } from 'banana-sdk/web';

export const FORMATS = { png: 'image/png', webp: 'image/webp', jpeg: 'image/jpeg' } as const;
export type Format = keyof typeof FORMATS;

const QUALITY = 92;
/** Longer side of a small picture. */
const SMALL = 256;

/** The file of a picture with its recipe; JPEG is laid on white. */
export const fileOf = async (event: Pick<ImageEvent, 'image' | 'recipe' | 'text'>, format: Format): Promise<Blob> =>
  new Blob([await pictureFile(event, format, { quality: QUALITY })], { type: FORMATS[format] });

/** A small file of a picture, to be looked at in a list. */
export const smallOf = (image: Image): Promise<Blob> =>
  canvasOf(image, Math.min(1, SMALL / Math.max(image.width, image.height))).convertToBlob({ type: FORMATS.webp, quality: 0.8 });

function canvasOf({ width, height, data }: Image, scale: number): OffscreenCanvas {
  const whole = new OffscreenCanvas(width, height);
  whole.getContext('2d')!.putImageData(new ImageData(new Uint8ClampedArray(data), width, height), 0, 0);
  if (scale === 1) return whole;
  const canvas = new OffscreenCanvas(Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale)));
  canvas.getContext('2d')!.drawImage(whole, 0, 0, canvas.width, canvas.height);
  return canvas;
}

/** A name that says what the picture is of. */
export const nameOf = (prompt: string, seed: number): string =>
  `${
    prompt
      .toLowerCase()
      .replace(/[^\p{L}\p{N}]+/gu, '-')
      .replace(/^-|-$/g, '')
      .slice(0, 60) || 'picture'
  }-${seed}`;

/** Saves a file where the browser saves files. */
export function save(file: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // it may be asked where to, first
}

export const copy = (file: Blob): Promise<void> => navigator.clipboard.write([new ClipboardItem({ [file.type]: file })]);

/** Longest side of a picture that is worked on. */
const WORKED = 1024;

/** The pixels of a file, made smaller where it is large. */
export async function workedOn(file: Blob): Promise<Image> {
  const image = await imageFrom(file);
  const scale = Math.min(1, WORKED / Math.max(image.width, image.height));
  return scale === 1 ? image : imageFrom(canvasOf(image, scale));
}
