// The weights of a PyTorch file (.pth, .pt, .ckpt of torch >= 1.6): a zip, not compressed, of one pickle and a file a storage. The
// pickle is read as data by a table of a dozen names (pickle.ts); a file that asks for anything else is refused. Not here: the format
// before 1.6, tensor subclasses, quantized or sparse tensors.
import { unzip, type ZipEntry } from 'unzipit';
import { InputError } from '../util/errors.ts';
import { FLOATS } from './floats.ts';
import { unpickle, type Global, type Globals } from './pickle.ts';
import type { Ranges } from './ranges.ts';
import { byteLength, float32, fromBytes, sizeOf, type DType, type Tensor } from './tensor.ts';
import { finder, orClosed, type Weights } from './weights.ts';

/** Bytes that a pickle may have: one of 10,000 tensors takes 2 MB. */
const LARGEST = 2 ** 26;

/** Types of storages: as .safetensors calls them, or as we do. */
const STORAGES: Readonly<Record<string, string>> = {
  FloatStorage: 'F32',
  DoubleStorage: 'F64',
  HalfStorage: 'F16',
  BFloat16Storage: 'BF16',
  LongStorage: 'int64',
  IntStorage: 'int32',
  CharStorage: 'int8',
  ByteStorage: 'uint8',
  BoolStorage: 'bool',
};
const widthOf = (type: string) => FLOATS[type]?.bytes ?? byteLength(type as DType, 1);

/** The entries under which others keep a state dict in a larger one, in the order in which they are looked at. */
const WRAPPERS = ['state_dict', 'params_ema', 'params', 'model', 'module'];

interface Storage {
  readonly key: string;
  readonly type: string;
  /** Elements. */
  readonly count: number;
}

