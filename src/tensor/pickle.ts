// A reader of the few pickle instructions that PyTorch writes for a state dict (protocol 2), as data alone: nothing is ever looked up
// or called but what the caller's table names, so a file cannot run code. Every other instruction is refused.
// The instructions: https://github.com/python/cpython/blob/3.11/Lib/pickletools.py
import { InputError } from '../util/errors.ts';

/** What a pickle may name ("module name") and how it is made of its arguments. */
export type Globals = Readonly<Record<string, (...args: never[]) => unknown>>;

export interface PickleOptions {
  readonly globals: Globals;
  /** What a persistent id stands for. */
  readonly persistent: (id: unknown) => unknown;
}

/** A name that the table has. */
export interface Global {
  readonly global: string;
}

interface Machine extends PickleOptions {
  readonly stack: unknown[];
  /** Heights of the stack at marks. */
  readonly marks: number[];
  readonly memo: Map<number, unknown>;
  /** The next bytes. */
  take(count: number): DataView;
  /** The bytes up to a line's end, which is dropped. */
  line(): string;
  fail(code: 'code' | 'file', message: string): never;
}

const text = (view: DataView) => new TextDecoder('utf-8', { fatal: true }).decode(view);
const pop = (m: Machine): unknown => (m.stack.length > 0 ? m.stack.pop() : m.fail('file', 'is damaged: an instruction has no operand'));
const top = (m: Machine): unknown => m.stack.at(-1);
/** What lies above the last mark. */
const sinceMark = (m: Machine): unknown[] => m.stack.splice(m.marks.pop() ?? m.fail('file', 'is damaged: a mark is missing'));
const tuple = (count: number) => (m: Machine) => void m.stack.push(Array.from({ length: count }, () => pop(m)).reverse());
const remember = (at: number, m: Machine) => void m.memo.set(at, top(m));
const recall = (at: number, m: Machine) =>
  void m.stack.push(m.memo.has(at) ? m.memo.get(at) : m.fail('file', 'refers to nothing: damaged'));

function setItems(m: Machine, items: readonly unknown[]): void {
  const dict = top(m);
  if (!(dict instanceof Map) || items.length % 2) return m.fail('file', 'is damaged: items without a dict');
  for (let i = 0; i < items.length; i += 2) dict.set(items[i], items[i + 1]);
}

function append(m: Machine, items: readonly unknown[]): void {
  const list = top(m);
  if (!Array.isArray(list)) return m.fail('file', 'is damaged: items without a list');
  for (const item of items) list.push(item);
}

function global(m: Machine): void {
  const name = `${m.line()} ${m.line()}`;
  if (!Object.hasOwn(m.globals, name))
    m.fail('code', `asks for "${name.replace(' ', '.')}", which no state dict needs: refused, since it could run code`);
  m.stack.push({ global: name } satisfies Global);
}

function reduce(m: Machine): void {
  const [args, called] = [pop(m), pop(m) as Global | undefined];
  const make = called && typeof called === 'object' && Object.hasOwn(m.globals, called.global) ? m.globals[called.global] : undefined;
  if (!make || !Array.isArray(args)) return m.fail('file', 'is damaged: it calls what cannot be called');
  m.stack.push(make(...(args as never[])));
}

/** What a dict was noted with (_metadata) is dropped; no other object is built. */
function build(m: Machine): void {
  const notes = pop(m);
  if (!(notes instanceof Map && top(m) instanceof Map)) m.fail('code', 'builds an object: refused, a state dict is data alone');
}

/** Whole numbers of any length, the lowest byte first, with a sign. */
function long(view: DataView): number {
  let x = 0n;
  for (let i = view.byteLength - 1; i >= 0; i--) x = (x << 8n) | BigInt(view.getUint8(i));
  return Number(BigInt.asIntN(8 * view.byteLength, x));
}

