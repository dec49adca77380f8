// Contact sheets with words below the pictures, for people to look at. Node only: the words are an SVG that sharp draws
// with the fonts of the system (none installed: no words, the pictures stay). The plain grid is contactSheet in image.ts.
import { escapeXml } from '../util/xml.ts';
import { loadSharp } from './codec.ts';
import { contactSheet, image, sheetLayout } from '../image/image.ts';
import type { Image, SheetOptions } from '../image/image.ts';

const SIZE = 11; // px; a letter is about 0.55 of it wide
const LINE = 14; // px

/** A grid of pictures, each with its label below in at most `lines` lines; a longer label ends with an ellipsis. */
export async function labelledSheet(
  images: readonly Image[],
  labels: readonly string[],
  options: Omit<SheetOptions, 'footer'> & { lines?: number } = {},
): Promise<Image> {
  const { lines = 2 } = options;
  const layout = sheetLayout(images.length, { ...options, footer: lines * LINE + 4 });
  const grid = contactSheet(images, layout);
  const room = Math.max(1, Math.floor(layout.cell / (SIZE * 0.55)));
  const [r, g, b] = layout.background;
  const ink = r + g + b > 384 ? '#222' : '#eee';
  const texts = labels.slice(0, images.length).flatMap((label, i) =>
    wrap(label, room, lines).map((line, k) => {
      const y = layout.top(i) + layout.cell + SIZE + 2 + k * LINE;
      return `<text x="${layout.left(i) + layout.cell / 2}" y="${y}">${escapeXml(line)}</text>`;
    }),
  );
  const size = `width="${grid.width}" height="${grid.height}"`;
  const font = `font-family="sans-serif" font-size="${SIZE}" text-anchor="middle" fill="${ink}"`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" ${size} ${font}>${texts.join('')}</svg>`;
  const sharp = await loadSharp();
  const data = await sharp(grid.data, { raw: { width: grid.width, height: grid.height, channels: 4 } })
    .composite([{ input: Buffer.from(svg) }])
    .raw()
    .toBuffer();
  return image(grid.width, grid.height, data);
}

/** Words in lines of at most `room` letters; what does not fit in `lines` is cut with an ellipsis. */
export function wrap(text: string, room: number, lines: number): string[] {
  const wrapped: string[] = [];
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const last = wrapped.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= room) wrapped[wrapped.length - 1] = `${last} ${word}`;
    else wrapped.push(word);
  }
  const cut = wrapped.slice(0, lines).map((line) => (line.length > room ? `${line.slice(0, room - 1)}…` : line));
  if (wrapped.length > lines && cut.length)
    cut.push(
      `${cut
        .pop()!
        .replace(/…$/, '')
        .slice(0, room - 1)}…`,
    );
  return cut;
}
