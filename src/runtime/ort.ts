// What onnxruntime-node and onnxruntime-web have in common: tensors to their tensors and back without copies, a session
// around theirs. Both packages share onnxruntime-common's types, which are spelled out here as far as we use them, so
// that this file imports neither.
import { encodeModel } from '../onnx/encode.ts';
import type { Graph } from '../graph/value.ts';
import type { OpenScratch } from '../tensor/store.ts';
import { byteLength, fromBytes, sizeOf, type DType, type Tensor, type Tensors } from '../tensor/tensor.ts';
import { BananaError, InputError, RuntimeError } from '../util/errors.ts';
import { placedWeights } from './mapped.ts';
import { checkFeeds, heldWeights, portsOf, type CompileOptions, type Session, type WeightStream } from './runtime.ts';

/** The part of ONNX Runtime's JavaScript interface that is used. */
export interface Ort {
  Tensor: new (type: never, data: never, dims: readonly number[]) => OrtTensor;
  InferenceSession: { create(model: Uint8Array | string, options: Record<string, unknown>): Promise<OrtSession> };
}
interface OrtTensor {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: unknown;
}
interface OrtSession {
  run(feeds: Record<string, OrtTensor>): Promise<Record<string, OrtTensor>>;
  release(): Promise<void>;
}

/**
 * Weights of more bytes than this are handed over beside the model, each as it lies in memory: 403 MB of weights then take
 * 460 MB more, instead of 1020 MB inside the model; and a protocol buffer ends at 2 GB.
 */
const INLINE_MAX = 2 ** 20;

/** Streams of more bytes than this are mapped from files where they can be, instead of being in memory a second time. */
const MAPPED_MIN = 2 ** 25;

/** Element types that can be fed and fetched. 4-bit tensors can only be weights. */
const FED: ReadonlySet<DType> = new Set<DType>(['float32', 'float16', 'int64', 'int32', 'int8', 'uint8', 'bool']);

/** An engine of ONNX Runtime, and how it makes sessions. */
export interface OrtEngine {
  readonly ort: Ort;
  /** What messages call it. */
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** Runs a task of the engine: a mutex where it needs one. */
  readonly exclusive?: Exclusive;
  /** Where it can map files from. */
  readonly scratch?: OpenScratch | undefined;
}

type Exclusive = <T>(task: () => Promise<T>) => Promise<T>;

/** Writes the graph and makes a session of it. */
export async function compileWith(engine: OrtEngine, graph: Graph, { weights = {} }: CompileOptions): Promise<Session> {
  const { session, ...ports } = await create(engine, graph, weights);
  return sessionOf(engine, graph.name, session, ports);
}

type Made = Pick<Session, 'inputs' | 'outputs'> & { readonly session: OrtSession };

/** By itself, and so is the session around it: what a session's functions can see stays in memory with it, and weights must not. */
async function create(engine: OrtEngine, graph: Graph, weights: Tensors | WeightStream): Promise<Made> {
  const large = typeof weights === 'function' && bytesOf(graph) > MAPPED_MIN;
  const placed = large ? await placedWeights(graph, weights, engine.scratch) : undefined;
  if (!placed) return createHeld(engine, graph, await heldWeights(weights));
  try {
    const ports = fedPorts(graph, placed.weights);
    const { model } = encodeModel(graph, { weights: placed.weights });
    return { ...ports, session: await createOf(engine, graph, await placed.write(model)) };
  } finally {
    await placed.remove();
  }
}

async function createHeld(engine: OrtEngine, graph: Graph, weights: Tensors): Promise<Made> {
  const ports = fedPorts(graph, weights);
  const bytes = graph.inputs.reduce((sum, v) => sum + (v.op === 'Parameter' ? (weights[v.name!]?.data.byteLength ?? 0) : 0), 0);
  const { model, external } = encodeModel(graph, { weights, external: bytes > INLINE_MAX ? 'each' : 'none' });
  const externalData = external.map(({ path, parts }) => ({ path, data: parts[0]! }));
  return { ...ports, session: await createOf(engine, graph, model, externalData.length > 0 ? { externalData } : {}) };
}

/** Bytes that all parameters of a graph have. */
const bytesOf = ({ inputs }: Graph): number =>
  inputs.reduce((sum, { op, dtype, shape }) => sum + (op === 'Parameter' ? byteLength(dtype, sizeOf(shape as number[])) : 0), 0);

function createOf({ ort, name, options, exclusive = freely }: OrtEngine, graph: Graph, model: Uint8Array | string, more: object = {}) {
  return guarded(name, `compile ${graph.name}`, () => exclusive(() => ort.InferenceSession.create(model, { ...options, ...more })));
}

const freely: Exclusive = (task) => task();

function fedPorts(graph: Graph, weights: Readonly<Record<string, unknown>>): Pick<Session, 'inputs' | 'outputs'> {
  const { inputs, outputs } = portsOf(graph, weights);
  for (const p of [...inputs, ...outputs])
    if (!FED.has(p.dtype))
      throw new InputError('runtime.type', `graph ${graph.name}: "${p.name}" is ${p.dtype}, which can only be a bound weight`);
  return { inputs, outputs };
}

function sessionOf(
  { ort, name: runtime, exclusive = freely }: OrtEngine,
  name: string,
  session: OrtSession,
  { inputs, outputs }: Pick<Session, 'inputs' | 'outputs'>,
): Session {
  let released = false;
  return {
    inputs,
    outputs,
    async run(feeds) {
      if (released) throw new RuntimeError('runtime.released', `${runtime}: session ${name} was released`);
      checkFeeds(inputs, feeds);
      const given = Object.fromEntries(inputs.map(({ name }) => [name, toOrt(ort, feeds[name]!)]));
      const results = await guarded(runtime, `run ${name}`, () => exclusive(() => session.run(given)));
      return Object.fromEntries(outputs.map(({ name, dtype }) => [name, fromOrt(dtype, results[name]!)])) as Tensors;
    },
    async release() {
      if (released) return;
      released = true;
      await exclusive(() => session.release());
    },
  };
}

async function guarded<T>(runtime: string, what: string, task: () => Promise<T>): Promise<T> {
  try {
    return await task();
  } catch (cause) {
    if (cause instanceof BananaError) throw cause;
    throw new RuntimeError('runtime.failed', `${runtime}: ${what} failed: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}

function toOrt(ort: Ort, t: Tensor): OrtTensor {
  return new ort.Tensor(t.dtype as never, t.data as never, t.shape);
}

/** ONNX Runtime may give float16 as a Float16Array where the engine has one: always seen as raw bits here. */
function fromOrt(dtype: DType, t: OrtTensor): Tensor {
  const { buffer, byteOffset, byteLength } = t.data as Uint8Array;
  if (t.type !== dtype) throw new RuntimeError('runtime.type', `a result is ${t.type}, expected ${dtype}`);
  return fromBytes(dtype, t.dims, new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength));
}