/** By code: the instruction as Python calls it, and what it does. */
const INSTRUCTIONS: Readonly<Record<number, (m: Machine) => void>> = {
  0x80: (m) => void (m.take(1).getUint8(0) === 2 || m.fail('file', 'is a pickle of another protocol than 2: save it again')), // PROTO
  0x28: (m) => void m.marks.push(m.stack.length), // MARK
  0x4e: (m) => void m.stack.push(null), // NONE
  0x88: (m) => void m.stack.push(true), // NEWTRUE
  0x89: (m) => void m.stack.push(false), // NEWFALSE
  0x4a: (m) => void m.stack.push(m.take(4).getInt32(0, true)), // BININT
  0x4b: (m) => void m.stack.push(m.take(1).getUint8(0)), // BININT1
  0x4d: (m) => void m.stack.push(m.take(2).getUint16(0, true)), // BININT2
  0x8a: (m) => void m.stack.push(long(m.take(m.take(1).getUint8(0)))), // LONG1
  0x47: (m) => void m.stack.push(m.take(8).getFloat64(0)), // BINFLOAT
  0x58: (m) => void m.stack.push(text(m.take(m.take(4).getUint32(0, true)))), // BINUNICODE
  0x7d: (m) => void m.stack.push(new Map()), // EMPTY_DICT
  0x5d: (m) => void m.stack.push([]), // EMPTY_LIST
  0x29: (m) => void m.stack.push([]), // EMPTY_TUPLE
  0x85: tuple(1), // TUPLE1
  0x86: tuple(2), // TUPLE2
  0x87: tuple(3), // TUPLE3
  0x74: (m) => void m.stack.push(sinceMark(m)), // TUPLE
  0x73: (m) => setItems(m, [pop(m), pop(m)].reverse()), // SETITEM
  0x75: (m) => setItems(m, sinceMark(m)), // SETITEMS
  0x61: (m) => append(m, [pop(m)]), // APPEND
  0x65: (m) => append(m, sinceMark(m)), // APPENDS
  0x71: (m) => remember(m.take(1).getUint8(0), m), // BINPUT
  0x72: (m) => remember(m.take(4).getUint32(0, true), m), // LONG_BINPUT
  0x68: (m) => recall(m.take(1).getUint8(0), m), // BINGET
  0x6a: (m) => recall(m.take(4).getUint32(0, true), m), // LONG_BINGET
  0x63: global, // GLOBAL
  0x52: reduce, // REDUCE
  0x62: build, // BUILD
  0x51: (m) => void m.stack.push(m.persistent(pop(m))), // BINPERSID
};
const STOP = 0x2e;

/**
 * What a pickle holds: dicts as Maps, lists and tuples as arrays. Throws InputError: `pth.code` for what could run code, `pth.file` for
 * what is damaged.
 */
export function unpickle(bytes: Uint8Array, options: PickleOptions, source: string): unknown {
  let at = 0;
  const fail = (code: 'code' | 'file', message: string): never => {
    throw new InputError(`pth.${code}`, `${source}: ${message.replace(/\p{Cc}/gu, '?').slice(0, 300)}`);
  };
  const m: Machine = {
    ...options,
    stack: [],
    marks: [],
    memo: new Map(),
    take(count) {
      if (at + count > bytes.length) fail('file', 'is truncated: the pickle ends in an instruction');
      return new DataView(bytes.buffer, bytes.byteOffset + (at += count) - count, count);
    },
    line() {
      const end = bytes.indexOf(0x0a, at);
      if (end < 0) fail('file', 'is truncated: the pickle ends in a name');
      const found = text(m.take(end - at));
      at++;
      return found;
    },
    fail,
  };
  try {
    for (;;) {
      const code = m.take(1).getUint8(0);
      if (code === STOP) return pop(m);
      (INSTRUCTIONS[code] ?? fail('code', `has the pickle instruction 0x${code.toString(16)}, which no state dict needs: refused`))(m);
    }
  } catch (error) {
    if (error instanceof InputError) throw error;
    return fail('file', `is damaged: ${(error as Error).message}`);
  }
}
