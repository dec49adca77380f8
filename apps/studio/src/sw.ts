// Keeps the whole studio in this browser, so that it draws without a network after the first visit. One cache a build: what a build is made
// of is listed in it when it is built, fetched once, and then comes from the cache. What a server draws never passes through here.

/** Written by the build. */
declare const __FILES__: readonly string[];
declare const __LATER__: readonly string[];
declare const __VERSION__: string;

interface Scope extends EventTarget {
  readonly registration: { readonly scope: string };
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
}
interface Waiting extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface Asked extends Event {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}

const scope = globalThis as unknown as Scope;
const CACHE = `studio-${__VERSION__}`;
const suspends = 'Suspending' in WebAssembly;
/** The WASM that this browser takes, and not the other. */
const needed = (file: string): boolean => !file.startsWith('ort/') || file.includes(suspends ? '.jspi.' : '.asyncify.');
const address = (file: string): string => new URL(file, scope.registration.scope).href;
const files = new Set(__FILES__.filter(needed).map(address));
const later = new Set(__LATER__.map(address));
const page = new URL('./', scope.registration.scope).href;
const host = new URL('host.json', scope.registration.scope).href;

async function install(): Promise<void> {
  const cache = await caches.open(CACHE);
  await cache.addAll([page, ...files]);
  await scope.skipWaiting();
}

async function activate(): Promise<void> {
  for (const name of await caches.keys()) if (name.startsWith('studio-') && name !== CACHE) await caches.delete(name);
  await scope.clients.claim();
}

/** With the headers by which a page has threads, also where its host does not send them. */
function isolated(answer: Response): Response {
  const headers = new Headers(answer.headers);
  headers.set('Cross-Origin-Opener-Policy', 'same-origin');
  headers.set('Cross-Origin-Embedder-Policy', 'require-corp');
  return new Response(answer.body, { status: answer.status, statusText: answer.statusText, headers });
}

async function answer(request: Request, kept: string): Promise<Response> {
  const cache = await caches.open(CACHE);
  const found = await cache.match(kept);
  if (found) return isolated(found);
  const fetched = await fetch(request);
  if (later.has(kept) && fetched.ok) await cache.put(kept, fetched.clone());
  return fetched;
}

/** Who draws: without a network, this tab. */
const hostOf = (request: Request) => fetch(request).catch(() => Response.json({ models: [] }));

scope.addEventListener('install', (event) => (event as Waiting).waitUntil(install()));
scope.addEventListener('activate', (event) => (event as Waiting).waitUntil(activate()));
scope.addEventListener('fetch', (event) => {
  const { request, respondWith } = event as Asked;
  const url = request.url.replace(/[?#].*$/, '');
  const kept = url === `${page}index.html` ? page : url;
  if (request.method !== 'GET') return;
  if (url === host) respondWith.call(event, hostOf(request));
  else if (kept === page || files.has(kept) || later.has(kept)) respondWith.call(event, answer(request, kept));
});
