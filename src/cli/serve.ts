// `banana serve`: the engine behind HTTP, for the programs of this machine, or with a key for others. What it is told and answers is in
// server/; here are the flags, the log and the end: the first signal finishes what is there, a second one ends at once.
import { Command } from 'commander';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { packagePath } from '../disk/package.ts';
import { modelPath } from '../node/models.ts';
import { whole } from './options.ts';
import type { Banana } from '../sdk/banana.ts';
import type { ServeOptions } from '../server/listen.ts';
import type { Io } from './io.ts';
import { aborted, openLog, redisOf, servedLimits, withFleet, withLog, type FleetFlags } from './serving.ts';
import { openEngine, stoppable, withEngine, type EngineFlags } from './shared.ts';

/** Of what draws. */
interface DrawingFlags extends EngineFlags, FleetFlags {
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

const several = (text: string, before: string[] = []): string[] => [...before, text];

export function serveCommand(io: Io): Command {
  const command = new Command('serve')
    .description('draw for other programs, over HTTP')
    .option('--host <address>', "address to listen at; default 127.0.0.1; another than this machine's own needs a key")
    .option('--port <n>', 'port; default 7860 or the next that is free', whole)
    .option('--key <key>', 'what clients must send as their key; default that of the environment variable BANANA_KEY, else none')
    .option('--allow-host <name>', 'a name by which this server may be called; may be repeated', several)
    .option('--origin <origin>', 'an origin whose pages may ask, such as https://app.example; may be repeated', several)
    .option('--jobs <folder>', 'where jobs are kept; default that of the environment variable BANANA_JOBS, else .banana/jobs in your own')
    .option('--pages <folder>', 'a site to serve at /; default the studio, where npm run build:studio has built it')
    .option('--queue <n>', 'requests that may wait; default 64', whole);
  return withEngine(withFleet(withLog(command), ['jobs', 'model', 'preset']))
    .option('--json', 'print { "url": ... } as the first line on standard output')
    .addHelpText('after', HELP)
    .action((flags: Flags) => serve(flags, io));
}

async function serve(
  { host, port, key, allowHost, origin, queue, pages = studioFolder(), json = false, log: level, ...drawing }: Flags,
  io: Io,
): Promise<void> {
  if (redisOf(drawing) === undefined) modelPath(drawing.model ?? drawing.preset);
  const [{ serve: listen }, log] = await Promise.all([import('../server/listen.ts'), openLog(level, io)]);
  const who = { host, port, key: key ?? (process.env['BANANA_KEY'] || undefined), hosts: allowHost, origins: origin };
  await stoppable(io, async (signal) => {
    const { banana, jobs, atOnce, close: end } = await opened(drawing, signal);
    try {
      const { url, close } = await listen(banana, {
        ...who,
        limits: servedLimits(),
        log,
        jobs,
        room: queue,
        atOnce,
        ...(pages && { pages }),
      });
      const { name } = banana.model;
      io.out(json ? `${JSON.stringify({ url, model: name })}\n` : `banana serves ${name} at ${url}; Ctrl-C stops it\n`);
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
  readonly banana: Pick<Banana, 'model' | 'generate'>;
  close(): Promise<void>;
}

/** What draws: an engine of its own, or a fleet. */
async function opened({ jobs, redis, fleet: name, results, ...engine }: DrawingFlags, signal: AbortSignal): Promise<Opened> {
  const url = redisOf({ redis });
  if (url === undefined) {
    const { jobFolder } = await import('../server/job-store.ts');
    const banana = await openEngine(engine, signal, servedLimits());
    return { banana, jobs: jobFolder(jobs), close: () => banana.close() };
  }
  const [{ openFleet }, { resultsPlace }] = await Promise.all([import('../fleet/fleet.ts'), import('../fleet/results.ts')]);
  const options = { redis: url, results: resultsPlace(results), signal, ...(name !== undefined && { name }) };
  return { ...(await openFleet(options)), atOnce: AT_ONCE };
}
