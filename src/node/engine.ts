// The pipeline's own process: node/index.ts starts this file. One pipeline, loaded by the first request.
import { RuntimeError } from '../util/errors.ts';
import { serveEngine } from './engine-process.ts';
import { withoutPixels } from '../sdk/banana.ts';
import { loadPipeline } from './load.ts';
import type { LoadOptions } from './options.ts';
import type { Sent } from '../draw/pictures.ts';
import type { ModelInfo } from '../models/family.ts';
import type { Pipeline } from '../draw/text-to-image.ts';

let pipeline: Pipeline | undefined;

const handlers = {
  async load(options: LoadOptions): Promise<ModelInfo> {
    pipeline = await loadPipeline(options);
    return pipeline.model;
  },
  draw(request: Sent, signal: AbortSignal) {
    if (!pipeline) throw new RuntimeError('engine.empty', 'no model was loaded');
    return withoutPixels(pipeline.serve(request, signal));
  },
  /** Most memory that this process has had, in bytes. */
  peak: async (): Promise<number> => process.resourceUsage().maxRSS * 1024,
};

export type PipelineHandlers = typeof handlers;

serveEngine(handlers);
