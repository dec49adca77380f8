// Peels that can be put on: those of the server, or those that this site carries and those that were added to this browser.
import { signal } from '@preact/signals';
import type { WebBanana } from 'banana-sdk/web';
import { change, session, tell, wish } from '../studio.ts';
import { t } from '../words/words.ts';
import { store } from './store.ts';

/** The Peels that the site carries, each with the name of the model that it is for. */
declare const __PEELS__: readonly { readonly name: string; readonly base: string }[];

/** Names to choose from. */
export const peels = signal<readonly string[]>([]);
/** Of these, those that this browser keeps. */
export const ownPeels = signal<readonly string[]>([]);
/** What an engine has. */
const loaded = new WeakMap<WebBanana, Set<string>>();
const has = (tab: WebBanana): Set<string> => loaded.get(tab) ?? loaded.set(tab, new Set()).get(tab)!;

/** Lists what there is, once the engine is open. */
export async function readPeels(): Promise<void> {
  const { server } = session.opened.value ?? {};
  const model = session.model.value?.name;
  const kept = server ? [] : await (await store()).getAll('peels').catch(() => []);
  const fits = ({ base = model }: { base?: string | undefined }) => base === model;
  ownPeels.value = kept.filter(fits).map(({ name }) => name);
  peels.value = server ? server.peels : [...new Set([...ownPeels.value, ...__PEELS__.filter(fits).map(({ name }) => name)])];
}

/** The bytes of a Peel: kept here, or carried by the site. */
async function fileOf(name: string): Promise<Uint8Array> {
  const kept = await (await store()).get('peels', name);
  if (kept) return kept.file;
  const response = await fetch(new URL(`peels/${name}.safetensors`, document.baseURI));
  if (!response.ok) throw new Error(`${name}: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** Gives the engine those of some Peels that it does not have yet: it does not draw with what it has not. */
export async function ready(names: readonly string[]): Promise<void> {
  const { tab } = session.opened.value ?? {};
  for (const name of tab ? names : [])
    if (!has(tab!).has(name)) {
      await tab!.addPeel(await fileOf(name));
      has(tab!).add(name);
    }
}

/** Puts a Peel on, or takes it off. */
export async function switchPeel(name: string, on: boolean): Promise<void> {
  if (on) await ready([name]);
  const others = wish.value.peels.filter((one) => one.name !== name);
  change({ peels: on ? [...others, { name, weight: 1 }] : others });
}

/** Takes a Peel's file into this browser and puts it on. Throws InputError for what is none. */
export async function addPeelFile(file: Uint8Array<ArrayBuffer>): Promise<void> {
  const { tab } = session.opened.value ?? {};
  if (!tab) throw new Error(t('peelsHere'));
  const { name, base } = await tab.addPeel(file);
  has(tab).add(name);
  await (await store()).put('peels', { name, file, base: base.name });
  await readPeels();
  await switchPeel(name, true);
  tell(t('peelOn', { name }));
}

export async function forgetPeel(name: string): Promise<void> {
  await switchPeel(name, false);
  const { tab } = session.opened.value ?? {};
  await tab?.removePeel(name);
  if (tab) has(tab).delete(name);
  await (await store()).delete('peels', name);
  await readPeels();
}
