// The renderer's maps (level-sets.ts: levelMaps) by a kernel of our own, for runtimes whose convolutions are slow: weights and
// activations are 16-bit whole numbers, few enough that 32 bits hold every sum. One thread.
// Legend: h x w cells of the padded thumbnail, C width, K levels.
import type { Runtime } from '../../runtime/runtime.ts';
import { lazily, type LazyTensors } from '../../tensor/lazy.ts';
import type { Tensors } from '../../tensor/tensor.ts';
import type { LevelSizes } from './level-sets.ts';
import { called } from './kernel.ts';

/** Logits (2h, 2w, K) and colours (h, w, 4K) of a padded thumbnail (h, w, 5). */
export type Mixes = (thumbnail: Float32Array, h: number, w: number) => { logits: Float32Array; colours: Float32Array };

/** Runtimes whose convolutions take longer (docs/log.md). */
const SLOW: ReadonlySet<string> = new Set(['wasm']);
/** Whether a renderer on a runtime is faster by this kernel. */
export const mixesPay = ({ name }: Runtime): boolean => SLOW.has(name);

/** Channels of a thumbnail, and as the kernel reads them. */
const [SEEN, PADDED] = [5, 8];
/** Neighbours of a mix. */
const PLACES = 9;
/** Outputs that the kernel makes at a time. */
const TOGETHER = 16;
/** Largest 16-bit weight; what is left of 32 bits is for activations. */
const MOST = 4095;
/** Largest 16-bit number, and largest sum. */
const [LARGEST, SUM] = [2 ** 15 - 1, 2 ** 31 - 1];

/** The renderer of a model's weights. */
export function openMixes(weights: LazyTensors | Tensors, { width: C, depth, levels: K }: LevelSizes): Mixes {
  const { read } = lazily(weights);
  const numbers = (path: string) => read(`renderer.${path}`).data as Float32Array;
  const layers = ['in', ...Array.from({ length: depth }, (_, i) => `blocks.${i}`)];
  const packed = layers.map((layer, i) => packMix(numbers(`${layer}.weight`), C, ...((i ? [C, C] : [SEEN, PADDED]) as [number, number])));
  const matrix = new Float32Array(C * 8 * K);
  for (const [i, head] of ['logits', 'colours'].entries()) {
    const from = numbers(`${head}.weight`);
    for (let c = 0; c < C; c++) matrix.set(from.subarray(c * 4 * K, (c + 1) * 4 * K), (2 * c + i) * 4 * K);
  }
  const given = [
    joined(
      Int16Array,
      packed.map(({ values }) => values),
    ),
    joined(
      Float32Array,
      packed.flatMap(({ scales }, i) => [scales, numbers(`${layers[i]!}.bias`)]),
    ),
    Float32Array.from(packed, ({ steps }) => steps),
    matrix,
  ];
  const biases = joined(Float32Array, [numbers('logits.bias'), numbers('colours.bias')]);
  return (thumbnail, h, w) => {
    const seen = new Float32Array(h * w * PADDED);
    for (let i = 0; i < h * w; i++) for (let c = 0; c < SEEN; c++) seen[i * PADDED + c] = thumbnail[i * SEEN + c]!;
    const rooms = [(2 * h * w + 3) * C * 4, (h + 2) * (w + 2) * Math.max(C, PADDED) * 2];
    const out = called('maps', [h, w, C, depth, 8 * K], [seen, ...given, ...rooms], Math.ceil((h * w) / 4) * 4 * 8 * K);
    return unfolded(out, biases, seen, h, w);
  };
}

/** Weights (9 * inner, C) of a mix as the kernel reads them, scales of the outputs, and steps that activations may have. */
function packMix(
  matrix: Float32Array,
  C: number,
  inner: number,
  padded: number,
): { values: Int16Array; scales: Float32Array; steps: number } {
  const values = new Int16Array(PLACES * padded * C);
  const scales = new Float32Array(C);
  let most = 1;
  for (let o = 0; o < C; o++) {
    let largest = 1e-20;
    for (let i = o; i < matrix.length; i += C) largest = Math.max(largest, Math.abs(matrix[i]!));
    scales[o] = largest / MOST;
    let sum = 0;
    for (let r = 0; r < PLACES * inner; r++) {
      const whole = Math.round(matrix[r * C + o]! / scales[o]!);
      sum += Math.abs(whole);
      const channel = Math.floor(r / inner) * padded + (r % inner);
      const pair = Math.floor(o / TOGETHER) * ((PLACES * padded) / 2) + (channel >> 1);
      values[(pair * TOGETHER + (o % TOGETHER)) * 2 + (channel & 1)] = whole;
    }
    most = Math.max(most, sum);
  }
  return { values, scales, steps: Math.min(LARGEST, Math.floor(SUM / most)) };
}

/** What the heads gave, with their biases: logits on cells half as wide, corrections on top of the thumbnail's own colours. */
function unfolded(heads: Float32Array, biases: Float32Array, seen: Float32Array, h: number, w: number) {
  const K = biases.length / 8;
  const [logits, colours] = [new Float32Array(h * w * 4 * K), new Float32Array(h * w * 4 * K)];
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w; x++) {
      const cell = y * w + x;
      const from = cell * 8 * K;
      for (let i = 0; i < 4 * K; i++) {
        const fine = ((2 * y + Math.floor(i / (2 * K))) * 2 * w + 2 * x + (Math.floor(i / K) % 2)) * K + (i % K);
        logits[fine] = heads[from + i]! + biases[i]!;
        colours[cell * 4 * K + i] = heads[from + 4 * K + i]! + biases[4 * K + i]! + seen[cell * PADDED + (i % 4)]!;
      }
    }
  return { logits, colours };
}

function joined<A extends Int16Array | Float32Array>(List: new (length: number) => A, parts: readonly A[]): A {
  const out = new List(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
