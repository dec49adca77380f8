// The weights of a model as they lie in its files: what they are called and how large they are is known at once, their numbers are
// read when asked for, each time anew, whole or some rows of them. Here: one .safetensors, and one cut into shards with an index.
import { InputError } from '../util/errors.ts';
import { FLOATS } from './floats.ts';
import type { Ranges } from './ranges.ts';
import { headLength, readLayout, tensorAt, type Layout, type Outline, type TensorPlace } from './safetensors.ts';
import { float32, toBytes, type Tensor } from './tensor.ts';

/** A tensor before it is read: `stored` is its type in the file, `dtype` what it is read as. */
export interface WeightOutline extends Outline {
  readonly stored: string;
}

export interface Weights {
  /** What messages call them. */
  readonly source: string;
  readonly names: readonly string[];
  /** Free strings of the file. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Throws InputError `weights.missing` when there is no such tensor. */
  outline(name: string): WeightOutline;
  /**
   * The tensor, or rows `from` to before `to` of its first axis: floats of any type as float32, others as they are. Throws InputError
   * `weights.missing` when there is none, `file.read` when the file cannot be read any more.
   */
  read(name: string, rows?: readonly [from: number, to: number]): Promise<Tensor>;
  close(): Promise<void>;
}

/** What finds a tensor's row in a table. Throws InputError `weights.missing`. */
export function finder<T>(table: ReadonlyMap<string, T>, source: string): (name: string) => T {
  return (name) => {
    const found = table.get(name);
    if (found !== undefined) return found;
    throw new InputError(
      'weights.missing',
      `${source}: has no tensor "${name}" among its ${table.size}, of which the first is "${[...table.keys()][0]}"`,
    );
  };
}

/** What `open` makes of a file; the file is closed when it cannot. */
export async function orClosed<T>(ranges: Ranges, open: (ranges: Ranges) => Promise<T>): Promise<T> {
  try {
    return await open(ranges);
  } catch (error) {
    await ranges.close?.();
    throw error;
  }
}

/** What the head of a file says. Throws InputError when it is not exactly a .safetensors. */
export async function layoutOf(ranges: Ranges): Promise<Layout> {
  const length = headLength(await ranges.read(0, Math.min(8, ranges.size)), ranges.size, ranges.name);
  return readLayout(await ranges.read(0, length), ranges.size, ranges.name);
}

/** The weights of one .safetensors file, which is closed with them. Throws InputError when it is not exactly such a file. */
export async function safetensorsWeights(ranges: Ranges): Promise<Weights> {
  const { places, metadata } = await orClosed(ranges, layoutOf);
  const find = finder(new Map(places.map((place) => [place.name, place])), ranges.name);
  return {
    source: ranges.name,
    names: places.map(({ name }) => name),
    metadata,
    outline(name) {
      const { dtype, shape, stored } = find(name);
      return { dtype: dtype === 'float16' ? 'float32' : dtype, shape, stored };
    },
    async read(name, rows) {
      const place = rows ? rowsOf(find(name), rows, ranges.name) : find(name);
      return asFloat(tensorAt(place, await ranges.read(place.begin, place.end)));
    },
    close: async () => ranges.close?.(),
  };
}

/** Some rows of a tensor, as a place of its own. Throws InputError `weights.rows` where it has no such rows. */
export function rowsOf(place: TensorPlace, [from, to]: readonly [number, number], source: string): TensorPlace {
  const [count = 1, ...inner] = place.shape;
  const bytes = (place.end - place.begin) / count;
  if (!(from >= 0 && from <= to && to <= count) || !Number.isInteger(bytes))
    throw new InputError(
      'weights.rows',
      `${source}: "${place.name}" ${place.dtype}[${place.shape}] cannot be read from row ${from} to ${to}`,
    );
  return { ...place, shape: [to - from, ...inner], begin: place.begin + from * bytes, end: place.begin + to * bytes };
}

/** A tensor of halves as float32; others as they are. */
export function asFloat(t: Tensor): Tensor {
  return t.dtype === 'float16' ? float32(t.shape, FLOATS.F16!.widen(toBytes(t))) : t;
}

/**
 * The weights of a checkpoint in shards: `index` is the text of its .safetensors.index.json, `open` opens a shard by its name there.
 * All heads are read, so that a missing or truncated shard is told at once. Throws InputError.
 */
export async function shardedWeights(index: string, source: string, open: (file: string) => Promise<Ranges>): Promise<Weights> {
  const map = weightMap(index, source);
  const shards = new Map<string, Weights>();
  const close = async () => void (await Promise.all([...shards.values()].map((shard) => shard.close())));
  try {
    for (const file of new Set(map.values())) shards.set(file, await safetensorsWeights(await open(file)));
    const lost = [...map].find(([name, file]) => !shards.get(file)!.names.includes(name));
    if (lost) throw new InputError('weights.index', `${source}: says that "${lost[0]}" is in ${lost[1]}, but it is not there`);
  } catch (error) {
    await close();
    throw error;
  }
  const find = finder(map, source);
  const shardOf = (name: string) => shards.get(find(name))!;
  return {
    source,
    names: [...map.keys()],
    metadata: Object.assign({}, ...[...shards.values()].map((shard) => shard.metadata)),
    outline: (name) => shardOf(name).outline(name),
    read: (name, rows) => shardOf(name).read(name, rows),
    close,
  };
}

/** File by tensor. A file's name must be a plain one: an index may not point out of its folder. */
function weightMap(index: string, source: string): Map<string, string> {
  let map: unknown;
  try {
    map = (JSON.parse(index) as { weight_map?: unknown } | null)?.weight_map;
  } catch (cause) {
    throw new InputError('weights.index', `${source}: is not JSON; fetch it again`, { cause });
  }
  const entries = typeof map === 'object' && map ? Object.entries(map) : [];
  if (entries.length === 0)
    throw new InputError('weights.index', `${source}: has no "weight_map", so is no index of a checkpoint in shards`);
  const odd = entries.find(([, file]) => typeof file !== 'string' || /^\.|[/\\\0]/.test(file));
  if (odd) throw new InputError('weights.index', `${source}: "${odd[0]}" is in ${JSON.stringify(odd[1])}, which is no plain file name`);
  return new Map(entries as [string, string][]);
}
