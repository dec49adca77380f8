// Weights on demand: the types of files against numbers of PyTorch 2.13, rows, shards, a browser's Blob, and what is refused.
import { describe, expect, it } from 'vitest';
import { toHalf } from '../util/float16.ts';
import { FLOATS, NARROW } from './floats.ts';
import { blobRanges, bytesRanges, type Ranges } from './ranges.ts';
import { encodeHead, encodeSafetensors } from './safetensors.ts';
import { joined } from './store.ts';
import { float32, int64, tensor, type Tensors } from './tensor.ts';
import { safetensorsWeights, shardedWeights } from './weights.ts';

const bytesOf = (tensors: Tensors, metadata?: Record<string, string>) => joined(encodeSafetensors(tensors, metadata));

describe('types of floats', () => {
  // torch.tensor([...], dtype=torch.uint8).view(torch.float8_e4m3fn) and so on
  it.each<[string, number[], number[]]>([
    ['F8_E4M3', [0x00, 0x01, 0x08, 0x38, 0xb8, 0x7e, 0x7f], [0, 0.001953125, 0.015625, 1, -1, 448, NaN]],
    [
      'F8_E5M2',
      [0x01, 0x04, 0x3c, 0xbe, 0x7b, 0x7c, 0xfc, 0x7d],
      [1.52587890625e-5, 6.103515625e-5, 1, -1.5, 57344, Infinity, -Infinity, NaN],
    ],
    ['BF16', [0x80, 0x3f, 0x49, 0xc0, 0x80, 0x7f], [1, -3.140625, Infinity]],
    ['F16', [0x00, 0x3c, 0x00, 0xc0], [1, -2]],
    ['F64', [...new Uint8Array(Float64Array.of(0.1, -1e300).buffer)], [Math.fround(0.1), -Infinity]],
  ])('%s', (name, bytes, numbers) => {
    expect([...FLOATS[name]!.widen(Uint8Array.from(bytes))]).toEqual(numbers);
    const odd = Buffer.from([0, ...bytes]).subarray(1); // not aligned, and no plain Uint8Array
    expect([...FLOATS[name]!.widen(odd)]).toEqual(numbers);
  });

  it.each(Object.keys(NARROW))('%s comes back as it was', (name) => {
    const numbers = Float32Array.of(1, -3.140625, 0.0078125, 0);
    expect(FLOATS[name]!.widen(NARROW[name]!(numbers))).toEqual(numbers);
  });
});

/** A file with a tensor of each type of float, 1 to 6 in two rows. */
function everyType(): Uint8Array {
  const stored = Object.keys(FLOATS);
  const bytes: Record<string, number[]> = { F8_E4M3: [0x38, 0x40, 0x44, 0x48, 0x4a, 0x4c], F8_E5M2: [0x3c, 0x40, 0x42, 0x44, 0x45, 0x46] };
  const numbers = Float32Array.of(1, 2, 3, 4, 5, 6);
  const double = new Uint8Array(Float64Array.from(numbers).buffer);
  const of = (name: string) => (name === 'F64' ? double : (NARROW[name]?.(numbers) ?? Uint8Array.from(bytes[name]!)));
  const outlines = stored.map((name) => [name, { dtype: 'float32', shape: [2, 3], stored: name } as const]);
  const { head, names } = encodeHead(Object.fromEntries(outlines));
  return joined([head, ...names.map(of)]);
}

describe('weights', () => {
  it('reads every type of float as float32, whole and by rows', async () => {
    const weights = await safetensorsWeights(bytesRanges(everyType(), 'all.safetensors'));
    expect([...weights.names].sort()).toEqual(Object.keys(FLOATS).sort());
    for (const name of weights.names) {
      expect(weights.outline(name)).toEqual({ dtype: 'float32', shape: [2, 3], stored: name });
      expect(await weights.read(name)).toEqual(float32([2, 3], [1, 2, 3, 4, 5, 6]));
      expect(await weights.read(name, [1, 2])).toEqual(float32([1, 3], [4, 5, 6]));
    }
    await expect(weights.read('F32', [1, 3])).rejects.toThrow('"F32" float32[2,3] cannot be read from row 1 to 3');
  });

  it('reads from a Blob, and only what is asked for', async () => {
    const half = tensor('float16', [1], Uint16Array.of(toHalf(0.5)));
    const tensors = { ids: int64([2], [7, 8]), big: float32([500, 100], new Float32Array(50_000).fill(3)), half };
    const blob = blobRanges(new Blob([bytesOf(tensors, { k: 'v' })]), 'picked.safetensors');
    let read = 0;
    const weights = await safetensorsWeights({ ...blob, read: async (begin, end) => ((read += end - begin), blob.read(begin, end)) });
    expect(weights.metadata).toEqual({ k: 'v' });
    expect(await weights.read('half')).toEqual(float32([1], [0.5]));
    expect(await weights.read('ids')).toEqual(tensors.ids);
    expect(await weights.read('big', [499, 500])).toEqual(float32([1, 100], new Float32Array(100).fill(3)));
    expect(read).toBeLessThan(2000);
    await expect(weights.read('bg')).rejects.toThrow('picked.safetensors: has no tensor "bg" among its 3');
  });

  const shards: Record<string, Uint8Array> = {
    'm-00001-of-00002.safetensors': bytesOf({ a: float32([2], [1, 2]) }, { format: 'pt' }),
    'm-00002-of-00002.safetensors': bytesOf({ b: float32([1], [3]), unlisted: float32([1], [4]) }),
  };
  const closed: string[] = [];
  const open = async (file: string): Promise<Ranges> => ({
    ...bytesRanges(shards[file]!, file),
    close: async () => void closed.push(file),
  });
  const index = (map: unknown) => JSON.stringify({ metadata: { total_size: 12 }, weight_map: map });
  const map = { a: 'm-00001-of-00002.safetensors', b: 'm-00002-of-00002.safetensors' };

  it('reads a checkpoint in shards', async () => {
    const weights = await shardedWeights(index(map), 'm.safetensors.index.json', open);
    expect(weights.names).toEqual(['a', 'b']);
    expect(weights.metadata).toEqual({ format: 'pt' });
    expect(await weights.read('b')).toEqual(float32([1], [3]));
    expect(weights.outline('a')).toEqual({ dtype: 'float32', shape: [2], stored: 'F32' });
    await weights.close();
    expect(closed.splice(0).sort()).toEqual(Object.keys(shards));
  });

  it('says in one line what is wrong with an index or a shard, and leaves none open', async () => {
    const refused = (text: string, from = open) => expect(shardedWeights(text, 'i.json', from)).rejects;
    await refused('<html>').toThrow('i.json: is not JSON');
    await refused('[]').toThrow('has no "weight_map"');
    await refused(index({ a: '../secret.safetensors' })).toThrow('"a" is in "../secret.safetensors", which is no plain file name');
    await refused(index({ a: 7 })).toThrow('is in 7, which is no plain file name');
    await refused(index({ ...map, c: map.a })).toThrow('says that "c" is in m-00001-of-00002.safetensors, but it is not there');
    const cut = async (file: string) => ({
      ...(await open(file)),
      ...(file === map.b && bytesRanges(shards[file]!.subarray(0, -4), file)),
    });
    await refused(index(map), cut).toThrow(/^m-00002-of-00002.safetensors: .*truncated/);
    expect(closed.splice(0)).toEqual([...Object.keys(shards), map.b, map.a]);
  });
});
