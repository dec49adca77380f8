import { expect, test } from 'vitest';
import { float32 } from '../tensor/tensor.ts';
import { random } from '../util/random.ts';
import { dequantizeBlocks, quantizeBlocks, roundedTo, roundToEven, toNibbles } from './blocks.ts';

const [rows, columns] = [300, 7]; // the last block is short
const weight = float32([rows, columns], random(0).normals(rows * columns));

test.each([8, 6, 4, 2])('%i bits: every weight is within half a step of its block, the far end within one', (bits) => {
  const back = roundedTo(weight, bits);
  let worst = 0; // in steps
  for (let c = 0; c < columns; c++)
    for (let b = 0; b < rows; b += 128) {
      const block = Array.from({ length: Math.min(128, rows - b) }, (_, r) => (b + r) * columns + c);
      const extreme = block.map((i) => weight.data[i]!).reduce((a, x) => (Math.abs(x) > Math.abs(a) ? x : a));
      const step = Math.abs(extreme) / 2 ** (bits - 1);
      for (const i of block) {
        const opposite = -Math.sign(extreme) * weight.data[i]! > (2 ** (bits - 1) - 1) * step;
        worst = Math.max(worst, (Math.abs(weight.data[i]! - back.data[i]!) / step) * (opposite ? 0.5 : 1));
      }
    }
  expect(worst).toBeGreaterThan(0.3);
  expect(worst).toBeLessThan(bits === 8 ? 0.56 : 0.51); // scales are halves: 2^-11 of 128 steps
});

test.each([8, 4, 3])('%i bits: rounding what was rounded changes nothing', (bits) => {
  const once = roundedTo(weight, bits);
  expect(roundedTo(once, bits)).toEqual(once);
});

test('the number of largest magnitude is the lowest whole number, whatever its sign', () => {
  const { values } = quantizeBlocks(float32([4, 2], [1, -1, -0.5, 0.5, 0.99, -0.99, -0.99, 0.99]), 4);
  expect([...values.data]).toEqual([-8, -8, 4, 4, -8, -8, 7, 7]);
});

test('a block of zeros stays zeros', () => {
  const zero = float32([130, 2], new Float32Array(260));
  expect(roundedTo(zero, 8).data.every((x) => x === 0)).toBe(true);
});

test('two values in a byte stand for the same matrix', () => {
  const blocks = quantizeBlocks(weight, 4);
  const packed = { ...blocks, values: toNibbles(blocks.values) };
  expect(packed.values.data.length).toBe((rows * columns) / 2);
  expect(dequantizeBlocks(packed)).toEqual(dequantizeBlocks(blocks));
  expect(() => toNibbles(quantizeBlocks(weight, 8).values)).toThrow('does not fit into 4 bits');
});

test('halves go to the even number', () => {
  expect([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.49999999999999994, -7.2].map(roundToEven)).toEqual([-2, -2, 0, 0, 2, 2, 0, -7]);
});
