// `banana serve`: the engine behind HTTP, for the programs of this machine, or with a key for others. What it is told and answers is in
// server/; here are the flags, the log and the end: the first signal finishes what is there, a second one ends at once.
import { Command } from 'commander';
import { narrowed } from '../draw/request.ts';
import { modelPath } from '../node/models.ts';
import { whole } from './options.ts';
import type { Io } from './io.ts';
import { openEngine, stoppable, withEngine, type EngineFlags } from './shared.ts';

interface Flags extends EngineFlags {
  host?: string;
  port?: number;
  key?: string;
  allowHost?: string[];
  origin?: string[];
  jobs?: string;
  queue?: number;
  json?: boolean;
  log: string;
}

const HELP = `
Stock clients work with another base URL and nothing else:
  OPENAI_BASE_URL=http://127.0.0.1:7860/v1 OPENAI_API_KEY=any   clients of OpenAI's pictures
  http://127.0.0.1:7860                                         clients of AUTOMATIC1111's --api
docs/server.md has a line to copy for each.
`;

/** Pictures of a request from elsewhere: more are more requests. */
const COUNT_MAX = 100;
/** Most bytes of a picture of a request, as pixels: 4096 x 4096. */
const PICTURE_BYTES = 4 * 4096 ** 2;

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
    .option('--queue <n>', 'requests that may wait; default 64', whole)
    .option('--log <level>', 'what is logged on standard error: debug, info, warn, error or silent', 'info');
  return withEngine(command)
    .option('--json', 'print { "url": ... } as the first line on standard output')
    .addHelpText('after', HELP)
    .action((flags: Flags) => serve(flags, io));
}

async function serve(
  { host, port, key, allowHost, origin, jobs, queue, json = false, log: level, ...engine }: Flags,
  io: Io,
): Promise<void> {
  modelPath(engine.model ?? engine.preset);
  const [{ serve: listen }, { jobFolder }, { fromServer }] = await Promise.all([
    import('../server/listen.ts'),
    import('../server/job-store.ts'),
    import('../server/peer.ts'),
  ]);
  const { pino } = await fromServer(import('pino'));
  const limits = narrowed({ count: COUNT_MAX, pictureBytes: PICTURE_BYTES });
  const log = pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, { write: io.err });
  const who = { host, port, key: key ?? (process.env['BANANA_KEY'] || undefined), hosts: allowHost, origins: origin };
  await stoppable(io, async (signal) => {
    const banana = await openEngine(engine, signal, limits);
    try {
      const { url, close } = await listen(banana, { ...who, limits, log, jobs: jobFolder(jobs), room: queue });
      const { name } = banana.model;
      io.out(json ? `${JSON.stringify({ url, model: name })}\n` : `banana serves ${name} at ${url}; Ctrl-C stops it\n`);
      await aborted(signal);
      log.info('stopping: what was begun is finished; a second signal ends at once');
      await close();
    } finally {
      await banana.close();
    }
  });
}

const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true })));
