// What runs a graph: one interface for the reference interpreter, onnxruntime-node and onnxruntime-web, held to one
// contract test. Tensors go in and out by name; nothing of an engine's own types shows here. Feeds are checked here, once,
// so that every runtime gives the same one-line error for a missing, unknown, mistyped or wrongly shaped input.
import { evaluateDim, symbolsOf, type Shape } from '../graph/dim.ts';
import type { Graph, Value } from '../graph/value.ts';
import type { DType, Tensor, Tensors } from '../tensor/tensor.ts';
import { InputError } from '../util/errors.ts';

/** Something that can run graphs. */
export interface Runtime {
  /** 'reference', 'cpu', 'wasm', 'webgpu', ... */
  readonly name: string;
  /**
   * Makes a graph ready to run. Throws ShapeError or InputError for a graph or weights that do not fit, RuntimeError
   * when the engine fails.
   */
  compile(graph: Graph, options?: CompileOptions): Promise<Session>;
  /** Gives everything back. */
  release?(): Promise<void>;
}

export interface CompileOptions {
  /** Parameters named here are bound for good; the others are fed at each run. */
  weights?: Tensors | WeightStream;
  /** Gives working memory back after each run: for one of many sessions, which would each keep their own. */
  frugal?: boolean;
  /** Keeps working memory, but does not set a second time as much aside for a whole run: for one that needs most of it at once, such as a training step. */
  unplanned?: boolean;
}

/**
 * Weights of a large network, one after the other: each is in memory only until a runtime has taken it, where that can (ort-node.ts). May be
 * asked for again.
 */
export type WeightStream = () => AsyncIterable<readonly [name: string, weight: Tensor]>;

/** All weights in memory. */
export async function heldWeights(weights: Tensors | WeightStream): Promise<Tensors> {
  if (typeof weights !== 'function') return weights;
  const held: Tensors = {};
  for await (const [name, weight] of weights()) held[name] = weight;
  return held;
}

/** A named tensor that a session takes or gives: sizes may be symbols. */
export interface Port {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
}

/** A graph that is ready to run. It holds native memory until released. */
export interface Session {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /**
   * Runs once: exactly one tensor for each input. The results are the caller's, and may be fed back. Throws InputError
   * for feeds that do not fit, RuntimeError when the engine fails.
   */
  run(feeds: Tensors): Promise<Tensors>;
  release(): Promise<void>;
}

/** The inputs and outputs of a graph when the weights are bound. */
export function portsOf(graph: Graph, weights: Readonly<Record<string, unknown>> = {}): { inputs: Port[]; outputs: Port[] } {
  const port = (name: string, { dtype, shape }: Value): Port => ({ name, dtype, shape });
  const fed = graph.inputs.filter((v) => !(v.op === 'Parameter' && weights[v.name!]));
  return { inputs: fed.map((v) => port(v.name!, v)), outputs: Object.entries(graph.outputs).map(([name, v]) => port(name, v)) };
}

/** The weights that the graph has parameters for. Throws InputError when one does not fit its parameter. */
export function boundWeights(graph: Graph, weights: Tensors): Tensors {
  const bound: Tensors = {};
  for (const v of graph.inputs) {
    const t = v.op === 'Parameter' ? weights[v.name!] : undefined;
    if (!t) continue;
    if (t.dtype !== v.dtype || t.shape.join() !== v.shape.join())
      throw new InputError('weights.shape', `weight "${v.name}" is ${t.dtype}[${t.shape}], expected ${v.dtype}[${v.shape}]`);
    bound[v.name!] = t;
  }
  return bound;
}

/** Throws InputError unless `feeds` is exactly one fitting tensor for each input, with one value for each symbol. */
export function checkFeeds(inputs: readonly Port[], feeds: Tensors): void {
  const known = new Set(inputs.map((p) => p.name));
  for (const name of Object.keys(feeds))
    if (!known.has(name)) throw new InputError('feeds.unknown', `input "${name}" does not exist; the inputs are ${list([...known])}`);
  const missing = inputs.filter((p) => !feeds[p.name]).map((p) => p.name);
  if (missing.length > 0) throw new InputError('feeds.missing', `no tensor for input ${list(missing)}`);
  const symbols = new Map<string, { size: number; from: string }>();
  for (const port of inputs) checkRank(port, feeds[port.name]!, symbols);
  const values = Object.fromEntries([...symbols].map(([s, { size }]) => [s, size]));
  for (const port of inputs)
    port.shape.forEach((dim, axis) => {
      const size = feeds[port.name]!.shape[axis]!;
      if (symbolsOf(dim).some((s) => !symbols.has(s))) return; // a product such as "h*w" of symbols seen nowhere alone
      const expected = evaluateDim(dim, values);
      if (size === expected) return;
      const because =
        typeof dim === 'number'
          ? ''
          : ` (${dim} with ${symbolsOf(dim)
              .map((s) => `${s} = ${values[s]} from ${symbols.get(s)!.from}`)
              .join(', ')})`;
      throw new InputError(
        'feeds.shape',
        `input "${port.name}" [${feeds[port.name]!.shape}]: axis ${axis} is ${size}, expected ${expected}${because}`,
      );
    });
}

/** Checks type and rank, and notes the symbols that stand alone. */
function checkRank(port: Port, t: Tensor, symbols: Map<string, { size: number; from: string }>): void {
  if (t.dtype !== port.dtype) throw new InputError('feeds.type', `input "${port.name}" is ${t.dtype}, expected ${port.dtype}`);
  if (t.shape.length !== port.shape.length)
    throw new InputError('feeds.shape', `input "${port.name}" has shape [${t.shape}], expected [${port.shape}]`);
  port.shape.forEach((dim, axis) => {
    if (typeof dim === 'string' && /^\w+$/.test(dim) && !symbols.has(dim))
      symbols.set(dim, { size: t.shape[axis]!, from: `"${port.name}"` });
  });
}

/** Up to five names, quoted. */
function list(names: readonly string[]): string {
  const shown = names
    .slice(0, 5)
    .map((n) => `"${n}"`)
    .join(', ');
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}
