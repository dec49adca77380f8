// A hub on the loopback for tests: the model's description, its files by redirects to a store at another address, tokens, gates, moved
// names; and faults that a test asks for.
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HubModel {
  /** Content by path. A binary one is stored as a large file is: by SHA-256, in the store. */
  readonly files: Readonly<Record<string, string | Uint8Array>>;
  readonly licence?: string;
  readonly card?: Readonly<Record<string, unknown>>;
  /** Terms that have to be agreed to: who has not is refused. */
  readonly gated?: boolean;
  /** Its name now. */
  readonly moved?: string;
  /** The description lists names alone, as some mirrors do. */
  readonly bare?: boolean;
  /** A page for people comes instead of an answer, as where a network wants a sign-in. */
  readonly page?: boolean;
}

/** What goes wrong with an answer of the store: after so many bytes the connection is cut; 200 for a range; other bytes; a wait. */
export type Fault = { cut: number } | 'whole' | 'wrong' | 'expired' | 'longer' | { hold: Promise<unknown> };

export interface Hub {
  readonly url: string;
  readonly models: Record<string, HubModel>;
  readonly commit: string;
  /** One line a request: method, path, range, and whether a token was shown. */
  readonly log: string[];
  /** Faults of a file, one for each time that the store is asked for it. */
  readonly faults: Record<string, Fault[]>;
  /** The token that opens gates. */
  readonly token: string;
  close(): Promise<void>;
}

const COMMIT = 'c0ffee'.padEnd(40, '0');
const bytesOf = (content: string | Uint8Array) => Buffer.from(content);
const sha256 = (content: string | Uint8Array) => createHash('sha256').update(content).digest('hex');
export const gitHash = (content: string | Uint8Array) =>
  createHash('sha1')
    .update(`blob ${bytesOf(content).length}\0`)
    .update(content)
    .digest('hex');
const hashOf = (content: string | Uint8Array) => (typeof content === 'string' ? gitHash(content) : sha256(content));

const listening = (server: Server) =>
  new Promise<string>((done) => server.listen(0, '127.0.0.1', () => done(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)));

/** Starts it. `models` may be changed while it runs. */
export async function startHub(models: Record<string, HubModel>): Promise<Hub> {
  const hub = { models, commit: COMMIT, log: [] as string[], faults: {} as Record<string, Fault[]>, token: 'hf_secret' };
  const log = (from: string, { method, url, headers }: IncomingMessage) =>
    hub.log.push(`${from} ${method} ${url}${headers.range ? ` ${headers.range}` : ''}${headers.authorization ? ' token' : ''}`);
  const store = createServer((request, response) => (log('store', request), stored(hub, request, response)));
  const storeUrl = await listening(store);
  const front = createServer((request, response) => (log('hub', request), answer(hub, storeUrl, request, response)));
  const close = (server: Server) => new Promise<void>((done) => (server.closeAllConnections(), server.close(() => done())));
  return { ...hub, url: await listening(front), close: async () => void (await Promise.all([close(front), close(store)])) };
}

type State = Pick<Hub, 'models' | 'faults' | 'token'>;

const refuse = (response: ServerResponse, status: number, code: string) =>
  void response.writeHead(status, { 'x-error-code': code }).end(JSON.stringify({ error: code }));

function answer(hub: State, storeUrl: string, request: IncomingMessage, response: ServerResponse): void {
  const [, id, kind, revision, path] =
    /^\/api\/models\/([^/]+\/[^/]+)\/(revision)\/([^/?]+)/.exec(request.url!) ??
    /^\/([^/]+\/[^/]+)\/(resolve)\/([^/]+)\/(.+)$/.exec(request.url!) ??
    [];
  const model = hub.models[id ?? ''];
  if (!model) return refuse(response, 401, 'RepoNotFound');
  if (model.page) return void response.setHeader('content-type', 'text/html').end('<!doctype html>Welcome');
  if (model.moved)
    return void response.writeHead(kind === 'resolve' ? 307 : 301, { location: request.url!.replace(id!, model.moved) }).end();
  if (!['main', 'v1%2Fold', COMMIT].includes(revision!)) return refuse(response, 404, 'RevisionNotFound');
  if (kind === 'revision') return described(model, id!, response);
  if (model.gated && request.headers.authorization !== `Bearer ${hub.token}`)
    return refuse(response, request.headers.authorization ? 403 : 401, 'GatedRepo');
  const name = decodeURIComponent(path!);
  const content = model.files[name];
  if (content === undefined) return refuse(response, 404, 'EntryNotFound');
  const headers = { 'x-repo-commit': COMMIT };
  if (typeof content === 'string') return served(hub, name, content, request, response, { ...headers, etag: `"${hashOf(content)}"` });
  const linked = {
    ...headers,
    'x-linked-etag': `"${sha256(content)}"`,
    'x-linked-size': String(content.length),
    etag: '"of-the-redirect"',
  };
  response.writeHead(302, { ...linked, location: `${storeUrl}/${id}/${path}` }).end();
}

function described({ files, licence, card, gated, bare }: HubModel, id: string, response: ServerResponse): void {
  const siblings = Object.entries(files).map(([rfilename, content]) => {
    const size = bytesOf(content).length;
    const large = typeof content !== 'string' && { lfs: { sha256: sha256(content), size, pointerSize: 134 } };
    return bare ? { rfilename } : { rfilename, size, blobId: gitHash(content), ...large };
  });
  const cardData = { ...(licence && { license: licence }), ...card };
  response
    .setHeader('content-type', 'application/json')
    .end(JSON.stringify({ id, sha: COMMIT, gated: gated ? 'auto' : false, cardData, siblings }));
}

function stored(hub: State, request: IncomingMessage, response: ServerResponse): void {
  const [, id, path] = /^\/([^/]+\/[^/]+)\/(.+)$/.exec(request.url!)!;
  const name = decodeURIComponent(path!);
  served(hub, name, hub.models[id!]!.files[name]!, request, response, { etag: '"of-the-store"' });
}

function served(
  hub: State,
  name: string,
  content: string | Uint8Array,
  request: IncomingMessage,
  response: ServerResponse,
  headers: Record<string, string>,
): void {
  const fault = hub.faults[name]?.shift();
  if (fault === 'expired') return void response.writeHead(403).end();
  const all = bytesOf(content);
  if (fault === 'wrong') all[all.length - 1]! ^= 1;
  const begin = fault === 'whole' ? 0 : Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  const body = fault === 'longer' ? Buffer.concat([all, all]) : all.subarray(begin);
  const range = begin > 0 && { 'content-range': `bytes ${begin}-${all.length - 1}/${all.length}` };
  response.writeHead(begin > 0 ? 206 : 200, { ...headers, ...range, 'content-length': String(body.length) });
  if (request.method === 'HEAD') return void response.end();
  if (typeof fault !== 'object') return void response.end(body);
  const part = 'cut' in fault ? fault.cut : body.length >> 1;
  response.write(
    body.subarray(0, part),
    () => void ('cut' in fault ? setImmediate(() => response.destroy()) : fault.hold.then(() => response.end(body.subarray(part)))),
  );
}
