// The loops of kernels/layers.ts, called with typed arrays: what they read is copied into WebAssembly's memory, what they give is copied out.
// Every browser and Node that ONNX Runtime runs in has what they need (SIMD).
import { KERNEL } from './kernel-code.ts';

interface Kernels {
  readonly draw: (...numbers: number[]) => void;
  readonly maps: (...numbers: number[]) => void;
  readonly product: (...numbers: number[]) => void;
}

const PAGE = 2 ** 16;
/** Addresses are multiples of this, in bytes. */
const VECTOR = 16;

let opened: { readonly memory: WebAssembly.Memory; readonly kernels: Kernels } | undefined;

function open(): NonNullable<typeof opened> {
  const code = Uint8Array.from(atob(KERNEL.replaceAll('\n', '')), (c) => c.charCodeAt(0));
  const memory = new WebAssembly.Memory({ initial: 1 });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(code), { env: { memory } });
  return { memory, kernels: exports as unknown as Kernels };
}

/**
 * Calls a kernel with numbers, then the addresses of copies of arrays (of a number: of a room of so many bytes), then that of its result.
 * Returns a copy of the result, `length` numbers.
 */
export function called(
  name: keyof Kernels,
  numbers: readonly number[],
  given: readonly (Float32Array | Int32Array | Int16Array | number)[],
  length: number,
): Float32Array<ArrayBuffer> {
  const { memory, kernels } = (opened ??= open());
  let end = 0;
  const place = (bytes: number): number => {
    const at = end;
    end += Math.ceil(bytes / VECTOR) * VECTOR;
    return at;
  };
  const places = given.map((one) => place(typeof one === 'number' ? one : one.byteLength));
  const out = place(length * 4);
  if (end > memory.buffer.byteLength) memory.grow(Math.ceil((end - memory.buffer.byteLength) / PAGE));
  given.forEach((one, i) => {
    if (typeof one === 'number') return;
    const bytes = new Uint8Array(one.buffer, one.byteOffset, one.byteLength);
    new Uint8Array(memory.buffer, places[i]!, bytes.length).set(bytes);
  });
  kernels[name](...numbers, ...places, out);
  return new Float32Array(memory.buffer, out, length).slice();
}
