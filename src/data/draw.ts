// Drawing an SVG with resvg in this process: a whole picture, or a crop of a larger one without drawing the larger one.
// resvg aborts the process when a group with opacity lies beyond two canvas widths to the left, or one to the right (so
// above and below), of the canvas. A crop of art with such groups is cut from a window at least 0.6 times the picture:
// in windows, the picture then ends at 1.7 at most, and art may even stick out of it by a fifth.
// Use it through render.ts, which survives such aborts.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, dirname } from 'node:path';
import { Resvg } from '@resvg/resvg-js';
import { STYLES } from './sprites.ts';

/** Rectangle in fractions of the picture: x0, y0, x1, y1. */
export type Rect = readonly [number, number, number, number];

export interface RenderJob {
  svg: string;
  /** Pixels of the answer. */
  width: number;
  height: number;
  /** Which part of the picture fills them; the whole of it by default. */
  rect?: Rect;
}

const WINDOW = 0.6;
const webp = new Map<string, Promise<string>>();

/** WebP art as a PNG data URI. */
function decoded(name: string): Promise<string> {
  let uri = webp.get(name);
  if (!uri) {
    uri = (async () => {
      const folder = dirname(createRequire(import.meta.url).resolve(`${STYLES.fluent3d.package}/package.json`));
      const { default: sharp } = await import('sharp');
      const png = await sharp(await readFile(join(folder, 'assets', name)))
        .png({ compressionLevel: 1 })
        .toBuffer();
      return `data:image/png;base64,${png.toString('base64')}`;
    })();
    webp.set(name, uri);
    if (webp.size > 400) webp.delete(webp.keys().next().value!);
  }
  return uri;
}

async function withImages(svg: string): Promise<string> {
  const names = [...new Set([...svg.matchAll(/href="webp:([^"]+)"/g)].map((m) => m[1]!))];
  const uris = await Promise.all(names.map(decoded));
  return names.reduce((text, name, i) => text.replaceAll(`"webp:${name}"`, `"${uris[i]}"`), svg);
}

/** Rewrites the root element: which part of the view box is drawn, and at how many pixels. */
function framed(svg: string, box: readonly number[], width: number, height: number): string {
  return svg.replace(/^<svg\b[^>]*>/, (root) =>
    root
      .replace(/ (?:viewBox|width|height|preserveAspectRatio)="[^"]*"/g, '')
      .replace(/>$/, ` viewBox="${box.join(' ')}" width="${width}" height="${height}" preserveAspectRatio="none">`),
  );
}

function rasterise(svg: string): Uint8Array {
  return new Resvg(svg, { font: { loadSystemFonts: false }, logLevel: 'off' }).render().pixels;
}

/** Draws a job: premultiplied RGBA, `width * height * 4` bytes, rows first. */
export async function drawJob({ svg, width, height, rect }: RenderJob): Promise<Uint8Array> {
  const text = svg.includes('"webp:') ? await withImages(svg) : svg;
  const [left = 0, top = 0, w = width, h = height] = (/ viewBox="([^"]+)"/.exec(text)?.[1] ?? '').split(/[ ,]+/).map(Number);
  if (!rect) return rasterise(framed(text, [left, top, w, h], width, height));
  const [x0, y0, x1, y1] = rect;
  const grouped = /[^-]opacity=|<mask|<filter|clip-path|mix-blend|overflow="hidden"/.test(text);
  // Grow the window in whole output pixels, so that the crop's pixels are exactly those of the window.
  const grow = (from: number, to: number, pixels: number) => {
    const pixel = (to - from) / pixels;
    const missing = grouped ? Math.max(0, Math.ceil((WINDOW - (to - from)) / pixel)) : 0;
    const before = Math.min(missing, Math.max(0, Math.floor(from / pixel)));
    return { pixel, before, total: pixels + missing };
  };
  const [gx, gy] = [grow(x0, x1, width), grow(y0, y1, height)];
  const box = [
    left + w * (x0 - gx.before * gx.pixel),
    top + h * (y0 - gy.before * gy.pixel),
    w * gx.pixel * gx.total,
    h * gy.pixel * gy.total,
  ];
  const window = rasterise(framed(text, box, gx.total, gy.total));
  const out = new Uint8Array(width * height * 4);
  for (let y = 0; y < height; y++) {
    const start = 4 * ((y + gy.before) * gx.total + gx.before);
    out.set(window.subarray(start, start + 4 * width), 4 * y * width);
  }
  return out;
}
