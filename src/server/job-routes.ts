// The server's own interface: jobs that are asked for, looked at, watched, ended and fetched. A job's request is our own (draw/request.ts)
// as JSON, with the kind of file beside it. `Idempotency-Key` makes asking twice the same as asking once.
import { Hono } from 'hono';
import { streamSSE, type SSEStreamingApi } from 'hono/streaming';
import { choice, whole, wired, type Options } from '../draw/option.ts';
import { checkOptions } from '../draw/check.ts';
import { checked } from '../draw/refusal.ts';
import { ELSEWHERE, optionsOf, type Limits } from '../draw/request.ts';
import type { ImageFormat } from '../disk/codec.ts';
import { filesIn, type WireRequest } from '../draw/wire.ts';
import { InputError } from '../util/errors.ts';
import type { Door } from './door.ts';
import type { Job, JobRequest, Jobs } from './jobs.ts';
import { MODEL, namedIn, type Models } from './models.ts';
import { bytesOf, MEDIA_TYPES } from './pictures.ts';

const KEY_MAX = 255;

/** The options of a job within limits. */
export const jobOptions = (limits: Limits): Options => {
  const { preview: _, ...options } = wired(optionsOf(limits));
  const format = { ...choice('format', ['png', 'jpeg', 'webp']), about: 'kind of file', default: 'png', code: 'options.job' };
  return { ...options, model: MODEL, format, quality: { ...whole(1, 100), about: 'of JPEG and WebP', default: 90, code: 'options.job' } };
};

interface Asked extends WireRequest {
  readonly format?: ImageFormat;
  readonly quality?: number;
  readonly model?: string;
}

/** Reads a job's request. Throws InputError with the option's path. */
function readJob(body: unknown, models: Models): Omit<JobRequest, 'key'> {
  const { limits } = namedIn(models, body);
  const found = checked(jobOptions(limits), body, { name: 'the job', example: '{ "prompt": "a fox" }' }, ELSEWHERE) as unknown as Asked;
  const { model, format = 'png', quality, ...asked } = found;
  const request = { ...asked, prompt: asked.prompt };
  const files = filesIn(request);
  for (const [path, text] of files) bytesOf(text, path);
  if (files.length === 0) checkOptions(request, limits);
  return { request, model, format, quality };
}

/** A job as its client is told, with the addresses of its pictures. */
const answerOf = (job: Job) => ({
  ...job,
  pictures: Array.from({ length: job.count }, (_, i) => ({ seed: job.seed + i, url: `/api/jobs/${job.id}/pictures/${i}` })).slice(
    0,
    job.drawn,
  ),
});

export function jobRoutes({ studio, intake }: Door, jobs: Jobs): Hono {
  return new Hono()
    .basePath('/api/jobs')
    .post('/', async (c) => {
      const key = c.req.header('idempotency-key');
      if (key !== undefined && (key === '' || key.length > KEY_MAX))
        throw new InputError('job.key', `an Idempotency-Key of ${key.length} characters: expected 1 to ${KEY_MAX}`);
      const { job, before } = await jobs.submit({ ...readJob(await intake.json(c), studio.models), key });
      c.header('Location', `/api/jobs/${job.id}`);
      return c.json(answerOf(job), before ? 200 : 202);
    })
    .get('/', async (c) => {
      const status = c.req.query('status');
      const all = await jobs.list();
      return c.json({ jobs: all.filter((job) => status === undefined || job.status === status).map(answerOf) });
    })
    .get('/:id', async (c) => c.json(answerOf(await jobs.get(c.req.param('id')))))
    .delete('/:id', async (c) => c.json(answerOf(await jobs.cancel(c.req.param('id')))))
    .post('/:id/cancel', async (c) => c.json(answerOf(await jobs.cancel(c.req.param('id')))))
    .get('/:id/events', async (c) => {
      const { id } = await jobs.get(c.req.param('id'));
      const events = jobs.watch(id, c.req.raw.signal);
      const send = async (stream: SSEStreamingApi) => {
        for await (const job of events) await stream.writeSSE({ event: job.status, data: JSON.stringify(answerOf(job)) });
      };
      return streamSSE(c, (stream) => send(stream).catch(() => {})); // who is cut off asks again, and is told how it stands
    })
    .get('/:id/pictures/:index{[0-9]+}', async (c) => {
      const { bytes, format } = await jobs.picture(c.req.param('id'), Number(c.req.param('index')));
      return c.body(bytes, 200, { 'Content-Type': MEDIA_TYPES[format] });
    });
}
