// Pictures in files: one, or a folder of them to train a Peel from: PNG, JPEG, WebP and SVG files, each with its caption from
// captions.jsonl (or metadata.jsonl), from a .txt beside it, or from its name. Node only. A file that cannot be read stops the training
// before it starts, by name. Nothing of the folder but pixels and words goes on from here.
import { readdir, readFile, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { decodeFile } from './codec.ts';
import { readFileWhole } from './files.ts';
import type { Image } from '../image/image.ts';
import { BananaError, InputError } from '../util/errors.ts';

export interface TrainingPicture {
  readonly image: Image;
  readonly caption: string;
}

export const PICTURES_MAX = 2000;
const FILE_MAX = 100_000_000; // bytes
const ENDINGS = new Set(['.png', '.jpg', '.jpeg', '.webp', '.svg']);
const LISTS = ['captions.jsonl', 'metadata.jsonl'];
const CAPTION_MAX = 500; // characters

/**
 * Every picture of a folder, by name. Throws InputError when there is none, too many, or one that cannot be read. `warn` is told of
 * captions whose pictures are not there.
 */
export async function readPictures(folder: string, { warn }: { warn?: (line: string) => void } = {}): Promise<TrainingPicture[]> {
  const found = await stat(folder).catch(() => undefined);
  if (!found?.isDirectory()) throw new InputError('peel.folder', `${folder} is not a folder: give one with pictures in it`);
  const names = (await readdir(folder)).filter((name) => ENDINGS.has(extname(name).toLowerCase()) && !name.startsWith('.')).sort();
  if (names.length === 0) throw new InputError('peel.folder', `no pictures in ${folder}: expected ${[...ENDINGS].join(', ')} files`);
  if (names.length > PICTURES_MAX)
    throw new InputError('peel.folder', `${names.length} pictures in ${folder}: expected at most ${PICTURES_MAX}`);
  const captions = await readCaptions(folder);
  const lost = [...captions.keys()].filter((file) => !names.includes(file));
  if (lost.length > 0)
    warn?.(`captions of ${lost.length === 1 ? 'a picture' : `${lost.length} pictures`} that ${folder} does not hold: ${shortList(lost)}`);
  const pictures: TrainingPicture[] = [];
  for (const name of names)
    pictures.push({
      image: await readTrainingPicture(join(folder, name)),
      caption: captions.get(name) ?? (await captionBeside(folder, name)) ?? captionFrom(name),
    });
  return pictures;
}

const NAMED = 3;
const shortList = (names: readonly string[]) => `${names.slice(0, NAMED).map(tidy).join(', ')}${names.length > NAMED ? ', ...' : ''}`;

/** Captions of a list in the folder, by the file's name. A line is { "file" or "file_name", "caption" or "text" }. */
async function readCaptions(folder: string): Promise<Map<string, string>> {
  const captions = new Map<string, string>();
  for (const list of LISTS) {
    const text = await readFile(join(folder, list), 'utf8').catch(() => '');
    for (const [i, line] of text.split('\n').entries()) {
      if (line.trim() === '') continue;
      let row: Record<string, unknown> | null = null;
      try {
        row = JSON.parse(line) as Record<string, unknown> | null;
      } catch {
        // told below
      }
      const [file, caption] = [row?.file ?? row?.file_name, row?.caption ?? row?.text];
      if (typeof file !== 'string' || typeof caption !== 'string')
        throw new InputError('peel.captions', `${join(folder, list)} line ${i + 1}: expected {"file": "x.png", "caption": "..."}`);
      captions.set(file, tidy(caption));
    }
  }
  return captions;
}

async function captionBeside(folder: string, name: string): Promise<string | undefined> {
  const text = await readFile(join(folder, `${name.slice(0, -extname(name).length)}.txt`), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : tidy(text) || undefined;
}

/** "03-red_house.png" says "red house"; a name without words says nothing. */
export function captionFrom(name: string): string {
  const words = name
    .slice(0, -extname(name).length)
    .replace(/[-_.+\s]+/g, ' ')
    .trim()
    .replace(/^(?:\d+\s+)+|(?:\s+\d+)+$/g, '');
  return /\p{L}{2}/u.test(words) && !/^(img|dsc|image|picture|photo|screenshot|untitled)\b/i.test(words) ? tidy(words) : '';
}

const tidy = (text: string) =>
  text
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim()
    .slice(0, CAPTION_MAX);

/** The picture in a file: PNG, JPEG, WebP or SVG. Throws InputError naming the file that is none. */
export async function readPicture(path: string): Promise<Image> {
  const bytes = await readFileWhole(path);
  return decodeFile(bytes).catch((cause: Error) => {
    throw cause instanceof InputError ? new InputError(cause.code, `${path}: ${cause.message}`, { cause }) : cause;
  });
}

async function readTrainingPicture(path: string): Promise<Image> {
  try {
    if ((await stat(path)).size > FILE_MAX) throw new InputError('peel.picture', `more than ${FILE_MAX} bytes`);
    return await readPicture(path);
  } catch (error) {
    if (!(error instanceof BananaError)) throw error;
    throw new InputError('peel.picture', error.message.includes(path) ? error.message : `${path}: ${error.message}`, { cause: error });
  }
}
