// What a client is told when something cannot be done: a status by the error's code, and its words, the same for every face but for how
// they are wrapped. Of an error that was not foreseen it is told nothing but that there was one.
import { BananaError, InputError } from '../util/errors.ts';

/** Statuses of codes that are not 400 (the caller's mistake) or 500 (ours). */
const STATUS: Readonly<Record<string, number>> = {
  'server.key': 401,
  'server.origin': 403,
  'server.host': 403,
  'server.route': 404,
  'server.method': 405,
  'server.body': 413,
  'server.type': 415,
  'server.full': 429,
  'server.closing': 503,
  'server.timeout': 504,
  'model.unknown': 404,
  'file.unknown': 404,
  'job.unknown': 404,
  'job.unfinished': 409,
  'job.conflict': 409,
  'engine.lost': 503,
  'engine.closed': 503,
  'engine.start': 503,
  'fleet.empty': 503,
  'fleet.redis': 503,
};

/** The status of a client that has gone: nobody reads it, the log does. */
export const CLIENT_GONE = 499;

export interface Refusal {
  readonly status: number;
  /** Our code, such as `size.side`. */
  readonly code: string;
  readonly message: string;
  /** Which option it is about. */
  readonly path?: string;
}

/** Most characters of what a client is told: it may repeat a request. */
const MESSAGE_MAX = 1000;

/** What is told of an error; `hide`: folders that are nobody's business. */
export function refusalOf(error: unknown, hide: readonly string[] = []): Refusal {
  if ((error as Error | undefined)?.name === 'AbortError')
    return { status: CLIENT_GONE, code: 'server.gone', message: 'the request was cancelled' };
  if (!(error instanceof BananaError))
    return { status: 500, code: 'server.unexpected', message: 'something went wrong here: the log of the server tells what' };
  const { code } = error;
  const line = error.message.slice(0, MESSAGE_MAX).replace(/\s*\n\s*/g, ' ');
  const message = hide.reduce((text, folder) => text.replaceAll(folder, 'the library'), line);
  const path = error instanceof InputError ? error.path : undefined;
  return { status: STATUS[code] ?? (error instanceof InputError ? 400 : 500), code, message, ...(path !== undefined && { path }) };
}

/** Words of other servers' clients for ours. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'model.unknown': 'model_not_found',
  'server.key': 'invalid_api_key',
  'server.full': 'rate_limit_exceeded',
};
const TYPES: readonly (readonly [status: number, type: string])[] = [
  [500, 'server_error'],
  [429, 'rate_limit_error'],
  [404, 'invalid_request_error'],
  [403, 'permission_error'],
  [401, 'authentication_error'],
  [400, 'invalid_request_error'],
];

/** The error object of OpenAI's interface. */
export function openaiError({ status, code, message, path = null }: Omit<Refusal, 'path'> & { path?: string | null }): object {
  const [, type] = TYPES.find(([from]) => status >= from)!;
  return { error: { message, type, param: path, code: ELSEWHERE[code] ?? code } };
}

/** The error object of AUTOMATIC1111's interface. */
export const webuiError = ({ code, message }: Refusal): object => ({ error: code, detail: message, body: '', errors: message });
