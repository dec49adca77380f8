// The weights at a path: a .safetensors, the index of one in shards, or a PyTorch file. What a file is, its first bytes say, not its
// name.
import { dirname, join } from 'node:path';
import { pthWeights } from '../tensor/pth.ts';
import type { Ranges } from '../tensor/ranges.ts';
import { safetensorsWeights, shardedWeights, type Weights } from '../tensor/weights.ts';
import { fileRanges } from './ranges.ts';

/** Bytes that an index may have: one of 10,000 tensors takes 1 MB. */
const LARGEST_INDEX = 2 ** 25;

const KINDS: readonly { begins: RegExp; open(ranges: Ranges): Promise<Weights> }[] = [
  { begins: /^PK\x03\x04/, open: pthWeights },
  { begins: /^\s*\{\s*"/, open: indexed }, // a .safetensors of a header as long as '{"' says has a zero byte soon after
  { begins: /^/, open: safetensorsWeights },
];

/** Opens the weights at a path, of which only heads are read. Throws InputError when they are missing, damaged, or could run code. */
export async function openWeights(path: string): Promise<Weights> {
  const ranges = await fileRanges(path);
  const first = String.fromCharCode(...(await ranges.read(0, Math.min(8, ranges.size))));
  const text = first.includes('\0') && !first.startsWith('PK') ? '' : first;
  return KINDS.find(({ begins }) => begins.test(text))!.open(ranges);
}

async function indexed(ranges: Ranges): Promise<Weights> {
  if (ranges.size > LARGEST_INDEX) return safetensorsWeights(ranges);
  const text = new TextDecoder().decode(await ranges.read(0, ranges.size));
  await ranges.close?.();
  return shardedWeights(text, ranges.name, (file) => fileRanges(join(dirname(ranges.name), file)));
}
