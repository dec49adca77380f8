// A picture as vectors: each layer traced into curves of flat colours, one group a layer; a picture without layers is one group. VTracer
// traces (https://www.visioncortex.org/vtracer-docs), an optional peer. Edges are hard: what is half transparent is there, or it is not.
import type { ColorMode, Hierarchical, PathSimplifyMode } from '@neplex/vectorizer';
import { markOf, recipeMetadata } from '../draw/recipe.ts';
import type { Drawn, PictureLayer } from '../draw/events.ts';
import type { Image } from '../image/image.ts';
import { peer } from '../util/peer.ts';
import { escapeXml } from '../util/xml.ts';

/** What is to be traced. */
export interface Traceable extends Pick<Drawn, 'image' | 'metadata'>, Partial<Pick<Drawn, 'recipe' | 'text'>> {
  readonly layers?: readonly PictureLayer[];
}

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
export async function svgOf({ image, layers, recipe, text = '', ...rest }: Traceable): Promise<string> {
  const { width, height } = image;
  const groups = layers ?? [{ name: 'picture', slot: 0, x: 0, y: 0, image }];
  const traced: string[] = [];
  for (const { name, slot, x, y, image: one } of groups)
    traced.push(`<g id="layer-${slot}" transform="translate(${x} ${y})"><title>${escapeXml(name)}</title>${await pathsOf(one)}</g>`);
  const { xmp } = recipe ? recipeMetadata({ recipe, text, ...rest }) : markOf(rest);
  const metadata = xmp ? `<metadata>${xmp}</metadata>` : '';
  const behind = image.data[3] === 255 && layers ? `<rect width="${width}" height="${height}" fill="#fff"/>` : '';
  const head = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`;
  return `${head}${metadata}${behind}${traced.join('\n')}</svg>\n`;
}

/** The paths of a picture. */
async function pathsOf({ width, height, data }: Image): Promise<string> {
  const { vectorizeRaw } = await loadTracer();
  const hard = Buffer.from(data);
  let there = 0;
  for (let i = 3; i < hard.length; i += 4) there |= hard[i] = hard[i]! < 128 ? 0 : 255;
  if (there === 0) return ''; // of which the tracer says only that something went wrong
  const svg = await vectorizeRaw(hard, { width, height }, { ...MODES, ...TRACING });
  return svg.slice(svg.indexOf('>', svg.indexOf('<svg')) + 1, svg.lastIndexOf('</svg>')).trim();
}
