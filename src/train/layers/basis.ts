// The basis of content tokens: principal components of the patches of thumbnails, from a sample of them.
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { PATCH_NUMBERS } from '../../models/layers/config.ts';
import { CONTENT_GAIN, encodeThumbnail, patchesOf, type Basis, type Thumbnail } from '../../models/layers/thumbnail.ts';
import type { Tensors } from '../../tensor/tensor.ts';

/** Patches that the components are made from: more cost time and change nothing that can be seen. */
const PATCHES = 12_000;

/** Components of thumbnails, the loudest first, with CONTENT_GAIN as their root mean square. */
export function basisOf(thumbnails: readonly Thumbnail[], channels: number): Basis {
  const n = PATCH_NUMBERS;
  const every = Math.max(1, Math.floor((thumbnails.length * 16) / PATCHES));
  const patches = thumbnails.filter((_, i) => i % every === 0).map(patchesOf);
  const count = patches.reduce((sum, p) => sum + p.length / n, 0);
  const mean = new Float32Array(n);
  for (const p of patches) for (let i = 0; i < p.length; i++) mean[i % n]! += p[i]! / count;
  const covariance = new Float64Array(n * n);
  const centred = new Float32Array(n);
  for (const p of patches)
    for (let at = 0; at < p.length; at += n) {
      for (let i = 0; i < n; i++) centred[i] = p[at + i]! - mean[i]!;
      for (let i = 0; i < n; i++) {
        const a = centred[i]!;
        if (a !== 0) for (let j = 0; j <= i; j++) covariance[i * n + j]! += a * centred[j]!;
      }
    }
  const full = new Matrix(n, n);
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j++) full.set(i, j, covariance[i * n + j]! / count).set(j, i, covariance[i * n + j]! / count);
  const { eigenvectorMatrix: vectors, realEigenvalues: values } = new EigenvalueDecomposition(full, { assumeSymmetric: true });
  const order = [...values.keys()].sort((a, b) => values[b]! - values[a]!).slice(0, channels);
  const power = order.reduce((sum, c) => sum + values[c]!, 0) / channels;
  const matrix = Float32Array.from({ length: n * channels }, (_, i) => vectors.get(Math.floor(i / channels), order[i % channels]!));
  return { channels, mean, matrix, scale: CONTENT_GAIN / Math.sqrt(power) };
}

/** Tokens of thumbnails of one size, (count, tokens, channels). */
export function tokensOf(thumbnails: readonly Thumbnail[], basis: Basis): Float32Array<ArrayBuffer> {
  const each = thumbnails[0] ? encodeThumbnail(thumbnails[0], basis).length : 0;
  const out = new Float32Array(thumbnails.length * each);
  thumbnails.forEach((t, i) => out.set(encodeThumbnail(t, basis), i * each));
  return out;
}

/** Mean square of each channel over tokens. */
export function channelVariance(tokens: ArrayLike<number>, channels: number): Float32Array<ArrayBuffer> {
  const out = new Float32Array(channels);
  for (let i = 0; i < tokens.length; i++) out[i % channels]! += (tokens[i]! ** 2 * channels) / tokens.length;
  return out;
}

/** The basis in a bank (recipes/1-data.ts). */
export function storedBasis(bank: Tensors, channels: number): Basis {
  const numbers = (key: string) => bank[key]!.data as Float32Array;
  return { channels, mean: numbers('basis.mean'), matrix: numbers('basis.matrix'), scale: numbers('basis.scale')[0]! };
}
