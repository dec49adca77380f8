// The server's routes and what every request goes through: a number, the guard, the log, the count.
import { randomUUID } from 'node:crypto';
import { Hono, type Context, type MiddlewareHandler } from 'hono';
import { routePath } from 'hono/route';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { BananaError, InputError } from '../util/errors.ts';
import { BODY_LIMITS, openIntake, type BodyLimits, type Intake } from './body.ts';
import type { Door, Log } from './door.ts';
import { drawRoutes } from './draw-routes.ts';
import { guard, type GuardOptions } from './guard.ts';
import { openaiRoutes } from './openai.ts';
import { jobRoutes } from './job-routes.ts';
import type { Jobs } from './jobs.ts';
import { toolsOverHttp } from './mcp.ts';
import { openapi } from './openapi.ts';
import type { Pages } from './pages.ts';
import { keptFiles, MEDIA_TYPES } from './pictures.ts';
import { openaiError, refusalOf, webuiError } from './refusal.ts';
import type { Studio } from './studio.ts';
import { webuiRoutes } from './webui.ts';

export interface AppOptions extends Omit<GuardOptions, 'open'> {
  readonly log: Log;
  /** Folder of the Peels that requests may name. */
  readonly peels: string;
  readonly bodies?: Partial<BodyLimits>;
  readonly jobs?: Jobs | undefined;
  /** A site at the root, such as the studio. */
  readonly pages?: Pages | undefined;
  /** Folders whose names clients are not told. */
  readonly hide: readonly string[];
}

/** Seconds of the histogram of answers. */
const BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
/** Needs no key: probes, and files whose names nobody can guess. */
const open = (path: string) => path === '/health' || path === '/ready' || path.startsWith('/files/');

/** The routes of a server; `jobs` where they have a place on the disk. */
export function bananaApp(studio: Studio, { log, bodies, hide, peels, jobs, pages, ...who }: AppOptions): Hono {
  const intake = openIntake({ ...BODY_LIMITS, ...bodies });
  const kept = keptFiles();
  const door: Door = {
    studio,
    intake,
    peels,
    keep: (c, file) => `${new URL(c.req.url).origin}/files/${kept.add(file)}`,
    refusal: (error) => refusalOf(error, hide),
    log: (c, error) => log[error instanceof BananaError ? 'info' : 'error']({ id: idOf(c), err: error }, 'failed'),
  };
  const document = openapi(studio.models.limits, { key: who.key !== undefined, jobs: jobs !== undefined });
  const app = new Hono();
  app.use(noted(studio, log, intake)).use(guard({ ...who, open: (path) => open(path) || (pages?.has(path) ?? false) }));
  app.onError((error, c) => refuse(c, door, error));
  app.notFound((c) => {
    const methods = methodsAt(app, c.req.path);
    if (methods.length > 0) c.header('Allow', methods.join(', '));
    const code = methods.length > 0 ? 'server.method' : 'server.route';
    return refuse(c, door, new InputError(code, `there is no ${c.req.method} ${c.req.path.slice(0, 200)} here`));
  });
  if (jobs) app.route('/', jobRoutes(door, jobs));
  if (pages) app.use(pages.serve);
  return app
    .get('/health', (c) => c.json({ status: 'ok' }))
    .get('/ready', (c) => (studio.ready() ? c.json({ status: 'ready', waiting: studio.line.waiting }) : c.json({ status: 'closing' }, 503)))
    .get('/metrics', (c) => c.body(studio.metrics.text(), 200, { 'Content-Type': 'text/plain; version=0.0.4' }))
    .get('/openapi.json', (c) => c.json(document))
    .get('/files/:name', (c) => {
      const file = kept.get(c.req.param('name'));
      if (!file) throw new InputError('file.unknown', 'there is no such file: files are kept for an hour');
      return c.body(file.bytes, 200, { 'Content-Type': MEDIA_TYPES[file.format] });
    })
    .post('/mcp', async (c) => toolsOverHttp(door, c.req.raw, await intake.json(c)))
    .on(['GET', 'DELETE'], '/mcp', (c) => c.body(null, 405, { Allow: 'POST' })) // there are no sessions
    .route('/', drawRoutes(door))
    .route('/', openaiRoutes(door))
    .route('/', webuiRoutes(door));
}

const idOf = (c: Context): string => c.res.headers.get('x-request-id') ?? '';

/** The methods that a path has. */
function methodsAt(app: Hono, path: string): string[] {
  const routesFor = (method: string) => app.router.match(method, path)[0].length;
  return ['GET', 'POST', 'DELETE'].filter((method) => routesFor(method) > routesFor('NONE'));
}

/** Numbers, times, counts and logs requests. Prompts and pictures are in no log. */
function noted({ metrics, ready }: Studio, log: Log, intake: Intake): MiddlewareHandler {
  const seconds = metrics.histogram('banana_request_seconds', 'Seconds until an answer is begun.', BUCKETS);
  metrics.gauge('process_resident_memory_bytes', 'Memory of the server, without its engine.', () => process.memoryUsage.rss());
  return async (c, next) => {
    const from = performance.now();
    c.header('x-request-id', randomUUID());
    c.header('X-Content-Type-Options', 'nosniff');
    try {
      await next();
    } finally {
      intake.release(c);
    }
    if (!(await intake.drain(c)) || !ready()) c.header('Connection', 'close');
    const took = (performance.now() - from) / 1000;
    const { status } = c.res;
    seconds.observe(took, { route: routePath(c, -1), status });
    log.info({ id: idOf(c), method: c.req.method, path: c.req.path, status, seconds: Number(took.toFixed(4)) }, 'request');
  };
}

/** Answers with what went wrong, in the form that the face's clients read. */
function refuse(c: Context, door: Door, error: Error): Response {
  const refusal = door.refusal(error);
  if (refusal.status >= 500) door.log(c, error);
  if (refusal.status === 429) c.header('Retry-After', String(door.studio.line.retryAfter()));
  const body = c.req.path.startsWith('/sdapi/') ? webuiError(refusal) : openaiError(refusal);
  return c.json(body, refusal.status as ContentfulStatusCode);
}
