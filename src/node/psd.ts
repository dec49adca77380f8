// A picture's layers as a PSD, written by ag-psd, an optional peer.
import type { Layered } from '../draw/events.ts';
import { photoshopWith } from '../draw/photoshop.ts';
import { peer } from '../util/peer.ts';

/** What writes. Throws RuntimeError `layers.missing` where it is not installed. */
export const loadPsd = (): Promise<Pick<typeof import('ag-psd'), 'writePsdUint8Array'>> =>
  peer(import('ag-psd'), 'layers.missing', 'ag-psd');

/** The bytes of a PSD. */
export async function photoshop(picture: Layered): Promise<Uint8Array> {
  const { writePsdUint8Array } = await loadPsd();
  return photoshopWith(picture, writePsdUint8Array);
}
