// The OpenAPI document of the server (https://spec.openapis.org/oas/v3.1.0), written from the tables that check the requests: what is
// described is what is taken. A test holds its paths to the routes that there are.
import { toJSONSchema } from 'zod/mini';
import { VERSION } from '../draw/recipe.ts';
import { ABOUT, schemaOf, type Options } from '../draw/option.ts';
import type { Limits } from '../draw/request.ts';
import { requestSchema } from '../draw/wire.ts';
import { jobOptions } from './job-routes.ts';
import { MODEL } from './models.ts';
import { openaiOptions } from './openai-request.ts';
import { webuiOptions } from './webui-request.ts';

type Json = Readonly<Record<string, unknown>>;

/** What a route is, in the document. */
interface Operation {
  readonly says: string;
  /** What is sent. */
  readonly json?: Json;
  readonly form?: Json;
  /** Parameters of the path, and what they are. */
  readonly path?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** What comes back, by media type; JSON of any kind when left out. */
  readonly answers?: readonly string[];
  /** What the JSON that comes back holds; anything when left out. */
  readonly returns?: Json;
  readonly status?: number;
}

const schema = (options: Options): Json => {
  const { $schema: _, ...rest } = toJSONSchema(schemaOf(options), { target: 'draft-2020-12', io: 'input', metadata: ABOUT }) as Json;
  return rest;
};

const FILE = { type: 'string', contentMediaType: 'image/*' };
const ANY = { type: 'object' };
const PICTURE_TYPES = ['image/png', 'image/jpeg', 'image/webp'];
const EVENTS = 'text/event-stream';
const ID = { id: 'of the job' };

const object = (properties: Json): Json => ({ type: 'object', properties, required: Object.keys(properties) });
const list = (items: Json): Json => ({ type: 'array', items });
const [TEXT, COUNT] = [{ type: 'string' }, { type: 'integer', minimum: 0 }];
const CARD = object({ id: TEXT, object: { const: 'model' } });
const STATUS = { enum: ['queued', 'drawing', 'done', 'failed', 'cancelled'] };
const PICTURE = object({ seed: COUNT, url: TEXT });
const JOB = object({
  id: TEXT,
  status: STATUS,
  prompt: TEXT,
  count: COUNT,
  seed: COUNT,
  created: TEXT,
  drawn: COUNT,
  pictures: list(PICTURE),
});

/** A form: options, and files beside them. */
const form = (options: Json, files: Json, required: readonly string[]): Json => ({
  ...options,
  properties: { ...(options['properties'] as Json), ...files },
  required,
});

