// Every method against LyCORIS's own functions (tools/reference/lora.py), and the small products against the whole change.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { expectClose } from '../sdk/testing.ts';
import { float32, type Tensor } from '../tensor/tensor.ts';
import { denseDelta, fitsWeight, mergeDelta, methodOf, scaleOf, sidesOf, type Delta, type Parts } from './delta.ts';

interface Written {
  shape: number[];
  data: number[];
}
interface Case {
  name: string;
  parts: Record<string, Written>;
  alpha: number;
  weight: Written;
  change: Written;
  merged?: Written;
}

const path = new URL('../../test/fixtures/open-weights/lora/deltas.json', import.meta.url);
const CASES = JSON.parse(readFileSync(path, 'utf8')) as Case[];
const tensorOf = ({ shape, data }: Written): Tensor<'float32'> => float32(shape, data);

function deltaOf({ parts, alpha, weight }: Case): Delta {
  const all = {
    ...Object.fromEntries(Object.entries(parts).map(([part, one]) => [part, tensorOf(one)])),
    alpha: float32([], [alpha]),
  } as Parts;
  const method = methodOf(all)!;
  return { method, parts: all, scale: scaleOf(method, all), shape: weight.shape };
}

const outlinesOf = (parts: Parts): Parts => Object.fromEntries(Object.entries(parts).map(([part, { shape }]) => [part, { shape }]));

/** y = W x with a matrix (out, in). */
const applied = ({ shape: [out, inner], data }: Tensor, x: ArrayLike<number>, from = 0): number[] =>
  Array.from({ length: out! }, (_, o) =>
    Array.from({ length: inner! }, (_, i) => (data[o * inner! + i] as number) * x[from + i]!).reduce((a, b) => a + b),
  );

describe.each(CASES.map((one) => [one.name, one] as const))('%s', (_, one) => {
  const delta = deltaOf(one);
  test('the change, and whether it fits', () => {
    expectClose(denseDelta(delta)!.data, one.change.data);
    expect(fitsWeight({ ...delta, parts: outlinesOf(delta.parts) })).toBe(true);
    const [out, ...rest] = delta.shape as [number, ...number[]];
    expect(fitsWeight({ ...delta, shape: [out + 1, ...rest] })).toBe(false);
    expect(denseDelta({ ...delta, shape: [out, rest[0]! * 2, ...rest.slice(1)] })).toBeUndefined();
  });

  test('merged', () => {
    const weight = tensorOf(one.weight);
    const plain = one.weight.data.map((w, at) => w + one.change.data[at]!);
    const whole = one.merged?.data ?? plain;
    expectClose(mergeDelta(weight, delta)!.data, whole, { rtol: 1e-5, atol: 1e-5 });
    const half = one.weight.data.map((w, at) => w + (whole[at]! - w) / 2);
    expectClose(mergeDelta(weight, delta, 0.5)!.data, half, { rtol: 1e-5, atol: 1e-5 });
    expectClose(mergeDelta(weight, delta, 0)!.data, weight.data, { rtol: 0, atol: 0 });
  });

  test('two small products, where it is that', () => {
    const sides = sidesOf(delta);
    const core = delta.parts.mid ?? delta.parts.magnitude;
    const matrix = delta.shape.slice(2).every((n) => n === 1);
    expect(sides !== undefined).toBe(!core && (delta.method === 'lora' || (delta.method === 'lokr' && matrix)));
    if (!sides) return;
    if (sides.kind === 'kronecker') {
      const [inner, x] = [delta.shape[1]!, Array.from({ length: delta.shape[1]! }, (_, i) => Math.sin(i + 1))];
      const [b, d, c] = [sides.first.shape[1]!, sides.second.shape[1]!, sides.second.shape[0]!];
      const rows = Array.from({ length: b }, (_, row) => applied(sides.second, x, row * d)); // (b, c)
      const result = Array.from({ length: sides.first.shape[0]! * c }, (_, at) => {
        const row = Math.floor(at / c);
        return rows.reduce((sum, values, j) => sum + (sides.first.data[row * b + j] as number) * values[at % c]!, 0);
      });
      expectClose(result, applied(float32([delta.shape[0]!, inner], one.change.data), x), { atol: 1e-5 });
    } else {
      const [b, a] = sides.kind === 'products' ? [transposedOf(sides.b), transposedOf(sides.a)] : [sides.b, sides.a];
      const [rank, out] = [a.shape[0]!, b.shape[0]!];
      const columns = a.data.length / rank;
      const result = Array.from({ length: out * columns }, (_, at) =>
        Array.from(
          { length: rank },
          (_, r) => Number(b.data[Math.floor(at / columns) * rank + r]) * Number(a.data[r * columns + (at % columns)]),
        ).reduce((x, y) => x + y),
      );
      expectClose(result, one.change.data);
    }
  });
});

function transposedOf({ shape: [rows, columns], data }: Tensor): Tensor {
  return float32(
    [columns!, rows!],
    Array.from({ length: data.length }, (_, at) => data[(at % rows!) * columns! + Math.floor(at / rows!)] as number),
  );
}
