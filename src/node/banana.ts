// The SDK for Node. A pipeline in a child process (a run of ONNX Runtime blocks its event loop), or in this one for scripts that ask
// for it; and PNG, JPEG, WebP and SVG files with their recipe inside.
import { assembled, bananaOf, pngWith, type Banana, type DrawOptions, type Backend, type Picture } from '../sdk/banana.ts';
import { peelMethods, remotePeels, type PeelEngine, type PeelMethods } from '../sdk/peels.ts';
import { turns } from '../sdk/turns.ts';
import type { TrainPeelOptions } from '../train/peel/train.ts';
import type { Drawn, GenerateEvent, ImageEvent } from '../draw/events.ts';
import { readPeelBytes } from './library.ts';
import { loadEngine } from './load.ts';
import { checkedOpening, type LoadOptions, type OpenBananaOptions } from './options.ts';
import { modelPath } from './models.ts';
import { ENTRY } from './entry.ts';
import type { PipelineHandlers } from './serve.ts';
import { openEngine } from './engine-process.ts';
import { supervised } from './supervisor.ts';
import { narrowed } from '../draw/request.ts';
import type { ModelInfo } from '../models/family.ts';
import { recipeMetadata, withRecipe } from '../draw/recipe.ts';
import { encodeImage, formatOf, type ImageFormat } from '../disk/codec.ts';
import { svgOf } from './svg.ts';
import { writeFileWhole } from '../disk/files.ts';
import { pngStream, type PngStream } from '../disk/png-stream.ts';
import type { Image } from '../image/image.ts';
import { InputError } from '../util/errors.ts';

/** What a picture can be written as. */
export type FileFormat = ImageFormat | 'svg';

/** A picture to learn from. What is said of it: what is to be seen, without the style. */
export interface NodeTrainingPicture {
  readonly image: Image;
  readonly caption?: string;
}

export interface NodePicture extends Picture {
  /**
   * The bytes of a PNG, JPEG or WebP with the recipe inside, or of an SVG: traced, one group a layer where its layers were asked for.
   * `quality`, 1-100 (90), is of JPEG and WebP.
   */
  encode(format: FileFormat, options?: { quality?: number }): Promise<Uint8Array>;
  /** Writes the picture in the format that the name's ending asks for, whole or not at all. Throws InputError for another ending. */
  save(path: string, options?: { quality?: number }): Promise<void>;
}

/** How a training is asked for. `keep`: a folder in which its state lies, so that one that was left, or lost, can go on; default: in memory. */
export interface NodeTrainOptions extends TrainPeelOptions {
  readonly keep?: string;
}

export interface NodeBanana
  extends Banana,
    PeelMethods<NodeTrainingPicture, NodeTrainOptions, string | Uint8Array | readonly Uint8Array[]> {
  picture(options: DrawOptions): Promise<NodePicture>;
  pictures(options: DrawOptions): Promise<NodePicture[]>;
  /** Most memory used so far in bytes, this process and the engine's together. */
  peakRssBytes(): Promise<number>;
}

type NodeBackend = Backend & PeelEngine & { peak(): Promise<number> };

const toPng = (image: Image) => encodeImage(image, 'png');

/** Loads a model and makes it ready. Throws InputError for wrong options and a missing or damaged model, RuntimeError when nothing can run it. */
export async function openBanana(given: OpenBananaOptions = {}): Promise<NodeBanana> {
  const { inProcess = false, signal, limits, ...options } = checkedOpening(given);
  const most = narrowed(limits);
  modelPath(options.model); // a missing file is told before a process is started
  const opened = await (inProcess ? openHere(options, signal) : openElsewhere(options, signal));
  const queue = turns();
  const banana = bananaOf(opened, toPng, { limits: most, queue });
  const peels = peelMethods(queue, opened, async ({ image, caption = '' }: NodeTrainingPicture) => ({ image, caption }));
  return {
    ...banana,
    picture: async (options) => withFiles(await banana.picture(options)),
    pictures: async (options) => (await banana.pictures(options)).map(withFiles),
    peakRssBytes: () => queue.call(() => opened.peak()),
    ...peels,
    addPeel: async (file) => (queue.closing.throwIfAborted(), peels.addPeel(typeof file === 'string' ? await readPeelBytes(file) : file)),
  };
}

