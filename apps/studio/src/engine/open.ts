// Where pictures are drawn: by the server that this page came from, at native speed, or in this tab, by WASM or WebGPU, with a model that
// lies beside the page. `host.json` beside the page says whether there is a server, and its models: a folder of files has none.
import { signal, type Signal } from '@preact/signals';
import {
  InputError,
  openBananaServer,
  openBananaWorker,
  type Ability,
  type Banana,
  type ServedBanana,
  type WebBanana,
} from 'banana-sdk/web';

/** The models of the build that lie beside the page, the first of them loaded first. */
declare const __MODELS__: readonly string[];

/** A model that can be drawn with. */
export interface Choice {
  /** What remembers it: `tab/NAME`, `server/NAME`. */
  readonly id: string;
  readonly name: string;
  readonly at: 'tab' | 'server';
  /** What it can do, where that is known before it is open. */
  readonly abilities?: readonly Ability[];
}

export interface Opened {
  readonly choice: Choice;
  readonly banana: Banana;
  /** What only an engine in this tab can: take Peels, and train them. */
  readonly tab?: WebBanana;
  readonly server?: ServedBanana;
  /** Names of the Peels that it can be asked for now. */
  readonly peels: Signal<ReadonlySet<string>>;
}

/** Told while it opens: bytes of the model so far, of all; 0 of 0 while the engine starts. */
export type Told = (done: number, total: number) => void;

/** What can be drawn with from this page. */
export interface Host {
  readonly choices: readonly Choice[];
  /** Opens one of them. Throws what the library throws, and Error when a file cannot be loaded. */
  open(choice: Choice, told: Told): Promise<Opened>;
}

const asked = new URLSearchParams(location.search);

/** The address of a file of this site. */
const own = (path: string): string => new URL(path, document.baseURI).href;

/** Whether a server wants its key, or another one. */
export const isLocked = (error: unknown): boolean => error instanceof InputError && error.code === 'server.key';

/** Asks what there is. Throws what `openBananaServer` throws (isLocked: the server has a key). */
export async function findHost(key?: string): Promise<Host> {
  const server = asked.get('host') === 'tab' ? undefined : await openBananaServer(key ? { key } : {});
  const tabs = __MODELS__.map((name): Choice => ({ id: `tab/${name}`, name, at: 'tab' }));
  const served = (server?.models ?? []).map(({ name, abilities }): Choice => ({ id: `server/${name}`, name, at: 'server', abilities }));
  return {
    choices: [...served, ...tabs],
    async open(choice, told) {
      if (choice.at === 'server') {
        const found = (await openBananaServer({ ...(key && { key }), model: choice.name }))!;
        return { choice, banana: found, server: found, peels: signal(new Set(found.peels)) };
      }
      const tab = await openTab(choice.name, told);
      return { choice, banana: tab, tab, peels: signal(new Set()) };
    },
  };
}

async function openTab(name: string, told: Told): Promise<WebBanana> {
  const model = await download(own(`models/${name}.safetensors`), told);
  told(0, 0);
  const worker = new Worker(new URL('../worker.ts', import.meta.url), { type: 'module' });
  const threads = Number(asked.get('threads')) || undefined;
  return openBananaWorker(worker, { model, assets: own('ort/'), ...(threads && { threads }) });
}

async function download(address: string, told: Told): Promise<Uint8Array> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address}: ${response.status} ${response.statusText}`);
  const total = Number(response.headers.get('content-length')) || 0;
  const parts: BlobPart[] = [];
  let done = 0;
  for (const reader = response.body!.getReader(); ; ) {
    const { value, done: ended } = await reader.read();
    if (ended) return new Uint8Array(await new Blob(parts).arrayBuffer());
    parts.push(value);
    done += value.length;
    told(done, total);
  }
}
