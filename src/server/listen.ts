// The server as a program uses it: an opened banana behind HTTP, at this machine's own address unless a key is set.
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { LIMITS, type Limits } from '../draw/request.ts';
import { peelFolder, shippedPeels } from '../node/library.ts';
import { InputError, RuntimeError } from '../util/errors.ts';
import type { BodyLimits } from './body.ts';
import type { Log } from './door.ts';
import { isLoopback } from './guard.ts';
import { openJobStore } from './job-store.ts';
import { openJobs, type Jobs } from './jobs.ts';
import type { Source } from './models.ts';
import { fromServer } from './peer.ts';
import { refusalOf } from './refusal.ts';
import { openStudio } from './studio.ts';

export interface ServeOptions {
  /** Address to listen at; default 127.0.0.1. Another one than this machine's own needs a key. */
  host?: string;
  /** Port; 0 for any that is free. Default: 7860, or the next one that is free. */
  port?: number;
  /** What clients must send as their key; default: none is needed. */
  key?: string;
  /** Names by which this server may be called, beside those of this machine. */
  hosts?: readonly string[];
  /** Origins of pages that may ask, such as `https://app.example`. */
  origins?: readonly string[];
  /** Requests that may wait; more are told to come again. Default 64. */
  room?: number;
  /** Seconds after which a request is given up. Default 600. */
  timeout?: number;
  /** Milliseconds that a client may take to send its request, or take nothing of its answer. Default 60,000. */
  patience?: number;
  /** How much a request may ask for: those of the banana, or narrower. */
  limits?: Limits;
  bodies?: Partial<BodyLimits>;
  /** Folder of the Peels that requests may name; default as of openBanana. */
  peels?: string;
  /** Folder in which jobs are kept, or jobs that are kept elsewhere (fleet/); default: there are no jobs. */
  jobs?: string | Jobs;
  /** Requests that are drawn at a time; default as many as keep one engine busy. */
  atOnce?: number | undefined;
  /** Folder of a site that is served at the root, such as the built studio; default: none. */
  pages?: string;
  /** Where the log goes, such as a logger of pino; default: nowhere. */
  log?: Log;
}

export interface BananaServer {
  /** Where it is, such as `http://127.0.0.1:7860`. */
  readonly url: string;
  /** Takes nothing new, finishes what is there, gives up what is left after so many seconds (30). What it draws with stays open. */
  close(options?: { patience?: number }): Promise<void>;
}

const SILENT: Log = { info() {}, error() {} };

export const PORT = 7860;
const PORTS = 20;
const PATIENCE = 30;
/**
 * Milliseconds that a connection is kept which nobody uses, and seconds that its client is told. A client that asks in the moment in which
 * the server gives its connection up gets none but a reset: so clients that heed what they are told leave long before, and those that do not
 * (the pools of Go and Rust: 90 s) before as well.
 */
const KEPT = 120_000;
const KEPT_TOLD = 5;

/**
 * Serves a banana, or several of which a request names one by its model. Throws InputError `server.open` for a foreign address without a key,
 * `model.twice` for two of one name, RuntimeError `server.port`.
 */
export async function serve(given: Source | readonly Source[], options: ServeOptions = {}): Promise<BananaServer> {
  const { host = '127.0.0.1', port, key, hosts = [], origins = [], bodies = {}, limits = LIMITS, log = SILENT } = options;
  if (!isLoopback(host) && key === undefined)
    throw new InputError(
      'server.open',
      `at ${host} others than this machine could draw: set a key that they must have, or leave the host out`,
    );
  const { room = 64, atOnce, timeout = 600, patience = 60_000 } = options;
  const [{ bananaApp }, { pagesOf }, { createAdaptorServer }] = await fromServer(
    Promise.all([import('./app.ts'), import('./pages.ts'), import('@hono/node-server')]),
  );
  const pages = options.pages === undefined ? undefined : pagesOf(options.pages);
  const studio = openStudio('generate' in given ? [given] : given, { limits, room, atOnce, timeout });
  const peels = peelFolder(options.peels);
  const hide = [peels, shippedPeels(), ...(typeof options.jobs === 'string' ? [options.jobs] : [])];
  const jobs = typeof options.jobs === 'string' ? openJobs(studio, await openJobStore(options.jobs), failedJob(log, hide)) : options.jobs;
  const end = async (seconds: number) => {
    await studio.close(seconds);
    await jobs?.close();
  };
  const app = bananaApp(studio, { log, peels, hide, key, origins, hosts: isLoopback(host) ? hosts : 'any', bodies, jobs, pages });
  const serverOptions = {
    requestTimeout: patience,
    keepAliveTimeout: KEPT,
    headersTimeout: Math.min(patience, 20_000),
    connectionsCheckingInterval: Math.min(patience, 5000),
  };
  const server = createAdaptorServer({ fetch: app.fetch, serverOptions }) as Server;
  server.on('request', (_, answer: ServerResponse) => {
    answer.setHeader('Keep-Alive', `timeout=${KEPT_TOLD}`);
    giveUpOnStalled(answer, patience);
  });
  try {
    await listen(server, host, port === undefined ? Array.from({ length: PORTS }, (_, i) => PORT + i) : [port]);
  } catch (error) {
    await end(0);
    throw error;
  }
  const { address, port: found } = server.address() as AddressInfo;
  return {
    url: `http://${address.includes(':') ? `[${address}]` : address}:${found}`,
    async close({ patience = PATIENCE } = {}) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await end(patience);
      server.closeIdleConnections();
      const timer = setTimeout(() => server.closeAllConnections(), 1000); // who does not read its answer
      await closed;
      clearTimeout(timer);
    },
  };
}

/** What is told of a job that failed; what was not foreseen is told the log. */
const failedJob = (log: Log, hide: readonly string[]) => (error: unknown) => {
  const refusal = refusalOf(error, hide);
  if (refusal.status >= 500) log.error({ err: error }, 'job failed');
  return refusal;
};

/** Ends the connection of a client that takes none of its answer for so many milliseconds; while nothing is to be sent it may wait. */
const giveUpOnStalled = (answer: ServerResponse, patience: number) =>
  answer.setTimeout(patience, () => void (answer.socket?.writableLength && answer.destroy()));

/** Listens at the first port of some that is free. */
async function listen(server: Server, host: string, ports: readonly number[]): Promise<void> {
  for (const port of ports) {
    const error = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
      server.once('error', resolve).listen(port, host, () => resolve(undefined));
    });
    server.removeAllListeners('error');
    if (!error) return;
    if (error.code !== 'EADDRINUSE')
      throw new RuntimeError('server.port', `cannot listen at ${host}:${port}: ${error.message}`, { cause: error });
  }
  throw new RuntimeError('server.port', `no port from ${ports[0]} to ${ports.at(-1)} is free at ${host}: choose one with --port`);
}
