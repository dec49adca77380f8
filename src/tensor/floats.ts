// The floating-point types of files, as .safetensors names them. Graphs compute in float32, which holds all of them exactly but F64.
// bfloat16 is the upper half of a float32; the 8-bit types are those of Micikevicius et al. 2022, of which E4M3 has no infinity.
import { fromHalves, toHalves } from '../util/float16.ts';

export interface FloatType {
  /** Bytes of a number. */
  readonly bytes: number;
  /** The numbers that some bytes hold; a view of them where it can be. */
  readonly widen: (bytes: Uint8Array) => Float32Array<ArrayBuffer>;
}

interface Numbers<T> {
  new (buffer: ArrayBuffer, offset: number, length: number): T;
  readonly BYTES_PER_ELEMENT: number;
}

/** Some bytes as numbers of a kind; copied only when they are not aligned. */
function viewed<T>(Kind: Numbers<T>, bytes: Uint8Array): T {
  const aligned = bytes.byteOffset % Kind.BYTES_PER_ELEMENT === 0 ? bytes : new Uint8Array(bytes); // a Buffer's slice would be no copy
  return new Kind(aligned.buffer as ArrayBuffer, aligned.byteOffset, bytes.length / Kind.BYTES_PER_ELEMENT);
}

function fromBrain(bytes: Uint8Array): Float32Array<ArrayBuffer> {
  const halves = viewed(Uint16Array, bytes);
  const wide = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) wide[i] = halves[i]! << 16;
  return new Float32Array(wide.buffer);
}

function toBrain(wide: Uint32Array): Uint16Array<ArrayBuffer> {
  const halves = new Uint16Array(wide.length);
  for (let i = 0; i < halves.length; i++) halves[i] = wide[i]! >>> 16;
  return halves;
}

/** The number of 8 bits, of which `fraction` are the fraction's; `special` says what all-ones exponents stand for. */
const small = (fraction: number, bias: number, special: (bits: number, x: number) => number) =>
  Float32Array.from({ length: 256 }, (_, bits) => {
    const exponent = (bits & 0x7f) >> fraction;
    const rest = (bits & ((1 << fraction) - 1)) / (1 << fraction);
    const size = exponent === 0 ? rest * 2 ** (1 - bias) : (1 + rest) * 2 ** (exponent - bias);
    return special(bits & 0x7f, bits & 0x80 ? -size : size);
  });

const E4M3 = small(3, 7, (bits, x) => (bits === 0x7f ? NaN : x));
const E5M2 = small(2, 15, (bits, x) => (bits === 0x7c ? Math.sign(x) * Infinity : bits > 0x7c ? NaN : x));
const byTable = (table: Float32Array): FloatType => ({
  bytes: 1,
  widen(bytes) {
    const numbers = new Float32Array(bytes.length);
    for (let i = 0; i < numbers.length; i++) numbers[i] = table[bytes[i]!]!;
    return numbers;
  },
});

/** Every type that is read, by its name in files. */
export const FLOATS: Readonly<Record<string, FloatType>> = {
  F64: { bytes: 8, widen: (bytes) => new Float32Array(viewed(Float64Array, bytes)) },
  F32: { bytes: 4, widen: (bytes) => viewed(Float32Array, bytes) },
  F16: { bytes: 2, widen: (bytes) => fromHalves(viewed(Uint16Array, bytes)) },
  BF16: { bytes: 2, widen: fromBrain },
  F8_E4M3: byTable(E4M3),
  F8_E5M2: byTable(E5M2),
};

/** The types that are written, and how: each is exact for numbers that came from it, BF16 cuts off what it cannot hold. */
export const NARROW: Readonly<Record<string, (numbers: Float32Array<ArrayBuffer>) => Uint8Array>> = {
  F32: (numbers) => new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength),
  F16: (numbers) => new Uint8Array(toHalves(numbers).buffer),
  BF16: (numbers) => new Uint8Array(toBrain(viewed(Uint32Array, NARROW.F32!(numbers))).buffer),
};
