// A picture's layers as files, and back: a folder of PNGs with a table of where they lie, one OpenRaster file, which GIMP, Krita and others
// open, or one PSD.
// https://www.openraster.org
import { mkdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { unzip } from 'unzipit';
import { decodeImage, encodeImage } from '../disk/codec.ts';
import { readFileWhole, writeFileWhole } from '../disk/files.ts';
import { readPicture } from '../disk/pictures.ts';
import type { Layered } from '../draw/events.ts';
import type { BoxShares, EarlierLayer } from '../draw/object-options.ts';
import { openRasterWith } from '../draw/open-raster.ts';
import { markOf } from '../draw/recipe.ts';
import { visibleBox, type Image, type Size } from '../image/image.ts';
import { InputError } from '../util/errors.ts';
import { loadPsd, photoshop } from './psd.ts';

/** A layer that was read from a file. */
export interface StoredLayer extends EarlierLayer {
  readonly slot: number;
  readonly box: BoxShares;
}

const TABLE = 'layers.json';

/** Files that hold all layers, by the ending of their name. */
const WRITERS: Readonly<Record<string, (picture: Layered) => Promise<Uint8Array>>> = { '.ora': openRaster, '.psd': photoshop };

/** Throws InputError for a path that layers cannot be written to, RuntimeError where a package for it is not installed. */
export async function checkLayersPath(path: string): Promise<void> {
  const kind = extname(path).toLowerCase();
  const kinds = Object.keys(WRITERS);
  if (kind !== '' && !kinds.includes(kind))
    throw new InputError('options.separate', `--layers ${path}: expected a folder, or a file that ends in ${kinds.join(' or ')}`);
  if (kind === '.psd') await loadPsd();
}

/** Writes layers: to one file where the path ends in .ora or .psd, else to a folder. Returns the files. */
export async function writeLayers(path: string, picture: Layered): Promise<string[]> {
  await checkLayersPath(path);
  const write = WRITERS[extname(path).toLowerCase()];
  if (write) {
    await writeFileWhole(path, await write(picture));
    return [path];
  }
  await mkdir(path, { recursive: true });
  const files = picture.layers.map(({ slot }, i) => `${String(i).padStart(2, '0')}-${slot === 0 ? 'canvas' : `object-${slot}`}.png`);
  for (const [i, { image }] of picture.layers.entries())
    await writeFileWhole(join(path, files[i]!), await encodeImage(image, 'png', markOf(picture)));
  const { width, height } = picture.image;
  const layers = picture.layers.map(({ image, ...said }, i) => ({ file: files[i]!, ...said, width: image.width, height: image.height }));
  await writeFileWhole(join(path, TABLE), `${JSON.stringify({ width, height, layers }, undefined, 2)}\n`);
  return [...files, TABLE].map((file) => join(path, file));
}

/** The bytes of an OpenRaster file. */
export async function openRaster(picture: Layered): Promise<Uint8Array<ArrayBuffer>> {
  return openRasterWith(picture, (one, mark) => encodeImage(one, 'png', mark));
}

/** The layers of a folder or an OpenRaster file, back to front. Throws InputError naming the path for what is none. */
export async function readLayers(path: string): Promise<StoredLayer[]> {
  return extname(path).toLowerCase() === '.ora' ? readRaster(path) : readFolder(path);
}

/**
 * A layer by its slot in a folder or an OpenRaster file; or by the path of its own PNG, with what the table beside it says of it. Throws
 * InputError naming the path.
 */
export async function readLayer(path: string, slot: number | undefined): Promise<EarlierLayer | Image> {
  const found = await stat(path).catch(() => undefined);
  const whole = found?.isDirectory() || extname(path).toLowerCase() === '.ora';
  if (!whole) return (await beside(path)) ?? readPicture(path);
  const layers = await readLayers(path);
  const layer = layers.find((one) => one.slot === slot);
  if (layer) return layer;
  const slots = layers.map((one) => one.slot).join(', ');
  throw new InputError(
    'objects.file',
    `${path}: ${slot === undefined ? 'say' : `no layer of slot ${slot};`} which slot is meant: it has ${slots}`,
  );
}

interface TableRow {
  readonly file: string;
  readonly slot: number;
  readonly x: number;
  readonly y: number;
  readonly z?: number;
}

async function tableOf(folder: string): Promise<(Size & { layers: TableRow[] }) | undefined> {
  const text = await readFile(join(folder, TABLE), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const isRow = (row: Partial<TableRow>) => typeof row.file === 'string' && [row.slot, row.x, row.y].every(Number.isInteger);
  try {
    const table = JSON.parse(text) as Size & { layers: TableRow[] };
    if (table.width > 0 && table.height > 0 && table.layers.every(isRow)) return table;
  } catch {
    // told below
  }
  throw new InputError('objects.file', `${join(folder, TABLE)}: no table of layers as --layers writes it`);
}

const layerAt = (image: Image, { slot, x, y, z }: Omit<TableRow, 'file'>, { width, height }: Size): StoredLayer => {
  const art = slot === 0 ? { x: -x, y: -y, width, height } : visibleBox(image);
  const box: BoxShares = [(x + art.x) / width, (y + art.y) / height, art.width / width, art.height / height];
  return { slot, box, ...(z !== undefined && { z }), image };
};

async function readFolder(folder: string): Promise<StoredLayer[]> {
  const table = await tableOf(folder);
  if (!table) throw new InputError('objects.file', `${folder}: expected a folder with ${TABLE}, as --layers writes it`);
  return Promise.all(table.layers.map(async (row) => layerAt(await readPicture(join(folder, basename(row.file))), row, table)));
}

/** A layer's PNG with what its folder's table says of it, if any. */
async function beside(path: string): Promise<StoredLayer | undefined> {
  const table = await tableOf(dirname(path));
  const row = table?.layers.find(({ file }) => file === basename(path));
  return row && layerAt(await readPicture(path), row, table!);
}

async function readRaster(path: string): Promise<StoredLayer[]> {
  const { entries } = await unzip(await readFileWhole(path)).catch((cause: Error) => {
    throw new InputError('objects.file', `${path}: no OpenRaster file (${cause.message})`, { cause });
  });
  const bytes = async (name: string) => {
    if (!entries[name]) throw new InputError('objects.file', `${path}: an OpenRaster file without ${name}`);
    return new Uint8Array(await entries[name].arrayBuffer());
  };
  const xml = new TextDecoder().decode(await bytes('stack.xml'));
  const found = (text: string, name: string) => new RegExp(`\\s${name}="([^"]*)"`).exec(text)?.[1];
  const whole = /<image[^>]*>/.exec(xml)?.[0] ?? '';
  const size = { width: Number(found(whole, 'w')), height: Number(found(whole, 'h')) };
  const rows = [...xml.matchAll(/<layer[^>]*>/g)].map(([tag]) => tag).reverse();
  const slots = rows.map((tag, i) => Number(/slot(\d+)\.png$/.exec(found(tag, 'src') ?? '')?.[1] ?? i));
  const objects = slots.filter((slot) => slot > 0);
  return Promise.all(
    rows.map(async (tag, i) => {
      const slot = slots[i]!;
      const z = objects.indexOf(slot) / Math.max(1, objects.length - 1);
      const row = {
        slot,
        x: Number(found(tag, 'x') ?? 0),
        y: Number(found(tag, 'y') ?? 0),
        ...(slot > 0 && { z }),
      };
      return layerAt(await decodeImage(await bytes(found(tag, 'src') ?? '')), row, size);
    }),
  );
}
