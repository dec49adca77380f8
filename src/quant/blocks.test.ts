import { expect, test } from 'vitest';
import { float32 } from '../tensor/tensor.ts';
import { random } from '../util/random.ts';
import { dequantizeBlocks, quantizeBlocks } from './blocks.ts';

test.each([8, 4])('%i bits: every weight is within half a step of its block', (bits) => {
  const [rows, columns] = [300, 7]; // the last block is short
  const weight = float32([rows, columns], random(0).normals(rows * columns));
  const back = dequantizeBlocks(quantizeBlocks(weight, bits));
  let worst = 0; // in steps
  for (let c = 0; c < columns; c++)
    for (let b = 0; b < rows; b += 128) {
      const block = Array.from({ length: Math.min(128, rows - b) }, (_, r) => (b + r) * columns + c);
      const step = Math.max(...block.map((i) => Math.abs(weight.data[i]!))) / (2 ** (bits - 1) - 1);
      for (const i of block) worst = Math.max(worst, Math.abs(weight.data[i]! - back.data[i]!) / step);
    }
  expect(worst).toBeGreaterThan(0.3);
  expect(worst).toBeLessThan(0.51);
});

test('a block of zeros stays zeros', () => {
  const zero = float32([130, 2], new Float32Array(260));
  expect(dequantizeBlocks(quantizeBlocks(zero)).data).toEqual(zero.data);
});
