// Which runtime: by name, or the best that opens. Providers are tried, not asked about: ONNX Runtime itself falls back
// silently in some places and throws in others.
import { InputError, RuntimeError } from '../util/errors.ts';
import { ortNode } from './ort-node.ts';
import { ortWeb } from './ort-web.ts';
import type { OpenScratch } from '../tensor/store.ts';
import { RUNTIME_NAMES, type RuntimeName } from './names.ts';
import { referenceRuntime } from './reference.ts';
import type { Runtime } from './runtime.ts';

export type { RuntimeName };

export interface OpenOptions {
  /** 'auto': cpu in Node and webgpu in a browser, else wasm. */
  name?: RuntimeName | 'auto';
  threads?: number;
  /** Where onnxruntime-web's files are served: see ort-web.ts. */
  assets?: string;
  /** Where large weights lie while a session is made of them, in Node. */
  scratch?: OpenScratch;
  /** Told when 'auto' has to take the second best. */
  warn?: (line: string) => void;
}

const inNode = typeof process !== 'undefined' && !!process.versions?.node;

const OPENERS: { readonly [N in RuntimeName]: (options: OpenOptions) => Promise<Runtime> } = {
  cpu: ({ threads, scratch }) => ortNode({ threads, scratch }),
  wasm: ({ threads, assets }) => ortWeb({ provider: 'wasm', threads, assets }),
  webgpu: ({ threads, assets }) =>
    inNode ? ortNode({ threads, providers: ['webgpu', 'cpu'] }) : ortWeb({ provider: 'webgpu', threads, assets }),
  reference: async () => referenceRuntime(),
};

/** Opens a runtime. Throws InputError for an unknown name, RuntimeError when it (with 'auto': none) can be opened. */
export async function openRuntime(options: OpenOptions = {}): Promise<Runtime> {
  const { name = 'auto', warn = console.warn } = options;
  if (name === 'auto') return firstThatOpens(inNode ? ['cpu', 'wasm'] : ['webgpu', 'wasm'], (n) => OPENERS[n](options), warn);
  if (!Object.hasOwn(OPENERS, name))
    throw new InputError('runtime.unknown', `unknown runtime "${name}": choose one of auto, ${RUNTIME_NAMES.join(', ')}`);
  return OPENERS[name](options);
}

/** The first runtime that opens; each failure before it is told in one line. */
export async function firstThatOpens(
  names: readonly RuntimeName[],
  open: (name: RuntimeName) => Promise<Runtime>,
  warn: (line: string) => void,
): Promise<Runtime> {
  const failures: string[] = [];
  for (const name of names) {
    try {
      const runtime = await open(name);
      for (const failure of failures) warn(`${failure}; running on ${name} instead${name === 'wasm' ? ', which is slower' : ''}`);
      return runtime;
    } catch (error) {
      if (!(error instanceof RuntimeError)) throw error;
      failures.push(error.message);
    }
  }
  throw new RuntimeError('runtime.none', `no runtime can be opened: ${failures.join('; ')}`);
}
