// What the commands that draw for others have in common: how much a request may ask for, the models, the log, the flags of a fleet, the
// wait for the end.
import { InvalidArgumentError, Option, type Command } from 'commander';
import { narrowed, type Limits } from '../draw/request.ts';
import { DEFAULT_MODEL, modelPath } from '../node/models.ts';
import { LOADING } from '../node/options.ts';
import type { Log } from '../server/door.ts';
import type { Shelf } from '../server/shelf.ts';
import { withFlags } from './flags.ts';
import type { Io } from './io.ts';
import { repeated, whole } from './options.ts';
import { openEngine, type EngineFlags } from './shared.ts';

/** Pictures of a request from elsewhere: more are more requests. */
const COUNT_MAX = 100;
/** Most bytes of a picture of a request, as pixels: 4096 x 4096. */
const PICTURE_BYTES = 4 * 4096 ** 2;

export const servedLimits = () => narrowed({ count: COUNT_MAX, pictureBytes: PICTURE_BYTES });

/** Which models, and what computes them. */
export interface ModelsFlags extends Omit<EngineFlags, 'model'> {
  readonly model?: readonly string[] | undefined;
  readonly pulled?: boolean | undefined;
  readonly keep?: number | undefined;
}

/** A whole number from 1. */
function atLeastOne(text: string): number {
  const n = whole(text);
  if (n < 1) throw new InvalidArgumentError('Expected at least 1.');
  return n;
}

export const withModels = (command: Command): Command =>
  withFlags(
    command
      .option('--preset <name>', `model by name; default ${DEFAULT_MODEL}`)
      .addOption(
        new Option('--model <file>', 'model by file, or one that was pulled by org/name; repeated: requests name one by `model`')
          .argParser(repeated)
          .conflicts('preset'),
      )
      .option('--pulled', 'also every model that was pulled and can be drawn with')
      .option('--keep <n>', 'models that are open at a time, others are opened when they are asked for; default 1', atLeastOne),
    LOADING,
  );

const named = ({ preset, model = [preset ?? DEFAULT_MODEL] }: ModelsFlags): readonly string[] => model;

/** Throws InputError for a model that is not there. */
export const checkModels = (flags: ModelsFlags): void => named(flags).forEach((model) => modelPath(model));

/** Opens what the flags ask for: one engine, or a shelf of which `keep` are open at a time. Requests that name none are for the first. */
export async function openModels(flags: ModelsFlags, signal: AbortSignal, limits: Partial<Limits> = {}): Promise<Shelf> {
  const { preset: _, pulled = false, model: __, keep, ...engine } = flags;
  let starting: AbortSignal | undefined = signal; // later, who waits for a model is drawn for, as all that was begun
  const open = (model: string) => openEngine({ ...engine, model }, starting, limits);
  const models = named(flags);
  if (models.length === 1 && !pulled) {
    const banana = await open(models[0]!);
    return { bananas: [banana], close: () => banana.close() };
  }
  const [{ openShelf }, { describeModel }] = await Promise.all([import('../server/shelf.ts'), import('../node/load.ts')]);
  const all = [...new Set([...models, ...(pulled ? await pulledModels() : [])])];
  const described = await Promise.all(
    all.map((one) =>
      describeModel(one).catch((error: unknown) => {
        if (models.includes(one)) throw error;
        return undefined; // somebody else's, or of a kind that is not known here
      }),
    ),
  );
  const openable = all.flatMap((one, i) => (described[i] ? [{ model: described[i], open: () => open(one) }] : []));
  const shelf = await openShelf(openable, keep);
  starting = undefined;
  return shelf;
}

/** Models in the hub's cache, of whatever kind. */
async function pulledModels(): Promise<string[]> {
  const { listCached } = await import('../hub/cache.ts');
  return listCached().flatMap(({ id, snapshot }) => (snapshot ? [id] : []));
}

export const withLog = (command: Command): Command =>
  command.option('--log <level>', 'what is logged on standard error: debug, info, warn, error or silent', 'info');

/** One line of JSON for each thing that happens, on standard error. */
export async function openLog(level: string, io: Io): Promise<Log> {
  const { fromServer } = await import('../server/peer.ts');
  const { pino } = await fromServer(import('pino'));
  const log: Log = pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, { write: io.err });
  return log;
}

export interface FleetFlags {
  readonly redis?: string | undefined;
  readonly fleet?: string | undefined;
  readonly results?: string | undefined;
}

/** Which fleet, and where its pictures are. `excluded`: flags that make no sense beside them. */
export const withFleet = (command: Command, excluded: readonly string[] = []): Command =>
  command
    .addOption(
      new Option('--redis <url>', 'the Redis of a fleet, such as redis://127.0.0.1:6379; default that of BANANA_REDIS').conflicts([
        ...excluded,
      ]),
    )
    .option('--fleet <name>', 'which fleet of this Redis; default banana')
    .option(
      '--results <place>',
      'where a fleet keeps pictures: a folder or s3://BUCKET/PREFIX; default BANANA_RESULTS, or .banana/results',
    );

/** The address of a fleet's Redis, where there is one. */
export const redisOf = ({ redis }: FleetFlags): string | undefined => redis ?? (process.env['BANANA_REDIS'] || undefined);

/** Settles when the signal is aborted. */
export const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true })));
