// The runtime for Node: onnxruntime-node on the CPU, or on a provider the caller names. An optional dependency, loaded
// when asked for. A run blocks the event loop until it is done, so applications keep it in a child process (engine.ts).
import { RuntimeError } from '../util/errors.ts';
import { compileWith, type Ort } from './ort.ts';
import type { OpenScratch } from '../tensor/store.ts';
import type { Runtime } from './runtime.ts';

export interface OrtNodeOptions {
  /** Threads inside an operator; default: ONNX Runtime's choice, one a core. */
  threads?: number;
  /** Execution providers in order. One whose device is missing throws: there is no silent fall-back. */
  providers?: readonly string[];
  /** Whether idle threads spin for a moment before they sleep. Off is best when sessions run at the same time. */
  spinning?: boolean;
  /** Where large weights lie while a session is made of them; without it they are in memory twice then. */
  scratch?: OpenScratch | undefined;
}

/**
 * Microseconds that an idle thread spins: longer than the pauses between two operators. By default it is far longer, and the
 * threads of the stage that has just run then take the core from the next one. (text, two steps, decoding and tiles of nano's shape,
 * int8, under other load: 583 ms with 100, 713 with 500, 771 with 2000; at lighter load 249 ms with 100, 352 with the default.)
 */
const SPIN = '100';

/** No memory of a session's own: xl's denoiser, 26 sessions, kept 1.4 GB. */
const FRUGAL = { enableCpuMemArena: false, enableMemPattern: false };
/** The pattern of the first run is set aside as one piece beside what that run took: a step of a Peel for nano took 3.2 GB instead of 1.6. */
const UNPLANNED = { enableMemPattern: false };

/** Opens onnxruntime-node. Throws RuntimeError `runtime.missing` where it is not installed, `runtime.telemetry` where that cannot be off. */
export async function ortNode({ threads, providers = ['cpu'], spinning = true, scratch }: OrtNodeOptions = {}): Promise<Runtime> {
  const ort = await load();
  const options = {
    executionProviders: [...providers],
    graphOptimizationLevel: 'all',
    executionMode: 'sequential',
    logSeverityLevel: 3, // errors: what warnings say, the checks of this project say better
    interOpNumThreads: 1,
    ...(threads !== undefined && { intraOpNumThreads: threads }),
    // ONNX Runtime turns DequantizeLinear and MatMul into MatMulNBits; 1 keeps its activations float32 (default: 8 bits).
    // Weights as the kernels want them are other ones: what the model held then goes back to the system, not into the arena.
    extra: {
      session: {
        use_device_allocator_for_initializers: '1',
        intra_op: { allow_spinning: spinning ? '1' : '0', spin_duration_us: SPIN },
        qdq_matmulnbits_accuracy_level: '1',
      },
    },
  };
  return {
    name: providers[0]!,
    compile(graph, compileOptions = {}) {
      const memory = { ...(compileOptions.unplanned && UNPLANNED), ...(compileOptions.frugal && FRUGAL) };
      return compileWith({ ort, name: PACKAGE, options: { ...options, ...memory }, scratch }, graph, compileOptions);
    },
  };
}

/** Not written into the import itself, so that a bundler for browsers leaves it alone. */
const PACKAGE = 'onnxruntime-node';

/**
 * onnxruntime-node 1.30 sends telemetry some ten seconds after the start, and keeps a device id and a database of events in the home
 * folder, unless this is 1 in the environment before its native part is loaded (its pull request 27379). Every load goes through here.
 */
const NO_TELEMETRY = 'ORT_DISABLE_TELEMETRY';
const THREADS = 'node:worker_threads';
const IN_A_THREAD =
  `${PACKAGE} sends telemetry unless ${NO_TELEMETRY}=1 stands in the environment, of which a worker thread has only a copy: ` +
  'set it before the thread starts, or leave inProcess out';

/** Switches telemetry off. Throws RuntimeError `runtime.telemetry` in a worker thread, which cannot, unless it is off already. */
async function withoutTelemetry(): Promise<void> {
  const { isMainThread } = (await import(/* @vite-ignore */ THREADS)) as { isMainThread: boolean };
  if (isMainThread) process.env[NO_TELEMETRY] = '1';
  else if (process.env[NO_TELEMETRY] !== '1') throw new RuntimeError('runtime.telemetry', IN_A_THREAD);
}

async function load(): Promise<Ort> {
  await withoutTelemetry();
  try {
    const module = (await import(/* @vite-ignore */ PACKAGE)) as { default?: unknown };
    return (module.default ?? module) as Ort;
  } catch (cause) {
    throw new RuntimeError(
      'runtime.missing',
      `${PACKAGE} is not installed here: npm install --ignore-scripts ${PACKAGE} (or use the wasm runtime)`,
      { cause },
    );
  }
}
