import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { KERNEL_CODE, kernelCode } from '../../../scripts/kernels.ts';
import { random } from '../../util/random.ts';
import { called } from './kernel.ts';

test('the code is what the source compiles to: run npm run kernels', async () => {
  expect(readFileSync(KERNEL_CODE, 'utf8')).toBe(await kernelCode());
});

test.each([
  [4, 8, 8],
  [8, 5, 24],
  [16, 256, 1024],
])('a product of (%d, %d) and (%d columns)', (M, K, N) => {
  const rng = random(2);
  const [a, b] = [rng.normals(M * K), rng.normals(K * N)];
  const found = called('product', [M, K, N], [a, b], M * N);
  const expected = (m: number, n: number) => a.subarray(m * K, (m + 1) * K).reduce((sum, v, k) => sum + v * b[k * N + n]!, 0);
  const error = found.map((v, i) => Math.abs(v - expected(Math.floor(i / N), i % N)));
  expect(Math.max(...error)).toBeLessThan(1e-5 * Math.sqrt(K) * 8);
});
