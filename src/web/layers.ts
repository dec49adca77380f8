// A picture's layers as files in a browser: as in Node (draw/open-raster.ts), with the platform's own deflate.
import type { Layered } from '../draw/events.ts';
import { openRasterWith } from '../draw/open-raster.ts';
import { encodePng } from '../image/png-encode.ts';
import { writePngText, XMP } from '../image/png-text.ts';

/** The bytes of an OpenRaster file. */
export const openRaster = (picture: Layered): Promise<Uint8Array<ArrayBuffer>> =>
  openRasterWith(picture, async (one, { xmp }) => {
    const png = await encodePng(one);
    return xmp === undefined ? png : writePngText(png, { [XMP]: xmp });
  });
