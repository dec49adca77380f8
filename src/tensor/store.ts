// A place for a few named files: what a training needs to be left and taken up again. A folder on disk is one (files.ts, Node);
// here is one in memory, for browsers and tests. Only whole files: who reads sees the old one or the new one.

export type Chunks = string | Uint8Array | readonly Uint8Array[];

export interface Store {
  /** The bytes of a file; undefined when there is none. */
  read(name: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Writes a file as one whole. The chunks' memory is read while the promise is pending. */
  write(name: string, chunks: Chunks): Promise<void>;
  /** Adds to the end of a file. */
  append(name: string, text: string): Promise<void>;
  /** Removes these files where they are there, and the place itself when nothing else is in it. */
  remove(names: readonly string[]): Promise<void>;
}

/** A folder for a few files that are needed for a moment. */
export interface Scratch {
  /** Adds bytes to the end of a file; its path. */
  append(name: string, bytes: Uint8Array): Promise<string>;
  /** Removes all. What is mapped of them stays readable. */
  remove(): Promise<void>;
}

/** Undefined where there is no place for such files, or what is mapped of them would not stay. */
export type OpenScratch = () => Promise<Scratch | undefined>;

/** The bytes of some chunks, copied. */
export function joined(chunks: Chunks): Uint8Array<ArrayBuffer> {
  const list = typeof chunks === 'string' ? [new TextEncoder().encode(chunks)] : chunks instanceof Uint8Array ? [chunks] : chunks;
  const whole = new Uint8Array(list.reduce((sum, c) => sum + c.length, 0));
  let at = 0;
  for (const chunk of list) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** A store that lives as long as the program. */
export function memoryStore(): Store {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  return {
    read: async (name) => files.get(name)?.slice(),
    write: async (name, chunks) => void files.set(name, joined(chunks)),
    append: async (name, text) => void files.set(name, joined([files.get(name) ?? new Uint8Array(), new TextEncoder().encode(text)])),
    remove: async (names) => names.forEach((name) => files.delete(name)),
  };
}
