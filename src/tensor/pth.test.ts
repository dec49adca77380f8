// PyTorch files against what torch 2.13 wrote (tools/reference/pth.py); files that could run code, and damaged ones, are refused.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { InputError } from '../util/errors.ts';
import { pthWeights } from './pth.ts';
import { bytesRanges } from './ranges.ts';
import { float32, int64, sizeOf, tensor } from './tensor.ts';

const bytesOf = (name: string) => readFileSync(new URL(`../../test/fixtures/open-weights/pth/${name}.pth`, import.meta.url));
const open = (name: string) => pthWeights(bytesRanges(bytesOf(name), `${name}.pth`));
const upTo = (...shape: number[]) =>
  float32(
    shape,
    Array.from({ length: sizeOf(shape) }, (_, i) => i),
  );

it('reads every type, and tensors that do not lie in one piece', async () => {
  const weights = await open('every');
  const read = Object.fromEntries(await Promise.all(weights.names.map(async (name) => [name, await weights.read(name)] as const)));
  expect(read).toEqual({
    float: upTo(2, 3),
    double: upTo(2),
    half: upTo(3),
    brain: upTo(4),
    long: int64([2], [-1, 2 ** 40]),
    int: tensor('int32', [1], Int32Array.of(7)),
    byte: tensor('uint8', [1], Uint8Array.of(255)),
    flag: tensor('bool', [2], Uint8Array.of(1, 0)),
    scalar: float32([], [2.5]),
    empty: float32([0, 3], []),
    parameter: upTo(2),
    turned: float32([4, 3], [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]),
    row: float32([4], [4, 5, 6, 7]),
    column: float32([3], [2, 6, 10]),
  });
  expect(weights.outline('brain')).toEqual({ dtype: 'float32', shape: [4], stored: 'BF16' });
  expect(await weights.read('float', [1, 2])).toEqual(float32([1, 3], [3, 4, 5]));
  expect(await weights.read('turned', [1, 3])).toEqual(float32([2, 3], [1, 5, 9, 2, 6, 10]));
  await expect(weights.read('float', [1, 3])).rejects.toThrow('cannot be read from row 1 to 3');
});

it("reads a module's state dict, and one among other things", async () => {
  const weights = await open('module');
  expect(weights.names).toEqual(['0.weight', '0.bias', '1.weight', '1.bias', '1.running_mean', '1.running_var', '1.num_batches_tracked']);
  expect(await weights.read('0.bias')).toEqual(float32([3], [1, 2, 3]));
  expect(await weights.read('1.num_batches_tracked')).toEqual(int64([], [6]));
  expect((await open('nested')).names).toEqual(['w']);
});

it.each([
  ['code', 'pth.code', /^code.pth: asks for "(posix|nt).system", which no state dict needs: refused, since it could run code$/],
  ['module-object', 'pth.code', /asks for "torch\.nn\.modules\.container\.Sequential"/],
  ['nothing', 'pth.state', /holds no state dict/],
  ['old', 'pth.file', /is no whole zip/],
  ['deflated', 'pth.file', /has \w+ compressed/],
])('refuses %s.pth in one line', async (name, code, words) => {
  const error = await open(name).catch((e: unknown) => e);
  expect(error).toMatchObject({ code, message: expect.stringMatching(words) });
  expect((error as Error).message).not.toContain('\n');
});

it('never fails in another way: truncated, flipped', async () => {
  const whole = bytesOf('every');
  const tried = async (bytes: Uint8Array) => {
    try {
      const weights = await pthWeights(bytesRanges(bytes, 'x.pth'));
      for (const name of weights.names) await weights.read(name);
    } catch (error) {
      expect(error).toBeInstanceOf(InputError);
    }
  };
  const flips = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(7)), { minLength: 1, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(flips, async (list) => {
      const bytes = Uint8Array.from(whole);
      for (const [at, bit] of list) bytes[at]! ^= 1 << bit;
      await tried(bytes);
    }),
    { numRuns: 400, seed: 1 },
  );
  await fc.assert(
    fc.asyncProperty(fc.nat(whole.length - 1), (length) => tried(whole.subarray(0, length))),
    { numRuns: 60, seed: 1 },
  );
});
