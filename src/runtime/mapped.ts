// Weights of a large network in a file while a session is made of them: ONNX Runtime maps it, and of what its kernels want in another order
// only that order stays in memory; of the rest, such as a table of embeddings, the pages that are looked at. Held in memory beside it, the
// weights would be there twice, and JavaScript's half until its next collection (measured: docs/log.md).
import { ALIGNMENT, EXTERNAL_MIN, type PlacedWeight } from '../onnx/encode.ts';
import type { Graph } from '../graph/value.ts';
import type { OpenScratch } from '../tensor/store.ts';
import { toBytes, type Tensor } from '../tensor/tensor.ts';
import type { WeightStream } from './runtime.ts';

export interface PlacedWeights {
  readonly weights: Readonly<Record<string, Tensor | PlacedWeight>>;
  /** Writes the model beside them; its path. */
  write(model: Uint8Array): Promise<string>;
  remove(): Promise<void>;
}

const FILE = 'weights.bin';

/** Puts the weights that a graph has parameters for into a file, one after the other. Undefined where they cannot be written. */
export async function placedWeights(graph: Graph, stream: WeightStream, open?: OpenScratch): Promise<PlacedWeights | undefined> {
  const scratch = await open?.();
  if (!scratch) return undefined;
  const wanted = new Set(graph.inputs.filter(({ op }) => op === 'Parameter').map(({ name }) => name));
  const weights: Record<string, Tensor | PlacedWeight> = {};
  let end = 0;
  const put = async (t: Tensor): Promise<PlacedWeight> => {
    const bytes = toBytes(t);
    const gap = (ALIGNMENT - (end % ALIGNMENT)) % ALIGNMENT;
    if (gap > 0) await scratch.append(FILE, new Uint8Array(gap));
    await scratch.append(FILE, bytes);
    const offset = end + gap;
    end = offset + bytes.length;
    return { dtype: t.dtype, shape: t.shape, place: { path: FILE, offset } };
  };
  try {
    for await (const [name, t] of stream()) if (wanted.has(name)) weights[name] = t.data.byteLength < EXTERNAL_MIN ? t : await put(t);
  } catch (error) {
    await scratch.remove();
    if (isFull(error)) return undefined;
    throw error;
  }
  return { weights, write: (model) => scratch.append('model.onnx', model), remove: scratch.remove };
}

/** Of a disk: full, or more than somebody may write. */
const isFull = (error: unknown): boolean => ['ENOSPC', 'EDQUOT', 'EFBIG'].includes((error as { code?: string }).code ?? '');
