// A picture as vectors: each layer traced into curves of flat colours, one group a layer; a picture without layers is one group. Edges are
// hard: what is half transparent is there, or it is not. What traces is handed in.
import type { Image } from '../image/image.ts';
import { escapeXml } from '../util/xml.ts';
import type { Drawn, PictureLayer } from './events.ts';
import { markOf, recipeMetadata } from './recipe.ts';

/** What is to be traced. */
export interface Traceable extends Pick<Drawn, 'image' | 'metadata'>, Partial<Pick<Drawn, 'recipe' | 'text'>> {
  readonly layers?: readonly PictureLayer[];
}

/** The text of an SVG of a picture whose every pixel is opaque or transparent. */
export type Tracer = (image: Image) => Promise<string> | string;

/** The text of an SVG, with the recipe inside, unless asked for without. */
export async function vectorsWith({ image, layers, recipe, text = '', ...rest }: Traceable, trace: Tracer): Promise<string> {
  const { width, height } = image;
  const groups = layers ?? [{ name: 'picture', slot: 0, x: 0, y: 0, image }];
  const traced: string[] = [];
  for (const { name, slot, x, y, image: one } of groups) {
    const paths = await pathsOf(one, trace);
    traced.push(`<g id="layer-${slot}" transform="translate(${x} ${y})"><title>${escapeXml(name)}</title>${paths}</g>`);
  }
  const { xmp } = recipe ? recipeMetadata({ recipe, text, ...rest }) : markOf(rest);
  const metadata = xmp ? `<metadata>${xmp}</metadata>` : '';
  const behind = image.data[3] === 255 && layers ? `<rect width="${width}" height="${height}" fill="#fff"/>` : '';
  const head = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`;
  return `${head}${metadata}${behind}${traced.join('\n')}</svg>\n`;
}

/** The paths of a picture; none of one in which there is nothing. */
async function pathsOf({ width, height, data }: Image, trace: Tracer): Promise<string> {
  const hard = new Uint8ClampedArray(data);
  let there = 0;
  for (let i = 3; i < hard.length; i += 4) there |= hard[i] = hard[i]! < 128 ? 0 : 255;
  if (there === 0) return '';
  const svg = await trace({ width, height, data: hard });
  return svg.slice(svg.indexOf('>', svg.indexOf('<svg')) + 1, svg.lastIndexOf('</svg>')).trim();
}
