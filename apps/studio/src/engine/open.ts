// Where pictures are drawn: by the server that this page came from, at native speed, or in this tab, by WASM or WebGPU. `host.json` beside
// the page says which: a server answers it with its model, and a folder of files with none.
import { openBananaServer, openBananaWorker, type Banana, type ServedBanana, type WebBanana } from 'banana-sdk/web';

export interface Opened {
  readonly banana: Banana;
  /** What only an engine in this tab can: take Peels, and train them. */
  readonly tab?: WebBanana;
  readonly server?: ServedBanana;
}

/** Told while it opens: bytes of the model so far, of all; 0 of 0 while the engine starts. */
export type Told = (done: number, total: number) => void;

const MODEL = 'models/pico.safetensors';

/** The address of a file of this site. */
const own = (path: string): string => new URL(path, document.baseURI).href;

/** Opens what there is. Throws what the library throws, and Error when a file cannot be loaded. */
export async function openHost(told: Told): Promise<Opened> {
  const inTab = new URLSearchParams(location.search).get('host') === 'tab';
  const server = inTab ? undefined : await openBananaServer();
  if (server) return { banana: server, server };
  const tab = await openTab(told);
  return { banana: tab, tab };
}

async function openTab(told: Told): Promise<WebBanana> {
  const model = await download(own(MODEL), told);
  told(0, 0);
  const worker = new Worker(new URL('../worker.ts', import.meta.url), { type: 'module' });
  const threads = Number(new URLSearchParams(location.search).get('threads')) || undefined;
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
