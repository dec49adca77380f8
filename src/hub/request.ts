// One question to the hub, and what its refusals mean. With src/hub/download.ts, which is given this function, it is all that opens
// a connection on behalf of `banana pull`. Redirects are followed here: the token is shown to the hub's own address only, never to the
// store of files that it sends to.
import { InputError, RuntimeError } from '../util/errors.ts';

export interface Asker {
  readonly endpoint: string;
  readonly token?: string | undefined;
}

export interface Question {
  readonly method?: 'GET' | 'HEAD';
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** What is asked for, in words. */
  readonly what: string;
}

const HOPS = 8;
const AGENT = 'banana-sdk';

/**
 * Asks for a path at the hub. To a HEAD, the hub's own last word is the answer,
 * also where it is a redirect: what it says of a file stands there.
 * Throws RuntimeError `hub.network` when it cannot be reached, InputError or RuntimeError for what it refuses.
 */
export async function ask(asker: Asker, path: string, question: Question): Promise<Response> {
  let url = new URL(asker.endpoint + path);
  const home = url.origin;
  for (let hop = 0; hop <= HOPS; hop++) {
    const isHome = url.origin === home;
    const response = await once(url, { ...question, ...(isHome && { token: asker.token }) });
    const next = response.headers.get('location');
    if (response.status < 300 || response.status >= 400 || !next) return checked(response, asker, question, isHome);
    await response.body?.cancel();
    const target = new URL(next, url);
    if (question.method === 'HEAD' && (target.origin !== home || response.headers.has('x-linked-etag'))) return response;
    if (url.protocol === 'https:' && target.protocol !== 'https:')
      throw new RuntimeError('hub.redirect', `${question.what}: the hub sends to ${target.host} without encryption`);
    url = target;
  }
  throw new RuntimeError('hub.redirect', `${question.what}: more than ${HOPS} redirects`);
}

async function once(
  url: URL,
  { method = 'GET', headers, signal, what, token }: Question & { token?: string | undefined },
): Promise<Response> {
  const sent = { 'user-agent': AGENT, 'accept-encoding': 'identity', ...headers, ...(token && { authorization: `Bearer ${token}` }) };
  try {
    return await fetch(url, { method, headers: sent, redirect: 'manual', ...(signal && { signal }) });
  } catch (cause) {
    if (signal?.aborted) throw signal.reason;
    throw unreachable(url, what, cause);
  }
}

/** A connection that was not made, or broke. */
export function unreachable(url: URL, what: string, cause: unknown): RuntimeError {
  const { code, message } = ((cause as Error).cause ?? cause) as { code?: string; message: string };
  return new RuntimeError(
    'hub.network',
    `${what}: no connection to ${url.host} (${code ?? message}); another address can be set as HF_ENDPOINT`,
    { cause },
  );
}

const gated = ({ token, endpoint }: Asker, what: string) => {
  const who = token ? 'as the owner of this HF_TOKEN' : 'and set HF_TOKEN to a token of yours';
  return new InputError('hub.gated', `${what}: its owner wants its terms agreed to: do so on its page at ${endpoint}, ${who}`);
};

const missing = ({ token, endpoint }: Asker, what: string) => {
  const who = token ? ' to the owner of this HF_TOKEN, if it is valid' : '; a private one needs HF_TOKEN';
  return new InputError('hub.missing', `${what}: ${endpoint} shows no such model${who}`);
};

/** What the hub's own words for a refusal mean. */
const REFUSALS: Readonly<Record<string, (asker: Asker, what: string) => Error>> = {
  GatedRepo: gated,
  RepoNotFound: missing,
  RevisionNotFound: (_, what) => new InputError('hub.revision', `${what}: the model has no such revision`),
  EntryNotFound: (_, what) => new InputError('hub.entry', `${what}: the model has no such file`),
};

const BY_STATUS: Readonly<Record<number, (asker: Asker, what: string) => Error>> = { 401: missing, 403: gated, 404: missing };

/** What another try may get. */
export const isPassing = (error: unknown): boolean => error instanceof RuntimeError && ['hub.network', 'hub.busy'].includes(error.code);

async function checked(response: Response, asker: Asker, { what }: Question, isHome: boolean): Promise<Response> {
  if (response.ok || response.status === 416) return response;
  await response.body?.cancel();
  const refusal = REFUSALS[response.headers.get('x-error-code') ?? ''] ?? BY_STATUS[response.status];
  if (refusal && isHome) throw refusal(asker, what);
  const said = response.headers.get('x-error-message')?.replace(/\p{C}/gu, '?').slice(0, 200);
  const passing = !isHome || response.status === 429 || response.status >= 500; // the address of a stored file is good for some minutes
  throw new RuntimeError(passing ? 'hub.busy' : 'hub.refused', `${what}: the hub answers ${response.status}${said ? ` (${said})` : ''}`);
}
