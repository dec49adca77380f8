import { expect, test } from 'vitest';
import { attention } from './functions.ts';
import { add, conv2d, matmul } from './ops.ts';
import { forInference } from './passes/optimize.ts';
import { apply, graph, input, parameter } from './value.ts';
import { bytesOf, flopsOf, productsOf } from './cost.ts';

test('a product with a weight is one tall product', () => {
  const g = graph('g', { y: add(matmul(input('x', ['B', 'L', 8]), parameter('w', [8, 4])), parameter('b', [4])) });
  expect(productsOf(g, { B: 3, L: 5 })).toEqual([{ batch: 1, rows: 15, inner: 8, columns: 4, weight: true }]);
  expect(flopsOf(g, { B: 3, L: 5 })).toBe(2 * 15 * 8 * 4);
  expect(bytesOf(g)).toBe(4 * (8 * 4 + 4));
});

test('a product of two values keeps its batch, broadcast', () => {
  const g = graph('g', { y: matmul(input('a', ['B', 1, 'M', 6]), input('b', [2, 6, 'N'])) });
  expect(productsOf(g, { B: 3, M: 5, N: 7 })).toEqual([{ batch: 6, rows: 5, inner: 6, columns: 7, weight: false }]);
  expect(() => flopsOf(g, { B: 3 })).toThrow('symbol "M" has no value');
});

test('a convolution is a product a group', () => {
  const y = conv2d(input('x', ['B', 6, '2*h', 8]), parameter('w', [4, 3, 3, 3]), { groups: 2, stride: 2, pads: [1, 1, 1, 1] });
  const g = graph('g', { y });
  expect(productsOf(g, { B: 2, h: 5 })).toEqual([{ batch: 2, rows: 2 * 5 * 4, inner: 3 * 9, columns: 2, weight: true }]);
});

test('fused attention costs what its primitives cost', () => {
  const [q, k, v] = [input('q', ['B', 2, 3, 'L', 8]), input('k', ['B', 2, 'M', 8]), input('v', ['B', 2, 'M', 8])];
  const g = graph('g', { y: attention(q, k, v) });
  const fused = forInference(g);
  const sizes = { B: 2, L: 4, M: 6 };
  expect(flopsOf(g, sizes)).toBe(2 * (2 * 2) * (3 * 4) * 6 * 8 * 2);
  expect(flopsOf(fused, sizes)).toBe(flopsOf(g, sizes));
});

test('quantized products and 4-bit weights', () => {
  const x = input('x', ['L', 32]);
  const g = graph('g', {
    y: apply('MatMulNBits', [x, parameter('b', [16, 1, 16], 'uint8'), parameter('s', [16])], {
      K: 32,
      N: 16,
      bits: 4,
      block_size: 32,
      accuracy_level: 0,
    }),
    z: apply('DynamicQuantizeMatMul', [x, parameter('i', [32, 8], 'int8'), parameter('t', [8])]),
    u: apply('DequantizeLinear', [parameter('w', [32, 3], 'int4'), parameter('r', [1, 3])], { axis: 0, block_size: 32 }),
  });
  expect(flopsOf(g, { L: 10 })).toBe(2 * 10 * 32 * (16 + 8));
  expect(bytesOf(g)).toBe(16 * 16 + 4 * 16 + 32 * 8 + 4 * 8 + 48 + 4 * 3);
});
