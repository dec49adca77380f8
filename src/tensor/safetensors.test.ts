import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError } from '../util/errors.ts';
import { decodeSafetensors, encodeSafetensors } from './safetensors.ts';
import { float32, int64, tensor } from './tensor.ts';
import type { Tensors } from './tensor.ts';

const example: Tensors = {
  'b.weight': float32([2, 3], [1, -2, 3.5, 0, Infinity, 1e-30]),
  'a.mask': tensor('bool', [3], Uint8Array.of(1, 0, 1)),
  a: int64([2], [1, -5]),
  half: tensor('float16', [1, 2], Uint16Array.of(0x3c00, 0xc000)),
  i32: tensor('int32', [], Int32Array.of(-7)),
  i8: tensor('int8', [2], Int8Array.of(-128, 127)),
  u8: tensor('uint8', [2, 1], Uint8Array.of(0, 255)),
  empty: float32([0, 4], []),
  int4: tensor('int4', [3, 1], Uint8Array.of(0x21, 0x0f)),
  uint4: tensor('uint4', [4], Uint8Array.of(0xff, 0x10)),
};
const metadata = { 'modelspec.title': 'é "quoted" \n', empty: '' };

function join(chunks: Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(chunks));
}

/** A file from a header's text and `size` bytes of data. */
function file(header: string, size: number): Uint8Array {
  const json = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + json.length + size);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

function codeOf(bytes: Uint8Array): string {
  try {
    decodeSafetensors(bytes, 'x.safetensors');
    return 'accepted';
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    expect((error as InputError).message).toMatch(/^x\.safetensors: \P{Cc}{1,310}$/u);
    return (error as InputError).code;
  }
}

