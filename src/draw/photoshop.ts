// A picture's layers as a PSD, which Photoshop, Photopea, Affinity, GIMP and Krita open. What writes the file is handed in: ag-psd's
// writePsdUint8Array, or one like it.
import type { Image } from '../image/image.ts';
import type { Layered } from './events.ts';
import { markOf } from './recipe.ts';

/** Pixels as ag-psd takes them. */
const pixelsOf = ({ width, height, data }: Image) => ({ width, height, data: new Uint8ClampedArray(data) });

/** What a writer is given. */
export interface PsdFile {
  readonly width: number;
  readonly height: number;
  readonly imageData: ReturnType<typeof pixelsOf>;
  readonly children: { name: string; left: number; top: number; imageData: ReturnType<typeof pixelsOf> }[];
  readonly imageResources?: { xmpMetadata: string };
}

/** The bytes of a PSD. */
export function photoshopWith({ image, layers, ...rest }: Layered, write: (psd: PsdFile) => Uint8Array): Uint8Array {
  const { width, height } = image;
  const children = layers.map((layer) => ({ name: layer.name, left: layer.x, top: layer.y, imageData: pixelsOf(layer.image) }));
  const { xmp: xmpMetadata } = markOf(rest);
  return write({ width, height, imageData: pixelsOf(image), children, ...(xmpMetadata && { imageResources: { xmpMetadata } }) });
}
