import { inflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { random } from '../util/random.ts';
import { image } from '../image/image.ts';
import { cellsFor, graphicsOf, halfBlocks, itermImage, kittyImage, tail, typeKeys } from './terminal.ts';

const RED = [255, 0, 0, 255];
const BLUE = [0, 0, 255, 255];
const NONE = [9, 9, 9, 0];
const of = (width: number, pixels: number[][]) => image(width, pixels.length / width, Uint8Array.from(pixels.flat()));

describe('pictures', () => {
  test('half blocks: two pixels a character, a colour only where it changes', () => {
    expect(halfBlocks(of(2, [RED, RED, BLUE, NONE]), { columns: 2, rows: 1 })).toEqual([
      '\x1b[38;2;255;0;0m\x1b[48;2;0;0;255m▀\x1b[48;2;255;255;255m▀\x1b[0m',
    ]);
    const lines = halfBlocks(of(4, Array(16).fill(RED)), { columns: 3, rows: 2 });
    expect(lines).toEqual(Array(2).fill('\x1b[38;2;255;0;0m\x1b[48;2;255;0;0m▀▀▀\x1b[0m'));
  });

  test("the picture's shape is kept in characters", () => {
    expect(cellsFor({ width: 256, height: 256 }, { columns: 80, rows: 24 })).toEqual({ columns: 48, rows: 24 });
    expect(cellsFor({ width: 512, height: 64 }, { columns: 80, rows: 24 })).toEqual({ columns: 80, rows: 5 });
    expect(cellsFor({ width: 64, height: 4096 }, { columns: 80, rows: 2 })).toEqual({ columns: 1, rows: 2 });
  });

  test('Kitty: chunks of at most 4096, which hold the pixels', () => {
    const one = image(
      64,
      64,
      Uint8Array.from({ length: 64 * 64 * 4 }, (_, i) => random(i).integer(256)),
    );
    const escapes = [...kittyImage(one, { columns: 10, rows: 5 }).matchAll(/\x1b_G([^;]*);([^\x1b]*)\x1b\\/g)];
    expect(escapes.length).toBeGreaterThan(1);
    expect(escapes[0]![1]).toMatch(/^a=T,f=32,o=z,s=64,v=64,c=10,r=5,.*m=1$/);
    expect(escapes.at(-1)![1]).toBe('m=0');
    expect(escapes.every(([, , part]) => part!.length <= 4096)).toBe(true);
    expect(inflateSync(Buffer.from(escapes.map(([, , part]) => part).join(''), 'base64'))).toEqual(Buffer.from(one.data));
  });

  test('iTerm2: the file, with its size', () => {
    expect(itermImage(Uint8Array.of(1, 2, 3), { columns: 4, rows: 2 })).toBe(
      '\x1b]1337;File=inline=1;size=3;width=4;height=2;preserveAspectRatio=1:AQID\x07',
    );
  });

  test.each([
    [{ TERM: 'xterm-256color' }, 'blocks'],
    [{}, 'blocks'],
    [{ TERM: 'xterm-kitty' }, 'kitty'],
    [{ TERM: 'xterm-ghostty' }, 'kitty'],
    [{ TERM: 'xterm-256color', KONSOLE_VERSION: '230401' }, 'kitty'],
    [{ TERM_PROGRAM: 'iTerm.app' }, 'iterm'],
    [{ TERM_PROGRAM: 'WezTerm' }, 'iterm'],
    [{ TERM: 'tmux-256color', KITTY_WINDOW_ID: '1' }, 'blocks'],
    [{ TERM: 'xterm-kitty', TMUX: '/x' }, 'blocks'],
  ])('%o shows %s', (env, graphics) => expect(graphicsOf(env)).toBe(graphics));
});

describe('typing', () => {
  test.each([
    ['', 'a fox', 'a fox'],
    ['a f', '\x7f\x7fcat', 'acat'],
    ['größe 👩‍🚀', '\x7f', 'größe '],
    ['a red fox ', '\x17', 'a red '],
    ['a red fox', '\x15b', 'b'],
    ['a', '\x1b[A\x1b[1;5D\x1bOPb\x1b', 'ab'],
    ['a', '\x00\x01\t', 'a'],
    ['', '狐', '狐'],
  ])('%j and %j make %j', (text, sent, result) => expect(typeKeys(text, sent)).toEqual({ text: result, save: false, quit: false }));

  test('Enter saves, Ctrl-C and Ctrl-D end', () => {
    expect(typeKeys('a', 'b\r')).toEqual({ text: 'ab', save: true, quit: false });
    expect(typeKeys('a', '\x03')).toEqual({ text: 'a', save: false, quit: true });
    expect(typeKeys('a', '\x04').quit).toBe(true);
  });

  test('the end of a long line is shown', () => {
    expect(tail('abcdef', 6)).toBe('abcdef');
    expect(tail('abcdef', 4)).toBe('…def');
  });
});