describe('safetensors', () => {
  it('gives back every type, name and string', () => {
    expect(decodeSafetensors(join(encodeSafetensors(example, metadata)), 'x')).toEqual({ tensors: example, metadata });
    expect(decodeSafetensors(join(encodeSafetensors({})), 'x')).toEqual({ tensors: {}, metadata: {} });
  });

  it('writes the layout that the format prescribes', () => {
    const bytes = join(encodeSafetensors({ w: float32([1, 2], [1, 2]), b: tensor('int4', [3], Uint8Array.of(1, 2)) }, { k: 'v' }));
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    expect(length % 8).toBe(0);
    expect(new TextDecoder().decode(bytes.subarray(8, 8 + length)).trimEnd()).toMatchInlineSnapshot(
      `"{"__metadata__":{"banana.dtypes":"{\\"b\\":{\\"dtype\\":\\"int4\\",\\"shape\\":[3]}}","k":"v"},"w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[2],"data_offsets":[8,10]}}"`,
    );
    expect([...bytes.subarray(8 + length)]).toEqual([0, 0, 128, 63, 0, 0, 0, 64, 1, 2]);
  });

  it('is the same file for the same content, in any order', () => {
    const reversed = Object.fromEntries(Object.entries(example).reverse());
    expect(join(encodeSafetensors(reversed, metadata))).toEqual(join(encodeSafetensors(example, metadata)));
  });

  it('makes views, aligned', () => {
    const bytes = join(encodeSafetensors(example));
    for (const { data } of Object.values(decodeSafetensors(bytes, 'x').tensors)) expect(data.buffer).toBe(bytes.buffer);
  });

  it('keeps names that are special to JavaScript', () => {
    const odd: Tensors = Object.fromEntries([
      ['__proto__', float32([], [1])],
      ['constructor', float32([], [2])],
      ['1', float32([], [3])],
    ]);
    const { tensors } = decodeSafetensors(join(encodeSafetensors(odd)), 'x');
    expect(Object.entries(tensors)).toEqual(expect.arrayContaining(Object.entries(odd)));
    expect(Object.getPrototypeOf(tensors)).toBe(Object.prototype);
  });

  const t = (dtype: string, shape: unknown, offsets: unknown) => JSON.stringify({ dtype, shape, data_offsets: offsets });
  const int4 = (shape: number[]) =>
    `"__metadata__":${JSON.stringify({ 'banana.dtypes': JSON.stringify({ a: { dtype: 'int4', shape } }) })}`;
  it.each<[string, string, Uint8Array]>([
    ['an empty file', 'safetensors.header', new Uint8Array(0)],
    ['a header longer than the file', 'safetensors.header', file('{}', 0).subarray(0, 9)],
    ['a header over the limit', 'safetensors.header', Uint8Array.of(0, 0, 0, 0, 1, 0, 0, 0, 123, 125)],
    ['a PNG', 'safetensors.header', Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10, 0, 0)],
    ['no JSON', 'safetensors.header', file('{"a":', 0)],
    ['leading space', 'safetensors.header', file(' {}', 0)],
    ['a list', 'safetensors.header', file('[]', 0)],
    ['broken UTF-8', 'safetensors.header', file('{}', 0).map((b, i) => (i === 9 ? 0xff : b))],
    ['the same name twice', 'safetensors.header', file(`{"a":${t('U8', [1], [0, 1])},"\\u0061" :${t('U8', [1], [1, 2])}}`, 2)],
    ['the same key twice in an entry', 'safetensors.header', file('{"a":{"dtype":"U8","shape":[1],"shape":[1],"data_offsets":[0,1]}}', 1)],
    ['an unknown type', 'safetensors.dtype', file(`{"a":${t('F4', [2], [0, 1])}}`, 1)],
    ['an HTML page', 'safetensors.header', new TextEncoder().encode('<!DOCTYPE html><html>')],
    ['an error message', 'safetensors.header', new TextEncoder().encode('{"error":"Repository not found"}')],
    ['a Git LFS pointer', 'safetensors.header', new TextEncoder().encode('version https://git-lfs.github.com/spec/v1')],
    ['a PyTorch checkpoint', 'safetensors.header', Uint8Array.of(80, 75, 3, 4, 0, 0, 8, 8, 0, 0)],
    ['a negative dimension', 'safetensors.entry', file(`{"a":${t('U8', [-1, -1], [0, 1])}}`, 1)],
    ['a shape beyond integers', 'safetensors.entry', file(`{"a":${t('U8', [2 ** 40, 2 ** 40], [0, 1])}}`, 1)],
    ['a name that would fill the screen', 'safetensors.entry', file(`{"\\u001b[2J\\n${'a'.repeat(9000)}":1}`, 1)],
    ['one offset', 'safetensors.entry', file(`{"a":${t('U8', [1], [0])}}`, 1)],
    ['an entry that is a number', 'safetensors.entry', file('{"a":1}', 1)],
    ['offsets beyond the file', 'safetensors.range', file(`{"a":${t('U8', [9], [0, 9])}}`, 8)],
    ['offsets the wrong way round', 'safetensors.range', file(`{"a":${t('U8', [1], [2, 1])}}`, 2)],
    ['a shape that does not fit', 'safetensors.range', file(`{"a":${t('F32', [3], [0, 8])}}`, 8)],
    ['a gap', 'safetensors.range', file(`{"a":${t('U8', [1], [1, 2])}}`, 2)],
    ['an overlap', 'safetensors.range', file(`{"a":${t('U8', [2], [0, 2])},"b":${t('U8', [2], [1, 3])}}`, 3)],
    ['bytes left over', 'safetensors.range', file(`{"a":${t('U8', [1], [0, 1])}}`, 2)],
    ['metadata that is not strings', 'safetensors.metadata', file('{"__metadata__":{"a":1}}', 0)],
    ['a 4-bit type that does not fit', 'safetensors.metadata', file(`{${int4([9])},"a":${t('U8', [1], [0, 1])}}`, 1)],
    ['a 4-bit type of nothing', 'safetensors.metadata', file(`{${int4([0])}}`, 0)],
  ])('refuses %s', (_, code, bytes) => {
    expect(codeOf(bytes)).toBe(code);
  });

  it('refuses to write what could not be read', () => {
    expect(() => encodeSafetensors({ __metadata__: float32([], [1]) })).toThrow(InputError);
    expect(() => encodeSafetensors({}, { a: 1 as unknown as string })).toThrow(InputError);
  });

  it('never fails in another way: truncated, flipped, any header', () => {
    const whole = join(encodeSafetensors(example, metadata));
    const flip = fc.array(fc.record({ at: fc.nat(whole.length - 1), bit: fc.nat(7) }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(flip, (flips) => {
        const bytes = whole.slice();
        for (const { at, bit } of flips) bytes[at]! ^= 1 << bit;
        codeOf(bytes); // a flip in the data is accepted; whatever is refused is an InputError
      }),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(fc.nat(whole.length - 1), (n) => {
        expect(codeOf(whole.slice(0, n))).not.toBe('accepted');
      }),
    );
    fc.assert(
      fc.property(fc.json(), fc.nat(16), (json, size) => {
        codeOf(file(json, size));
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        codeOf(bytes);
      }),
    );
    const entry = fc.record({
      dtype: fc.constantFrom('F32', 'U8', 'I64', 'X'),
      shape: fc.array(fc.integer({ min: -1, max: 4 }), { maxLength: 3 }),
      data_offsets: fc.array(fc.integer({ min: -1, max: 20 }), { minLength: 1, maxLength: 3 }),
    });
    fc.assert(
      fc.property(fc.dictionary(fc.string(), entry, { maxKeys: 3 }), fc.nat(20), (entries, size) => {
        codeOf(file(JSON.stringify(entries), size));
      }),
      { numRuns: 500 },
    );
  });
});
