// What this browser keeps for the studio, and nobody else has: pictures of the gallery, and Peels. In IndexedDB; what is deleted is gone.
import { openDB, type DBSchema, type IDBPDatabase } from 'idb';

export interface Kept {
  readonly id: number;
  readonly created: number;
  readonly prompt: string;
  readonly seed: number;
  /** The PNG, with its recipe. */
  readonly file: Blob;
  readonly small: Blob;
}

export interface KeptPeel {
  readonly name: string;
  readonly file: Uint8Array<ArrayBuffer>;
  /** Name of the model that it is for. */
  readonly base?: string;
}

interface Schema extends DBSchema {
  pictures: { key: number; value: Omit<Kept, 'id'> & { id?: number } };
  peels: { key: string; value: KeptPeel };
}

let opened: Promise<IDBPDatabase<Schema>> | undefined;

/** Opened once. Throws where the browser keeps nothing for this page. */
export const store = (): Promise<IDBPDatabase<Schema>> =>
  (opened ??= openDB<Schema>('studio', 1, {
    upgrade(db) {
      db.createObjectStore('pictures', { keyPath: 'id', autoIncrement: true });
      db.createObjectStore('peels', { keyPath: 'name' });
    },
  }));

/** Bytes that this site takes, and may take. */
export async function room(): Promise<{ used: number; quota: number }> {
  const { usage = 0, quota = 0 } = (await navigator.storage?.estimate?.()) ?? {};
  return { used: usage, quota };
}
