// The file of a model in a browser: bytes in memory, or a Blob - a file that was chosen, or one of this site's private files - of which
// only the head and the tensor that is being read are in memory. A worker reads a Blob without waiting, as models want it; a page
// cannot, and takes all of it.
import { sha256 } from '../adapters/hash.ts';
import type { ModelFile } from '../models/family.ts';
import { fileOf } from '../models/open.ts';
import { containedText } from '../models/container.ts';
import { checkHash, SEAL, sealedWords } from '../models/seal.ts';
import { blobRanges } from '../tensor/ranges.ts';
import { decodeSafetensors, readLayout, tensorAt, type Layout } from '../tensor/safetensors.ts';
import { layoutOf, rowsOf } from '../tensor/weights.ts';
import { sha256Hasher } from '../util/sha256.ts';

/** What a worker has to read a Blob at once (the types of pages have none). */
declare class FileReaderSync {
  readAsArrayBuffer(blob: Blob): ArrayBuffer;
}

export interface WebModelFile {
  readonly file: ModelFile;
  /** SHA-256 of it. Throws InputError when its head says a hash of what is in it, and it is another. */
  hash(): Promise<string>;
}

/** Opens a model's file. Throws InputError `safetensors.*` for what is none. */
export async function openModel(model: Uint8Array | Blob, source: string): Promise<WebModelFile> {
  if (!(model instanceof Blob)) return inMemory(model, source);
  return typeof FileReaderSync === 'undefined' ? inMemory(new Uint8Array(await model.arrayBuffer()), source) : inPlace(model, source);
}

function inMemory(bytes: Uint8Array, source: string): WebModelFile {
  const file = fileOf(decodeSafetensors(bytes, source));
  const layout = readLayout(bytes, bytes.length, source);
  return {
    file,
    async hash() {
      const content = sealed(layout) && (await sha256([wordsOf(layout), bytes.subarray(dataOf(layout))]));
      if (content) checkHash(content, layout.metadata[SEAL], source, 'its own head');
      return sha256([bytes]);
    },
  };
}

/** Bytes of a Blob that are in memory at a time, for a hash. */
const PIECE = 2 ** 24;

async function inPlace(blob: Blob, source: string): Promise<WebModelFile> {
  const layout = await layoutOf(blobRanges(blob, source));
  const places = new Map(layout.places.map((place) => [place.name, place]));
  const reader = new FileReaderSync();
  return {
    file: {
      tensors: places,
      metadata: layout.metadata,
      read(name, rows) {
        const place = rows ? rowsOf(places.get(name)!, rows, source) : places.get(name)!;
        return tensorAt(place, new Uint8Array(reader.readAsArrayBuffer(blob.slice(place.begin, place.end))));
      },
      text: (path) => containedText(layout.metadata, path),
    },
    async hash() {
      const [whole, content] = [sha256Hasher(), sha256Hasher()];
      content.update(wordsOf(layout));
      for (let at = 0; at < blob.size; at += PIECE) {
        const bytes = new Uint8Array(await blob.slice(at, at + PIECE).arrayBuffer());
        whole.update(bytes);
        if (sealed(layout)) content.update(bytes.subarray(Math.max(0, Math.min(bytes.length, dataOf(layout) - at))));
      }
      if (sealed(layout)) checkHash(content.digest(), layout.metadata[SEAL], source, 'its own head');
      return whole.digest();
    },
  };
}

const sealed = ({ metadata }: Layout): boolean => metadata[SEAL] !== undefined;
const dataOf = ({ places }: Layout): number => Math.min(...places.map(({ begin }) => begin));
const wordsOf = ({ metadata, places }: Layout): Uint8Array =>
  sealedWords(
    metadata,
    places.map((place) => [place.name, place]),
  );
