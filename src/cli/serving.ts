// What the commands that draw for others have in common: how much a request may ask for, the log, the flags of
// a fleet, the wait for the end.
import { Option, type Command } from 'commander';
import { narrowed } from '../draw/request.ts';
import type { Log } from '../server/door.ts';
import type { Io } from './io.ts';

/** Pictures of a request from elsewhere: more are more requests. */
const COUNT_MAX = 100;
/** Most bytes of a picture of a request, as pixels: 4096 x 4096. */
const PICTURE_BYTES = 4 * 4096 ** 2;

export const servedLimits = () => narrowed({ count: COUNT_MAX, pictureBytes: PICTURE_BYTES });

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