/** Everything that can be asked for, by method and path. */
function operations(limits: Limits, withJobs: boolean): Readonly<Record<string, Operation>> {
  const [pictures, { prompt: _, ...rest }] = [schema(openaiOptions(limits)), schema(openaiOptions(limits))['properties'] as Json];
  const webui = schema(webuiOptions(limits));
  const image = {
    type: 'array',
    items: FILE,
    minItems: 1,
    maxItems: 16,
    description: 'the first is what it starts from, those after it the subjects <1>, <2>',
  };
  const jobs: Readonly<Record<string, Operation>> = {
    'post /api/jobs': {
      says: 'Asks for a job',
      json: schema(jobOptions(limits)),
      headers: { 'Idempotency-Key': 'the same key is the same job' },
      returns: JOB,
      status: 202,
    },
    'get /api/jobs': {
      says: 'All jobs, the newest first',
      query: { status: 'only those that are so' },
      returns: object({ jobs: list(JOB) }),
    },
    'get /api/jobs/{id}': { says: 'How a job stands', path: ID, returns: JOB },
    'delete /api/jobs/{id}': { says: 'Ends a job; its pictures stay', path: ID, returns: JOB },
    'post /api/jobs/{id}/cancel': { says: 'The same', path: ID, returns: JOB },
    'get /api/jobs/{id}/events': { says: 'What becomes of a job, as it does', path: ID, answers: [EVENTS] },
    'get /api/jobs/{id}/pictures/{index}': { says: 'A picture', path: { ...ID, index: 'from 0' }, answers: PICTURE_TYPES },
  };
  return {
    'get /health': { says: 'Whether it lives' },
    'get /ready': { says: 'Whether it takes requests' },
    'get /metrics': { says: 'Counts and times, for Prometheus', answers: ['text/plain'] },
    'get /openapi.json': { says: 'This document' },
    'get /host.json': { says: 'The models, each with the names of its Peels, and what a request may ask for' },
    'post /api/draw': {
      says: 'Draws, and tells what is known while it does: a line of JSON an event',
      json: requestSchema(limits, { model: MODEL }),
      answers: ['application/x-ndjson'],
    },
    'get /files/{name}': { says: 'A picture that was answered by its address', path: { name: 'from the address' }, answers: PICTURE_TYPES },
    'post /mcp': { says: 'Tools for assistants (Model Context Protocol)', json: ANY, answers: ['application/json', EVENTS] },
    'get /v1/models': { says: 'The models', returns: object({ data: list(CARD) }) },
    'get /v1/models/{id}': { says: 'A model', path: { id: 'its name' }, returns: CARD },
    'post /v1/images/generations': { says: 'Draws from words', json: pictures, answers: ['application/json', EVENTS] },
    'post /v1/images/edits': {
      says: 'Draws from pictures',
      form: form(pictures, { image, mask: FILE }, ['prompt', 'image']),
      answers: ['application/json', EVENTS],
    },
    'post /v1/images/variations': {
      says: 'Draws a picture that was drawn here again',
      form: form({ ...pictures, properties: rest }, { image: FILE }, ['image']),
    },
    ...(withJobs ? jobs : {}),
    'post /sdapi/v1/txt2img': { says: 'Draws from words', json: { ...webui, additionalProperties: true } },
    'post /sdapi/v1/img2img': {
      says: 'Draws from a picture',
      json: { ...webui, additionalProperties: true, required: ['prompt', 'init_images'] },
    },
    'get /sdapi/v1/progress': {
      says: 'How the oldest of the drawings gets on',
      query: { skip_current_image: 'true: without the picture' },
    },
    'post /sdapi/v1/interrupt': { says: 'Ends the drawings; they answer with what is there' },
    'get /sdapi/v1/options': { says: 'Which model draws' },
    'post /sdapi/v1/options': { says: 'Which model draws from here on, as sd_model_checkpoint; all else changes nothing', json: ANY },
    'post /sdapi/v1/png-info': {
      says: 'The recipe inside a PNG',
      json: { type: 'object', properties: { image: { type: 'string' } }, required: ['image'] },
    },
    ...Object.fromEntries(
      ['sd-models', 'loras', 'samplers', 'schedulers', 'upscalers', 'prompt-styles'].map((name) => [
        `get /sdapi/v1/${name}`,
        { says: `The ${name} that there are` },
      ]),
    ),
  };
}

/** Of a stream of events nothing is said: 3.1 has no words for it. */
const contentOf = (type: string, body: Json): Json =>
  type === EVENTS ? {} : { schema: type === 'application/json' ? body : { type: 'string' } };
const content = (types: readonly string[], body: Json = {}) => Object.fromEntries(types.map((type) => [type, contentOf(type, body)]));
const refused = {
  description: 'It cannot be; `error` says why',
  content: content(['application/json'], { type: 'object', required: ['error'] }),
};

function parametersOf({ path = {}, query = {}, headers = {} }: Operation): Json[] {
  return Object.entries({ path, query, header: headers }).flatMap(([place, names]) =>
    Object.entries(names).map(([name, description]) => ({
      name,
      in: place,
      description,
      required: place === 'path',
      schema: { type: 'string' },
    })),
  );
}

function operationOf(operation: Operation): Json {
  const { says, json, form, answers = ['application/json'], returns, status = 200 } = operation;
  const type = json ? 'application/json' : 'multipart/form-data';
  return {
    summary: says,
    parameters: parametersOf(operation),
    ...((json ?? form) && { requestBody: { required: true, content: { [type]: { schema: json ?? form } } } }),
    responses: {
      [status]: { description: says, content: content(answers, returns) },
      ...(status === 202 && { 200: { description: 'It was asked for before', content: content(answers, returns) } }),
      default: refused,
    },
  };
}

/** The document. `key`: whether clients need one; `jobs`: whether there are jobs. */
export function openapi(limits: Limits, { key, jobs }: { key: boolean; jobs: boolean }): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const [name, operation] of Object.entries(operations(limits, jobs))) {
    const [method, path] = name.split(' ') as [string, string];
    (paths[path] ??= {})[method] = operationOf(operation);
  }
  return {
    openapi: '3.1.0',
    info: { title: 'banana serve', version: VERSION, description: 'Pictures from words, on this machine and nowhere else.' },
    paths,
    components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
    security: key ? [{ key: [] }] : [],
  };
}
