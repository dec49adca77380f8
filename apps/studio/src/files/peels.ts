// Peels that can be put on: those of the server, or those that this site carries and those that were added to this browser.
import { effect, signal, untracked } from '@preact/signals';
import { change, session, tell, wish } from '../studio.ts';
import { t } from '../words/words.ts';
import { save } from './files.ts';
import { store } from './store.ts';

/** The Peels that the site carries, each with the name of the model that it is for. */
declare const __PEELS__: readonly { readonly name: string; readonly base: string }[];

/** Names to choose from. */
export const peels = signal<readonly string[]>([]);
/** Of these, those that this browser keeps. */
export const ownPeels = signal<readonly string[]>([]);
/** Notes whether the engine has a Peel. */
function note(name: string, there: boolean): void {
  const { peels: had } = session.opened.value!;
  had.value = new Set([...had.value].filter((one) => one !== name).concat(there ? [name] : []));
}

/** Gives each engine that is opened those Peels that are on and that are for it. */
export function carryPeels(): void {
  const carry = async () => {
    await readPeels();
    await ready(wish.value.peels.map(({ name }) => name).filter((name) => peels.value.includes(name)));
  };
  effect(() => {
    if (session.opened.value) untracked(() => void carry().catch((error: Error) => tell(error.message)));
  });
}

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
async function fileOf(name: string): Promise<Uint8Array<ArrayBuffer>> {
  const kept = await (await store()).get('peels', name);
  if (kept) return kept.file;
  const response = await fetch(new URL(`peels/${name}.safetensors`, document.baseURI));
  if (!response.ok) throw new Error(`${name}: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** Gives the engine those of some Peels that it does not have yet: it does not draw with what it has not. */
export async function ready(names: readonly string[]): Promise<void> {
  const { tab, peels: had } = session.opened.value ?? {};
  for (const name of tab ? names : [])
    if (!had!.value.has(name)) {
      await tab!.addPeel(await fileOf(name));
      note(name, true);
    }
}

/** Saves a Peel's file where the browser saves files. */
export const savePeel = async (name: string): Promise<void> => save(new Blob([await fileOf(name)]), `${name}.safetensors`);

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
  note(name, true);
  await (await store()).put('peels', { name, file, base: base.name });
  await readPeels();
  await switchPeel(name, true);
  tell(t('peelOn', { name }));
}

export async function forgetPeel(name: string): Promise<void> {
  await switchPeel(name, false);
  await session.opened.value?.tab?.removePeel(name);
  note(name, false);
  await (await store()).delete('peels', name);
  await readPeels();
}
