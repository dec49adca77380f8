// Contact sheets of a batch: its pictures in the order of their rows, a page after so many, read from their files: at no time is more
// than a page of small pictures in memory. A page that is newer than its pictures is left as it is. Node only.
import { stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { encodeImage } from '../disk/codec.ts';
import { writeFileWhole } from '../disk/files.ts';
import { readPicture } from '../disk/pictures.ts';
import { labelledSheet } from '../disk/sheet.ts';
import { markOf } from '../draw/recipe.ts';
import { fitImage, type Image } from '../image/image.ts';

const PAGE = 100; // pictures
const CELL = 128; // pixels

export interface Contact {
  /** The next pictures. */
  add(paths: readonly string[]): Promise<void>;
  /** Writes what is left; returns the paths of all pages. */
  end(): Promise<string[]>;
}

/** Sheets of a folder: contact-sheet-001.webp and so on; `metadata` false leaves the mark that a model made them out. A picture that cannot be read any more is left out. */
export function contactSheets(folder: string, marking: { metadata?: false } = {}): Contact {
  let page: string[] = [];
  const pages: string[] = [];
  const flush = async () => {
    const path = join(folder, `contact-sheet-${String(pages.length + 1).padStart(3, '0')}.webp`);
    if (!(await isNewer(path, page))) await writeFileWhole(path, await sheetOf(page, marking));
    pages.push(path);
    page = [];
  };
  return {
    async add(paths) {
      for (const path of paths) if (page.push(path) === PAGE) await flush();
    },
    async end() {
      if (page.length > 0) await flush();
      return pages;
    },
  };
}

/** When a file was changed; -1 where there is none. */
const changedAt = (path: string): Promise<number> =>
  stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => -1,
  );

const isNewer = async (path: string, others: readonly string[]): Promise<boolean> =>
  (await changedAt(path)) > Math.max(...(await Promise.all(others.map(changedAt))));

async function sheetOf(paths: readonly string[], marking: { metadata?: false }): Promise<Uint8Array> {
  const small: { image: Image; label: string }[] = [];
  for (const path of paths) {
    const image = await readPicture(path).catch(() => undefined);
    if (image) small.push({ image: fitImage(image, CELL, CELL), label: basename(path, extname(path)) });
  }
  return encodeImage(
    await labelledSheet(
      small.map(({ image }) => image),
      small.map(({ label }) => label),
      { cell: CELL },
    ),
    'webp',
    markOf(marking),
  );
}
