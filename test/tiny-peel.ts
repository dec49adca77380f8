// A Peel of two numbers, for tests of what only lists or names one.
import { join } from 'node:path';
import { encodePeel } from '../src/adapters/peel.ts';
import { writeFileWhole } from '../src/disk/files.ts';
import { float32 } from '../src/tensor/tensor.ts';

/** Writes a Peel of this name into a folder; returns its path. */
export async function tinyPeel(folder: string, name: string): Promise<string> {
  const base = { name: 'tiny-untrained', version: '0', preset: 'tiny', hash: '' };
  const info = { name, base, rank: 1, alpha: 1, layers: [], triggers: [], licence: 'CC0-1.0', thumbnails: [], training: {} };
  const key = 'base_model.model.transformer.blocks.0.attention.query';
  const tensors = { [`${key}.lora_A.weight`]: float32([1, 1], [1]), [`${key}.lora_B.weight`]: float32([1, 1], [1]) };
  const path = join(folder, `${name}.safetensors`);
  await writeFileWhole(path, await encodePeel({ info, tensors }));
  return path;
}
