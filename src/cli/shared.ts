// What commands have in common: the options that say what to draw, those that say with which model and where, the engine that
// follows from the latter, and what stops it.
import { Option, type Command } from 'commander';
import { openBanana, type NodeBanana } from '../node/index.ts';
import { DEFAULT_MODEL } from '../node/models.ts';
import { LOADING, type LoadOptions } from '../node/options.ts';
import { LIMITS, optionsOf, type GenerateOptions, type Limits } from '../draw/request.ts';
import { readPicture } from '../disk/pictures.ts';
import { readObjects } from '../node/objects.ts';
import { Stopped, type Io } from './io.ts';
import { withFlags } from './flags.ts';
import type { SubjectFile } from './options.ts';

/** Files of a picture to start from, of a mask, and of subjects. */
export interface PictureFlags {
  readonly image?: string | undefined;
  readonly mask?: string | undefined;
  readonly subject?: SubjectFile[] | undefined;
  /** JSON, or the path of its file. */
  readonly objects?: string | undefined;
}

const REQUEST = optionsOf(LIMITS);

/** The flags of a request, but for those that the command has no use for. */
export function withRequest(command: Command, not: readonly (keyof typeof REQUEST)[] = []): Command {
  const names = Object.keys(REQUEST) as (keyof typeof REQUEST)[];
  return withFlags(
    command,
    REQUEST,
    names.filter((name) => !not.includes(name)),
  );
}

/** Pictures that a request is made with. */
type Pictures = Pick<GenerateOptions, 'image' | 'mask' | 'references' | 'objects'>;

/** The pictures in files, by option. Throws InputError naming the file that is none. */
export async function pictures({ image, mask, subject, objects }: PictureFlags): Promise<Pictures> {
  return {
    ...(image !== undefined && { image: await readPicture(image) }),
    ...(mask !== undefined && { mask: await readPicture(mask) }),
    ...(objects !== undefined && { objects: await readObjects(objects) }),
    ...(subject && { references: await Promise.all(subject.map(async ({ slot, path }) => ({ slot, image: await readPicture(path) }))) }),
  };
}

export interface EngineFlags extends Omit<LoadOptions, 'peels'> {
  readonly preset?: string | undefined;
}

/** Which model. */
export const withModel = (command: Command): Command =>
  command
    .option('--preset <name>', `model by name; default ${DEFAULT_MODEL}`)
    .addOption(new Option('--model <file>', 'model by file, or one that was pulled by org/name').conflicts('preset'));

/** Which model, and what computes it. */
export const withEngine = (command: Command): Command => withFlags(withModel(command), LOADING);

/** The engine that the flags ask for. */
export function openEngine(
  { preset, model = preset, ...loading }: EngineFlags,
  signal: AbortSignal | undefined,
  limits: Partial<Limits> = {},
): Promise<NodeBanana> {
  return openBanana({ ...loading, model, limits, signal });
}

const ENDINGS = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * Does work that Ctrl-C, SIGTERM and a lost standard output stop: they abort the signal, a second one ends the process at once. What was
 * stopped throws a Stopped with the exit code for it.
 */
export async function stoppable<T>(io: Io, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const interrupt = (name: keyof typeof ENDINGS) =>
    stop.signal.aborted ? process.exit(ENDINGS[name]) : stop.abort(new Stopped(ENDINGS[name]));
  const lost = () => stop.abort(io.broken!.reason);
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  io.broken?.addEventListener('abort', lost);
  if (io.broken?.aborted) lost();
  try {
    return await work(stop.signal);
  } catch (error) {
    throw stop.signal.aborted && (error as Error).name === 'AbortError' ? stop.signal.reason : error;
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
    io.broken?.removeEventListener('abort', lost);
  }
}
