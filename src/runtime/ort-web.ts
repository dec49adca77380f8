// The runtime for browsers, WebGPU or WASM, and WASM in Node where the native package is missing (3 to 5 times slower).
// Browsers take the build with the new WebGPU kernels: /jspi where WebAssembly can suspend, else /webgpu; the package's
// default entry still has the old kernels, some of which compute wrong results. Concurrent calls hang or throw there, so
// one mutex serves every session. The WASM heap never shrinks: keep the engine in a Worker (engine-worker.ts).
import { RuntimeError } from '../util/errors.ts';
import { pad } from '../graph/ops.ts';
import { rewrite } from '../graph/passes/rewrite.ts';
import { apply, type Graph, type Value } from '../graph/value.ts';
import { compileWith, type Ort } from './ort.ts';
import type { Runtime } from './runtime.ts';

export interface OrtWebOptions {
  provider?: 'wasm' | 'webgpu';
  /**
   * Threads; default: one a core up to 4. In a page more than 1 needs cross-origin isolation (COOP and COEP headers).
   * The first session of a process or page decides for all.
   */
  threads?: number;
  /** Where the .wasm and .mjs files of onnxruntime-web are served, ending in '/'. A bundler that finds them needs none. */
  assets?: string;
}

interface OrtWeb extends Ort {
  env: { wasm: { numThreads?: number; wasmPaths?: string }; logLevel: string };
}

const inNode = typeof process !== 'undefined' && !!process.versions?.node;
/** Not written into the imports themselves: a bundler for browsers must not take Node's parts along. */
const NODE_ENTRY = 'onnxruntime-web';
const NODE_OS = 'node:os';

const ISOLATE = (threads: number) =>
  `${threads} threads need a page that is isolated: serve it with Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp, or ask for 1 thread`;

let tail: Promise<unknown> = Promise.resolve();
/** One task at a time, over all sessions of this module. */
function exclusive<T>(task: () => Promise<T>): Promise<T> {
  const result = tail.then(task, task);
  tail = result.catch(() => {});
  return result;
}

/** Opens onnxruntime-web. Throws RuntimeError `runtime.missing`, `runtime.no-gpu` where WebGPU has no adapter, `runtime.threads` where there can be one only. */
export async function ortWeb({ provider = 'wasm', threads, assets }: OrtWebOptions = {}): Promise<Runtime> {
  if (provider === 'webgpu') await requireGpu();
  if (!inNode && threads !== undefined && threads > 1 && !globalThis.crossOriginIsolated)
    throw new RuntimeError('runtime.threads', ISOLATE(threads));
  const ort = await load();
  ort.env.logLevel = 'error';
  const count = threads ?? (inNode ? await cores() : undefined);
  if (count !== undefined) ort.env.wasm.numThreads = count;
  if (assets !== undefined) ort.env.wasm.wasmPaths = assets;
  const extra = { session: { qdq_matmulnbits_accuracy_level: '1' } }; // see ort-node.ts
  const options = { executionProviders: [provider], graphOptimizationLevel: 'all', logSeverityLevel: 3, extra };
  const fitted = provider === 'webgpu' ? (graph: Graph) => rewrite(graph, withoutFlash) : (graph: Graph) => graph;
  const engine = { ort, name: `onnxruntime-web (${provider})`, options, exclusive };
  return {
    name: provider,
    compile: (graph, compileOptions = {}) => compileWith(engine, fitted(graph), compileOptions),
  };
}

/**
 * WebGPU's flash attention is taken where queries and values are equally wide, and is wrong where there are more queries than
 * keys, as with grouped heads (1.30, software adapter: 13 % off). Four zeros after each query and key keep it away.
 */
function withoutFlash(v: Value): Value {
  if (v.op !== 'MultiHeadAttention') return v;
  const [queries, keys, values] = v.inputs as [Value, Value, Value];
  if (queries.shape[2] !== values.shape[2]) return v;
  const wider = (x: Value) => pad(x, [0, 0, 0, 0, 0, 4]);
  return apply(v.op, [wider(queries), wider(keys), values], v.attributes);
}

async function load(): Promise<OrtWeb> {
  try {
    const suspends = 'Suspending' in WebAssembly;
    const module: unknown = inNode
      ? await import(/* @vite-ignore */ NODE_ENTRY)
      : await (suspends ? import('onnxruntime-web/jspi') : import('onnxruntime-web/webgpu'));
    return module as OrtWeb;
  } catch (cause) {
    throw new RuntimeError('runtime.missing', 'onnxruntime-web cannot be loaded: npm install onnxruntime-web', { cause });
  }
}

/** ONNX Runtime's own choice in Node is 1. */
async function cores(): Promise<number> {
  const os = (await import(/* @vite-ignore */ NODE_OS)) as { availableParallelism(): number };
  return Math.min(4, os.availableParallelism());
}

async function requireGpu(): Promise<void> {
  const gpu = (globalThis.navigator as { gpu?: { requestAdapter(): Promise<unknown> } } | undefined)?.gpu;
  if (!(await gpu?.requestAdapter())) throw new RuntimeError('runtime.no-gpu', 'WebGPU is not available here: use the wasm runtime');
}
