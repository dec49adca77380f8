// Who may ask. Without a key only this machine's programs, and of its browsers only pages of this server: a page of another origin says so
// in Origin, and one whose name was pointed at this machine (DNS rebinding) in Host. With a key, who has the key.
// https://fetch.spec.whatwg.org/#origin-header  https://www.w3.org/TR/fetch-metadata/
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Context, MiddlewareHandler } from 'hono';
import { InputError } from '../util/errors.ts';

export interface GuardOptions {
  readonly key?: string | undefined;
  /** Names by which this server may be called, beside those of this machine; 'any' where a key is needed and names are not known. */
  readonly hosts: 'any' | readonly string[];
  /** Origins of pages that may ask, beside this server's own, such as `https://app.example`. */
  readonly origins: readonly string[];
  /** Paths for which no key is needed. */
  readonly open: (path: string) => boolean;
}

const refuse = (code: 'host' | 'origin' | 'key', message: string) => new InputError(`server.${code}`, message);

/** Whether a host name is this machine's own. */
export const isLoopback = (host: string): boolean => /^(localhost|.*\.localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host);

/** The name in a Host header, without port. */
const nameIn = (host: string): string => (URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : '');

/** Refuses who may not ask, and answers pages of allowed origins as browsers want it. */
export function guard({ key, hosts, origins, open }: GuardOptions): MiddlewareHandler {
  const known = (name: string) => hosts === 'any' || isLoopback(name) || hosts.includes(name);
  return async (c, next) => {
    const host = c.req.header('host') ?? '';
    if (!known(nameIn(host))) throw refuse('host', `this server is not called "${host.slice(0, 80)}": --allow-host adds a name`);
    const origin = checkOrigin(c, host, origins);
    if (origin !== undefined) admit(c, origin);
    if (c.req.method === 'OPTIONS' && origin !== undefined) return c.body(null, 204);
    if (key !== undefined && !open(c.req.path)) checkKey(c, key);
    await next();
  };
}

/** The foreign origin that may ask; undefined for none. Throws for one that may not. */
function checkOrigin(c: Context, host: string, origins: readonly string[]): string | undefined {
  const origin = c.req.header('origin');
  if (origin === undefined) {
    const foreign = c.req.header('sec-fetch-site') === 'cross-site' && c.req.header('sec-fetch-mode') !== 'navigate';
    if (foreign) throw refuse('origin', 'a page of another origin may not ask this server');
    return undefined;
  }
  if (origin === `http://${host}` || origin === `https://${host}`) return undefined;
  if (!origins.includes(origin)) throw refuse('origin', `pages of ${origin.slice(0, 80)} may not ask this server: --origin adds an origin`);
  return origin;
}

function admit(c: Context, origin: string): void {
  c.header('Access-Control-Allow-Origin', origin);
  c.header('Vary', 'Origin');
  c.header('Access-Control-Allow-Methods', 'GET, POST, DELETE');
  c.header('Access-Control-Allow-Headers', c.req.header('access-control-request-headers') ?? '*');
  c.header('Access-Control-Expose-Headers', 'x-request-id, retry-after');
}

const digest = (text: string) => createHash('sha256').update(text).digest();

/** The key comes as a bearer's, or as the password of anybody. */
function checkKey(c: Context, key: string): void {
  const [scheme = '', given = ''] = (c.req.header('authorization') ?? '').split(/ +(.*)/s);
  const said =
    scheme.toLowerCase() === 'basic'
      ? Buffer.from(given, 'base64')
          .toString()
          .replace(/^[^:]*:/, '')
      : given;
  if (timingSafeEqual(digest(said), digest(key)) && /^(bearer|basic)$/i.test(scheme)) return;
  c.header('WWW-Authenticate', 'Bearer');
  throw refuse('key', 'this server needs its key: send "Authorization: Bearer KEY"');
}