function withFiles(picture: Picture): NodePicture {
  const encode = (format: FileFormat, quality?: { quality?: number }) => pictureFile(picture, format, quality);
  return { ...picture, encode, save: async (path, quality) => writeFileWhole(path, await encode(formatFor(path), quality)) };
}

/** The bytes of a PNG of an image event, with its recipe inside. */
export function pngOf(event: Drawn): Promise<Uint8Array<ArrayBuffer>> {
  return pngWith(toPng, event);
}

/** The bytes of a picture's file with its recipe inside, unless asked for without: texts of a PNG; XMP and EXIF of a JPEG or WebP; XMP of an SVG. */
export async function pictureFile(
  drawn: Drawn & Pick<ImageEvent, 'layers'>,
  format: FileFormat,
  options: { quality?: number } = {},
): Promise<Uint8Array> {
  if (format === 'svg') return new TextEncoder().encode(await svgOf(drawn));
  return format === 'png' ? pngOf(drawn) : encodeImage(drawn.image, format, { ...options, ...recipeMetadata(drawn) });
}

/** Encodes pictures while they are drawn: show it every event, then ask for the file of an image event. */
export interface DrawnFiles {
  see(event: GenerateEvent): void;
  /** As pictureFile; for a PNG that was seen from its first row on, almost nothing is left to do. */
  file(event: ImageEvent, format: FileFormat, options?: { quality?: number }): Promise<Uint8Array>;
}

/** `opaque`: the pictures to come have no transparency. */
export function drawnFiles(opaque: boolean): DrawnFiles {
  const begun = new Map<number, { png: PngStream; rows: number }>();
  return {
    see(event) {
      if (event.type !== 'render' || !event.rows) return;
      const { y, of, image } = event.rows;
      if (y === 0) begun.set(event.index, { png: pngStream({ width: image.width, height: of }, opaque), rows: 0 });
      const one = begun.get(event.index);
      if (!one || one.rows !== y) return;
      one.png.write(image);
      one.rows += image.height;
    },
    async file(event, format, options) {
      const one = begun.get(event.index);
      begun.delete(event.index);
      if (format === 'png' && one?.rows === event.image.height) return withRecipe(await one.png.finish(), event);
      one?.png.close();
      return pictureFile(event, format, options);
    },
  };
}

/** The format of a file to be written, by its ending. Throws InputError for an ending that is none. */
export function formatFor(path: string): FileFormat {
  const format = /\.svg$/i.test(path) ? 'svg' : formatOf(path);
  if (!format) throw new InputError('output.path', `cannot write ${path}: the name must end in .png, .jpg, .jpeg, .webp or .svg`);
  return format;
}

const ownPeak = () => process.resourceUsage().maxRSS * 1024;

async function openHere(options: LoadOptions, signal?: AbortSignal): Promise<NodeBackend> {
  signal?.throwIfAborted();
  const { model, serve: start, train, addPeel, removePeel, release } = await loadEngine(options);
  return { model, start, train, addPeel, removePeel, peak: async () => ownPeak(), close: (idle) => idle.then(release) };
}

async function openElsewhere(options: LoadOptions, signal?: AbortSignal): Promise<NodeBackend> {
  let model: ModelInfo | undefined;
  const added = new Map<string, Uint8Array>();
  const open = async (stop: AbortSignal) => {
    const engine = await openEngine<PipelineHandlers>(ENTRY, { signal: stop });
    try {
      model = await engine.call('load', options, { signal: stop });
      for (const file of added.values()) await engine.call('addPeel', file); // to one that was lost they were lost too
      return engine;
    } catch (error) {
      await engine.close();
      throw error;
    }
  };
  const engine = await supervised(open, { ...(signal && { signal }) });
  const peels = remotePeels(engine);
  return {
    model: model!,
    start: (given, stop) => assembled(engine.stream('draw', given, { ...(stop && { signal: stop }) })),
    ...peels,
    async addPeel(file) {
      const info = await peels.addPeel(file);
      added.set(info.name, file);
      return info;
    },
    removePeel(name) {
      added.delete(name);
      return peels.removePeel(name);
    },
    peak: async () => ownPeak() + (await engine.call('peak', undefined)),
    close: () => engine.close(),
  };
}
