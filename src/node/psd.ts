// A picture's layers as a PSD, which Photoshop, Photopea, Affinity, GIMP and Krita open: written by ag-psd, an optional peer.
import type { Layered } from '../draw/events.ts';
import { markOf } from '../draw/recipe.ts';
import type { Image } from '../image/image.ts';
import { peer } from '../util/peer.ts';

/** Pixels as ag-psd takes them. */
const pixelsOf = ({ width, height, data }: Image) => ({ width, height, data: new Uint8ClampedArray(data) });

/** What writes. Throws RuntimeError `layers.missing` where it is not installed. */
export const loadPsd = (): Promise<Pick<typeof import('ag-psd'), 'writePsdUint8Array'>> =>
  peer(import('ag-psd'), 'layers.missing', 'ag-psd');

/** The bytes of a PSD. */
export async function photoshop({ image, layers, ...rest }: Layered): Promise<Uint8Array> {
  const { writePsdUint8Array } = await loadPsd();
  const { width, height } = image;
  const children = layers.map((layer) => ({ name: layer.name, left: layer.x, top: layer.y, imageData: pixelsOf(layer.image) }));
  const { xmp: xmpMetadata } = markOf(rest);
  return writePsdUint8Array({
    width,
    height,
    imageData: pixelsOf(image),
    children,
    ...(xmpMetadata && { imageResources: { xmpMetadata } }),
  });
}
