// Drawings as a model gives them back: noised to a time near the end of the way and predicted again, which is what the last step of
// its sampling does. The renderer learns from them what to clean: surfaces that are mottled, small faces that are soft.
// Legend: C channels; a latent is the frame's four numbers, then 16 C of the thumbnail.
import type { LayeredSample } from '../../data/layered.ts';
import { GRID, THUMBNAIL } from '../../models/layers/config.ts';
import { frameNumbers } from '../../models/layers/frame.ts';
import { partsOf } from '../../models/layers/layout.ts';
import type { LayerNetworks } from '../../models/layers/networks.ts';
import { decodeTokens, encodeThumbnail, type Basis } from '../../models/layers/thumbnail.ts';
import { noised, pictureOf } from '../../sampling/path.ts';
import type { Tokenizer } from '../../tokenizer/tokenizer.ts';
import type { Random } from '../../util/random.ts';

/** Times of the last step of 4 steps and of 2, and somewhat around them. */
const TIMES = [0.15, 0.6] as const;

/** Thumbnails (64 x 64 premultiplied RGBA) as a model gives them back, by the drawing's key; undefined for one that no sample shows. */
export type Remake = (key: string, thumbnail: Uint8Array, rng: Random) => Promise<Uint8Array | undefined>;

/** Pixels -1 to 1 as bytes. */
export const bytesOf = (pixels: Float32Array): Uint8Array =>
  Uint8Array.from(pixels, (v) => Math.round(Math.min(255, Math.max(0, (v + 1) * 127.5))));

/** What the basis keeps of a thumbnail. */
export const kept = (thumbnail: Uint8Array, basis: Basis): Uint8Array =>
  bytesOf(decodeTokens(encodeThumbnail({ width: THUMBNAIL, height: THUMBNAIL, pixels: thumbnail }, basis), THUMBNAIL, THUMBNAIL, basis));

/** Samples of one object on nothing, by its drawing: the captions and frames that a model is told. */
export const samplesByDrawing = (samples: Iterable<LayeredSample>): ReadonlyMap<string, LayeredSample> =>
  new Map([...samples].map((sample) => [sample.objects[0]!.drawing, sample]));

/** Opens a model's networks for giving drawings back. */
export function remaker(networks: LayerNetworks, basis: Basis, tokenizer: Tokenizer, samples: ReadonlyMap<string, LayeredSample>): Remake {
  const { text, channels } = networks.config;
  const parts = partsOf({ objects: 1 }, channels);
  return async (key, thumbnail, rng) => {
    const sample = samples.get(key);
    if (!sample) return undefined;
    const { ids, count } = tokenizer.encode(sample.caption, text.length);
    const velocity = networks.velocity(await networks.condition([...ids.subarray(0, count)]), parts);
    const frame = frameNumbers(sample.objects[0]!);
    const tokens = encodeThumbnail({ width: THUMBNAIL, height: THUMBNAIL, pixels: thumbnail }, basis);
    const t = TIMES[0] + (TIMES[1] - TIMES[0]) * rng.uniform();
    const x = noised(Float32Array.from([...frame, ...tokens]), rng.normals(frame.length + tokens.length), t);
    const found = pictureOf(x, await velocity(x, t), t).subarray(frame.length, frame.length + GRID * GRID * channels);
    return bytesOf(decodeTokens(found, THUMBNAIL, THUMBNAIL, basis));
  };
}
