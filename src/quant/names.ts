// The names of the precisions, without what computes them: for pages that keep that in a worker.

export const PRECISIONS = ['float32', 'int8', 'int4'] as const;
/** How weights are multiplied: 'int8' is the fastest on CPU and WASM; 'int4' takes the least memory and is the one for WebGPU. */
export type Precision = (typeof PRECISIONS)[number];
