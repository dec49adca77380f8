// Pictures and typing in a terminal, as text: half blocks with 24-bit colour anywhere; the Kitty and iTerm2 protocols where the
// terminal says that it knows them. Pure: who writes and who reads is live.ts.
// https://sw.kovidgoyal.net/kitty/graphics-protocol/ https://iterm2.com/documentation-images.html
import { deflateSync } from 'node:zlib';
import { flatten, resizeImage, type Image } from '../image/image.ts';

export type Graphics = 'kitty' | 'iterm' | 'blocks';
export const GRAPHICS: readonly Graphics[] = ['kitty', 'iterm', 'blocks'];

/** Characters. */
export interface Cells {
  readonly columns: number;
  readonly rows: number;
}

/** What a terminal can show, by what it says of itself. Inside tmux and screen pictures do not pass: blocks. */
export function graphicsOf(env: Readonly<Record<string, string | undefined>>): Graphics {
  const { TERM = '', TERM_PROGRAM = '', TMUX, STY, KITTY_WINDOW_ID, KONSOLE_VERSION, LC_TERMINAL = '' } = env;
  if (TMUX || STY || /^(screen|tmux)/.test(TERM)) return 'blocks';
  if (KITTY_WINDOW_ID || /kitty|ghostty/.test(TERM) || TERM_PROGRAM === 'ghostty') return 'kitty';
  if (KONSOLE_VERSION && Number(KONSOLE_VERSION) >= 220400) return 'kitty';
  if (/^(iTerm\.app|WezTerm)$/.test(TERM_PROGRAM) || LC_TERMINAL === 'iTerm2') return 'iterm';
  return 'blocks';
}

/** The most characters of `room` that a picture fills in its own shape; a character is twice as high as wide. */
export function cellsFor({ width, height }: Pick<Image, 'width' | 'height'>, room: Cells): Cells {
  const scale = Math.min(room.columns / width, (room.rows * 2) / height);
  return { columns: Math.max(1, Math.floor(width * scale)), rows: Math.max(1, Math.floor((height * scale) / 2)) };
}

/** A picture as lines of half blocks, two pixels a character, over white. Each line ends with the colours reset. */
export function halfBlocks(one: Image, { columns, rows }: Cells): string[] {
  const { data } = resizeImage(flatten(one), columns, rows * 2);
  const colour = (x: number, y: number) => data.subarray((y * columns + x) * 4, (y * columns + x) * 4 + 3).join(';');
  return Array.from({ length: rows }, (_, row) => {
    let [line, above, below] = ['', '', ''];
    for (let x = 0; x < columns; x++) {
      const [top, bottom] = [colour(x, row * 2), colour(x, row * 2 + 1)];
      if (top !== above) line += `\x1b[38;2;${top}m`;
      if (bottom !== below) line += `\x1b[48;2;${bottom}m`;
      [line, above, below] = [`${line}▀`, top, bottom];
    }
    return `${line}\x1b[0m`;
  });
}

const KITTY_CHUNK = 4096; // bytes of base64 in one escape, the most that is allowed

/** A picture by the Kitty protocol: it takes the place of the last one. */
export function kittyImage({ width, height, data }: Image, { columns, rows }: Cells): string {
  const payload = deflateSync(data, { level: 1 }).toString('base64');
  const chunks = payload.match(new RegExp(`.{1,${KITTY_CHUNK}}`, 'g'))!;
  const keys = `a=T,f=32,o=z,s=${width},v=${height},c=${columns},r=${rows},i=1,p=1,q=2,C=1,`;
  return chunks.map((chunk, i) => `\x1b_G${i === 0 ? keys : ''}m=${i + 1 < chunks.length ? 1 : 0};${chunk}\x1b\\`).join('');
}

/** Removes what kittyImage has shown. */
export const KITTY_CLEAR = '\x1b_Ga=d,d=A,q=2\x1b\\';

/** A picture's file (PNG or JPEG) by the iTerm2 protocol. */
export function itermImage(file: Uint8Array, { columns, rows }: Cells): string {
  return `\x1b]1337;File=inline=1;size=${file.length};width=${columns};height=${rows};preserveAspectRatio=1:${Buffer.from(file).toString('base64')}\x07`;
}

/** What was typed: the text after it, and whether to save or to end. */
export interface Typed {
  readonly text: string;
  readonly save: boolean;
  readonly quit: boolean;
}

const SEGMENTER = new Intl.Segmenter();
/** What keys do to a text: by the character that a terminal sends. */
const KEYS: Readonly<Record<string, (typed: Typed) => Typed>> = {
  '\r': (typed) => ({ ...typed, save: true }),
  '\n': (typed) => ({ ...typed, save: true }),
  '\x03': (typed) => ({ ...typed, quit: true }), // Ctrl-C
  '\x04': (typed) => ({ ...typed, quit: true }), // Ctrl-D
  '\x7f': (typed) => ({
    ...typed,
    text: Array.from(SEGMENTER.segment(typed.text), (s) => s.segment)
      .slice(0, -1)
      .join(''),
  }),
  '\b': (typed) => KEYS['\x7f']!(typed),
  '\x15': (typed) => ({ ...typed, text: '' }), // Ctrl-U
  '\x17': (typed) => ({ ...typed, text: typed.text.replace(/\S+\s*$/, '') }), // Ctrl-W
};

/** Applies what a terminal sent to a text. Arrows and other escape sequences do nothing. */
export function typeKeys(text: string, sent: string): Typed {
  let typed: Typed = { text, save: false, quit: false };
  for (const key of sent.replace(/\x1b(\[[\x20-\x3f]*[\x40-\x7e]|O.|.?)/gu, '')) {
    const effect = Object.hasOwn(KEYS, key) ? KEYS[key] : undefined;
    if (effect) typed = effect(typed);
    else if (key >= ' ') typed = { ...typed, text: typed.text + key };
  }
  return typed;
}

/** The end of a text that fits into `columns` characters. */
export function tail(text: string, columns: number): string {
  const letters = Array.from(SEGMENTER.segment(text), (s) => s.segment);
  return letters.length <= columns ? text : `…${letters.slice(letters.length - columns + 1).join('')}`;
}
