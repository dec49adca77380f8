// What the pipeline's own process does: one pipeline, loaded by the first request.
import { RuntimeError } from '../util/errors.ts';
import { serveEngine } from './engine-process.ts';
import { withoutPixels } from '../sdk/banana.ts';
import { loadPipeline } from './load.ts';
import type { LoadOptions } from './options.ts';
import type { Sent } from '../draw/pictures.ts';
import type { Family, ModelInfo } from '../models/family.ts';
import type { Pipeline } from '../draw/text-to-image.ts';

function handlersFor(families?: readonly Family[]) {
  let pipeline: Pipeline | undefined;
  return {
    async load(options: LoadOptions): Promise<ModelInfo> {
      pipeline = await loadPipeline(options, families);
      return pipeline.model;
    },
    draw(request: Sent, signal: AbortSignal) {
      if (!pipeline) throw new RuntimeError('engine.empty', 'no model was loaded');
      return withoutPixels(pipeline.serve(request, signal));
    },
    /** Most memory that this process has had, in bytes. */
    peak: async (): Promise<number> => process.resourceUsage().maxRSS * 1024,
  };
}

export type PipelineHandlers = ReturnType<typeof handlersFor>;

/** Serves this process's parent. */
export const servePipeline = (families?: readonly Family[]): void => serveEngine(handlersFor(families));