/** A tensor before it is read: some elements of a storage. */
interface Part {
  readonly storage: Storage;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

/** A pickle is dicts (Maps), arrays and single values: any other object was made here. */
const isPart = (x: unknown): x is Part => typeof x === 'object' && x !== null && 'strides' in x;
const whole = (list: unknown) => Array.isArray(list) && list.every((n) => Number.isSafeInteger(n) && n >= 0);

/** Throws where a tensor is not described, or reads beyond its storage. */
function partOf(storage: Storage, offset: number, shape: readonly number[], strides: readonly number[]): Part {
  if (!storage || typeof storage !== 'object' || !('count' in storage)) throw new Error('a tensor has no storage');
  if (![[offset], shape, strides].every(whole) || shape.length !== strides.length) throw new Error('a tensor has no shape');
  const size = sizeOf(shape);
  const last = shape.reduce((sum, d, i) => sum + (d - 1) * strides[i]!, offset);
  if (size > storage.count || (size > 0 && last >= storage.count)) throw new Error('a tensor is larger than its storage');
  return { storage, offset, shape, strides };
}

const GLOBALS: Globals = {
  'collections OrderedDict': () => new Map(),
  'torch Size': (shape: unknown) => shape,
  'torch._utils _rebuild_tensor_v2': partOf,
  'torch._utils _rebuild_parameter': (part: Part) => part,
  ...Object.fromEntries(
    Object.keys(STORAGES).map((name) => [
      `torch ${name}`,
      () => {
        throw new Error('a storage is called');
      },
    ]),
  ),
};

/** ('storage', type, key, device, elements) */
function persistent(id: unknown): Storage {
  const [kind, type, key, , count] = id as [string, Global | undefined, string, string, number];
  const stored = STORAGES[type?.global.replace(/^torch /, '') ?? ''];
  if (kind !== 'storage' || !stored || typeof key !== 'string' || !Number.isSafeInteger(count))
    throw new Error('a storage is not described');
  return { key, type: stored, count };
}

/** The tensors of a state dict, or of one within what was saved. */
function partsOf(saved: unknown, source: string): Map<string, Part> {
  const dicts = [saved, ...(saved instanceof Map ? WRAPPERS.map((key) => saved.get(key)) : [])].filter((dict) => dict instanceof Map);
  for (const dict of dicts) {
    const parts = [...dict].filter((entry): entry is [string, Part] => typeof entry[0] === 'string' && isPart(entry[1]));
    if (parts.length > 0) return new Map(parts);
  }
  throw new InputError('pth.state', `${source}: holds no state dict; save one with torch.save(model.state_dict(), path)`);
}

interface Archive {
  has(name: string): boolean;
  /** Bytes of a file. */
  sizeOf(name: string): number;
  /** A file, read anew each time. */
  read(name: string): Promise<Uint8Array>;
}

/** The zip's files by name, without the folder that all are in. Throws InputError `pth.file`. */
async function archiveOf(ranges: Ranges): Promise<Archive> {
  const broken = (why: string, cause?: unknown) => new InputError('pth.file', `${ranges.name}: ${why}: fetch it again`, { cause });
  const within = <T>(work: Promise<T>) =>
    work.catch((cause: unknown) => {
      throw cause instanceof InputError ? cause : broken('is no whole zip, as PyTorch files are; truncated or damaged', cause);
    });
  const read = (begin: number, length: number) => ranges.read(begin, Math.min(ranges.size, begin + length));
  const { entries } = await within(unzip({ getLength: async () => ranges.size, read }));
  const pickles = Object.keys(entries).filter((name) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickles.length !== 1) throw broken('is a zip, but not one of a PyTorch file');
  const folder = pickles[0]!.slice(0, -'data.pkl'.length);
  const entryOf = (name: string): ZipEntry => {
    const entry = Object.hasOwn(entries, folder + name) ? entries[folder + name]! : undefined;
    if (!entry) throw broken(`lacks ${name} of a PyTorch file`);
    if (entry.compressionMethod !== 0 || entry.encrypted) throw broken(`has ${name} compressed or encrypted, which PyTorch never does`);
    return entry;
  };
  return {
    has: (name) => Object.hasOwn(entries, folder + name),
    sizeOf: (name) => entryOf(name).size,
    async read(name) {
      const entry = entryOf(name);
      const bytes = new Uint8Array(await within(entry.arrayBuffer()));
      if (bytes.length !== entry.size) throw broken(`has ${name} cut off`);
      return bytes;
    },
  };
}

/**
 * The weights of a PyTorch file, which is closed with them. Throws InputError: `pth.code` for what could run code, `pth.file` for what is
 * damaged, `pth.state` for what holds no weights.
 */
export async function pthWeights(ranges: Ranges): Promise<Weights> {
  const { archive, parts } = await orClosed(ranges, async () => {
    const archive = await archiveOf(ranges);
    if (archive.has('byteorder') && String.fromCharCode(...(await archive.read('byteorder'))) !== 'little')
      throw new InputError('pth.file', `${ranges.name}: its numbers have the highest byte first: save it again on another machine`);
    const size = archive.sizeOf('data.pkl');
    if (size > LARGEST) throw new InputError('pth.file', `${ranges.name}: its pickle takes ${size} bytes: that is no state dict`);
    const parts = partsOf(unpickle(await archive.read('data.pkl'), { globals: GLOBALS, persistent }, ranges.name), ranges.name);
    for (const { storage } of parts.values())
      if (archive.sizeOf(`data/${storage.key}`) !== storage.count * widthOf(storage.type))
        throw new InputError('pth.file', `${ranges.name}: storage ${storage.key} has not the bytes of ${storage.count} numbers: damaged`);
    return { archive, parts };
  });
  const find = finder(parts, ranges.name);
  return {
    source: ranges.name,
    names: [...parts.keys()],
    metadata: {},
    outline(name) {
      const { shape, storage } = find(name);
      return { dtype: storage.type in FLOATS ? 'float32' : (storage.type as DType), shape, stored: storage.type };
    },
    async read(name, rows) {
      const part = find(name);
      const chosen = rows ? rowsOf(part, rows, name, ranges.name) : part;
      return tensorOf(chosen, await archive.read(`data/${part.storage.key}`));
    },
    close: async () => ranges.close?.(),
  };
}

type Rows = readonly [from: number, to: number];

function rowsOf({ storage, offset, shape, strides }: Part, [from, to]: Rows, name: string, source: string): Part {
  if (!(from >= 0 && from <= to && to <= shape[0]!))
    throw new InputError('weights.rows', `${source}: "${name}" [${shape}] cannot be read from row ${from} to ${to}`);
  return { storage, offset: offset + from * strides[0]!, shape: [to - from, ...shape.slice(1)], strides };
}

function tensorOf({ storage: { type }, offset, shape, strides }: Part, all: Uint8Array): Tensor {
  const width = widthOf(type);
  const count = sizeOf(shape);
  const dense = shape.every((d, i) => d === 1 || strides[i] === sizeOf(shape.slice(i + 1)));
  const bytes = dense ? all.subarray(offset * width, (offset + count) * width) : gathered(all, width, offset, shape, strides);
  return type in FLOATS ? float32(shape, FLOATS[type]!.widen(bytes)) : fromBytes(type as DType, shape, bytes);
}

/** The elements of a tensor that does not lie in one piece, row by row. */
function gathered(all: Uint8Array, width: number, offset: number, shape: readonly number[], strides: readonly number[]): Uint8Array {
  const out = new Uint8Array(sizeOf(shape) * width);
  for (let i = 0; i < out.length; i += width) {
    let [rest, at] = [i / width, offset];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += (rest % shape[axis]!) * strides[axis]!;
      rest = Math.floor(rest / shape[axis]!);
    }
    out.set(all.subarray(at * width, (at + 1) * width), i);
  }
  return out;
}
