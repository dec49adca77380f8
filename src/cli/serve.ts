// `banana serve`: the engine behind HTTP, for the programs of this machine, or with a key for others. What it is told and answers is in
// server/; here are the flags, the log and the end: the first signal finishes what is there, a second one ends at once.
import { Command } from 'commander';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { packagePath } from '../disk/package.ts';
import type { ServeOptions } from '../server/listen.ts';
import type { Source } from '../server/models.ts';
import type { Io } from './io.ts';
import { repeated, whole } from './options.ts';
import {
  aborted,
  checkModels,
  openLog,
  openModels,
  redisOf,
  servedLimits,
  withFleet,
  withLog,
  withModels,
  type FleetFlags,
  type ModelsFlags,
} from './serving.ts';
import { stoppable } from './shared.ts';

/** Of what draws. */
interface DrawingFlags extends ModelsFlags, FleetFlags {
  jobs?: string;
}

interface Flags extends DrawingFlags {
  host?: string;
  port?: number;
  key?: string;
  allowHost?: string[];
  origin?: string[];
  queue?: number;
  pages?: string;
  json?: boolean;
  log: string;
}

const HELP = `
Stock clients work with another base URL and nothing else:
  OPENAI_BASE_URL=http://127.0.0.1:7860/v1 OPENAI_API_KEY=any   clients of OpenAI's pictures
  http://127.0.0.1:7860                                         clients of AUTOMATIC1111's --api
docs/server.md has a line to copy for each.
`;

/** Requests that a server has in a fleet's queue at a time; more wait here. */
const AT_ONCE = 16;

export function serveCommand(io: Io): Command {
  const command = new Command('serve')
    .description('draw for other programs, over HTTP')
    .option('--host <address>', "address to listen at; default 127.0.0.1; another than this machine's own needs a key")
    .option('--port <n>', 'port; default 7860 or the next that is free', whole)
    .option('--key <key>', 'what clients must send as their key; default that of the environment variable BANANA_KEY, else none')
    .option('--allow-host <name>', 'a name by which this server may be called; may be repeated', repeated)
    .option('--origin <origin>', 'an origin whose pages may ask, such as https://app.example; may be repeated', repeated)
    .option('--jobs <folder>', 'where jobs are kept; default that of the environment variable BANANA_JOBS, else .banana/jobs in your own')
    .option('--pages <folder>', 'a site to serve at /; default the studio, where npm run build:studio has built it')
    .option('--queue <n>', 'requests that may wait; default 64', whole);
  return withModels(withFleet(withLog(command), ['jobs', 'model', 'preset', 'pulled', 'keep']))
    .option('--json', 'print { "url": ... } as the first line on standard output')
    .addHelpText('after', HELP)
    .action((flags: Flags) => serve(flags, io));
}

async function serve(
  { host, port, key, allowHost, origin, queue, pages = studioFolder(), json = false, log: level, ...drawing }: Flags,
  io: Io,
): Promise<void> {
  if (redisOf(drawing) === undefined) checkModels(drawing);
  const [{ serve: listen }, log] = await Promise.all([import('../server/listen.ts'), openLog(level, io)]);
  const who = { host, port, key: key ?? (process.env['BANANA_KEY'] || undefined), hosts: allowHost, origins: origin };
  await stoppable(io, async (signal) => {
    const { bananas, jobs, atOnce, close: end } = await opened(drawing, signal);
    try {
      const { url, close } = await listen(bananas, {
        ...who,
        limits: servedLimits(),
        log,
        jobs,
        room: queue,
        atOnce,
        ...(pages && { pages }),
      });
      const models = bananas.map(({ model }) => model.name);
      io.out(json ? `${JSON.stringify({ url, models })}\n` : `banana serves ${models.join(', ')} at ${url}; Ctrl-C stops it\n`);
      await aborted(signal);
      log.info({}, 'stopping: what was begun is finished; a second signal ends at once');
      await close();
    } finally {
      await end();
    }
  });
}

/** Where the studio is built; undefined where it is not. */
function studioFolder(): string | undefined {
  const folder = packagePath('apps', 'studio', 'dist');
  return existsSync(join(folder, 'index.html')) ? folder : undefined;
}

interface Opened extends Pick<ServeOptions, 'jobs' | 'atOnce'> {
  readonly bananas: readonly Source[];
  close(): Promise<void>;
}

/** What draws: engines of its own, or a fleet. */
async function opened({ jobs, redis, fleet: name, results, ...engine }: DrawingFlags, signal: AbortSignal): Promise<Opened> {
  const url = redisOf({ redis });
  if (url === undefined) {
    const { jobFolder } = await import('../server/job-store.ts');
    return { ...(await openModels(engine, signal, servedLimits())), jobs: jobFolder(jobs) };
  }
  const [{ openFleet }, { resultsPlace }] = await Promise.all([import('../fleet/fleet.ts'), import('../fleet/results.ts')]);
  const options = { redis: url, results: resultsPlace(results), signal, ...(name !== undefined && { name }) };
  const { banana, ...fleet } = await openFleet(options);
  return { ...fleet, bananas: [banana], atOnce: AT_ONCE };
}
