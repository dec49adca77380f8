// A store that outlives the page: a folder in the browser's private file system, which only this site sees. A training that is
// kept here goes on after the tab was closed. https://developer.mozilla.org/en-US/docs/Web/API/File_System_API
// Not here: what is kept in memory (tensor/store.ts) or on a disk (disk/files.ts).
import { joined, type Store } from '../tensor/store.ts';
import { RuntimeError } from '../util/errors.ts';

const MISSING = 'NotFoundError';

/** The browser's private files. Throws RuntimeError `store.missing` where it has none. */
async function privateFiles(): Promise<FileSystemDirectoryHandle> {
  const storage = globalThis.navigator?.storage;
  if (!storage?.getDirectory)
    throw new RuntimeError(
      'store.missing',
      'this browser keeps no files for pages here: serve the page by https or from localhost, or keep the state in memory',
    );
  return storage.getDirectory();
}

/** undefined for what is not there. */
const found = async <T>(task: Promise<T>): Promise<T | undefined> =>
  task.catch((error: unknown) => {
    if ((error as DOMException).name === MISSING) return undefined;
    throw error;
  });

/** A folder there, which is made where asked for. */
const folderOf = (folder: string) => async (create: boolean) => (await privateFiles()).getDirectoryHandle(folder, { create });

/** One file of a folder there that is too large to be in memory. */
export interface BrowserFile {
  /** The file, of which nothing is in memory; undefined where it is not there. */
  read(): Promise<File | undefined>;
  /** Writes it as one whole: who reads sees the old one or the new one. Yields what `tell` says after each piece. Throws the signal's reason. */
  write<T>(pieces: AsyncIterable<Uint8Array>, tell: () => T, signal?: AbortSignal): AsyncGenerator<T, void, void>;
  remove(): Promise<void>;
}

/** A file by its name in a folder. Its methods throw RuntimeError `store.missing`. */
export function browserFile(folder: string, name: string): BrowserFile {
  const directory = folderOf(folder);
  return {
    read: async () => {
      const handle = await found(directory(false).then((d) => d.getFileHandle(name)));
      return handle?.getFile();
    },
    async *write(pieces, tell, signal) {
      const stream = await (await (await directory(true)).getFileHandle(name, { create: true })).createWritable();
      try {
        for await (const piece of pieces) {
          signal?.throwIfAborted();
          await stream.write(piece as Uint8Array<ArrayBuffer>);
          yield tell();
        }
        await stream.close();
      } catch (error) {
        await stream.abort().catch(() => {});
        throw error;
      }
    },
    remove: async () => void (await found(directory(false).then((d) => d.removeEntry(name)))),
  };
}

/** A folder as a store. It is made at the first write; its files are written beside and then swapped. Throws RuntimeError `store.missing` where the browser has none. */
export function browserStore(folder: string): Store {
  const directory = folderOf(folder);
  const write = async (name: string, bytes: Uint8Array<ArrayBuffer>, keepExistingData: boolean): Promise<void> => {
    const file = await (await directory(true)).getFileHandle(name, { create: true });
    const stream = await file.createWritable({ keepExistingData });
    if (keepExistingData) await stream.seek((await file.getFile()).size);
    await stream.write(bytes);
    await stream.close();
  };
  return {
    async read(name) {
      const file = await browserFile(folder, name).read();
      return file && new Uint8Array(await file.arrayBuffer());
    },
    write: (name, chunks) => write(name, joined(chunks), false),
    append: (name, text) => write(name, joined(text), true),
    async remove(names) {
      const place = await found(directory(false));
      if (!place) return;
      for (const name of names) await found(place.removeEntry(name));
      await (await privateFiles()).removeEntry(folder).catch(() => {}); // not empty
    },
  };
}
