// A picture as vectors, traced by VTracer (https://www.visioncortex.org/vtracer-docs), an optional peer.
import type { ColorMode, Hierarchical, PathSimplifyMode } from '@neplex/vectorizer';
import { vectorsWith, type Traceable } from '../draw/vectors.ts';
import { peer } from '../util/peer.ts';

/** VTracer's own defaults, but colours told apart a little better: 28 dB to a picture of pico's, 32 dB at three times the bytes. */
const TRACING = {
  filterSpeckle: 4,
  colorPrecision: 6,
  layerDifference: 16,
  cornerThreshold: 60,
  lengthThreshold: 4,
  maxIterations: 10,
  spliceThreshold: 45,
  pathPrecision: 1,
};

/** In colours, each layer over the others, splines. The package's names are `const enum`s, of which code that is stripped of types sees none. */
const MODES = { colorMode: 0 as ColorMode, hierarchical: 0 as Hierarchical, mode: 2 as PathSimplifyMode };

/** What traces. Throws RuntimeError `svg.missing` where it is not installed. */
export const loadTracer = () => peer(import('@neplex/vectorizer'), 'svg.missing', '@neplex/vectorizer');

/** The text of an SVG, with the recipe inside, unless asked for without. */
export const svgOf = (picture: Traceable): Promise<string> =>
  vectorsWith(picture, async ({ width, height, data }) => {
    const { vectorizeRaw } = await loadTracer();
    return vectorizeRaw(Buffer.from(data), { width, height }, { ...MODES, ...TRACING });
  });
