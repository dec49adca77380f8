// The names of the runtimes, without the runtimes: for pages that keep them in a worker.

export const RUNTIME_NAMES = ['cpu', 'wasm', 'webgpu', 'reference'] as const;
export type RuntimeName = (typeof RUNTIME_NAMES)[number];
