// What the pipeline's own process does: one pipeline, loaded by the first request.
import { RuntimeError } from '../util/errors.ts';
import { serveEngine } from './engine-process.ts';
import { withoutPixels } from '../sdk/banana.ts';
import { peelHandlers } from '../sdk/peels.ts';
import { loadEngine } from './load.ts';
import type { LoadOptions } from './options.ts';
import type { Sent } from '../draw/pictures.ts';
import type { Family, ModelInfo } from '../models/family.ts';

function handlersFor(families?: readonly Family[]) {
  let pipeline: Awaited<ReturnType<typeof loadEngine>> | undefined;
  const opened = () => {
    if (!pipeline) throw new RuntimeError('engine.empty', 'no model was loaded');
    return pipeline;
  };
  return {
    async load(options: LoadOptions): Promise<ModelInfo> {
      pipeline = await loadEngine(options, families);
      return pipeline.model;
    },
    draw: (request: Sent, signal: AbortSignal) => withoutPixels(opened().serve(request, signal)),
    ...peelHandlers(opened),
    /** Most memory that this process has had, in bytes. */
    peak: async (): Promise<number> => process.resourceUsage().maxRSS * 1024,
  };
}

export type PipelineHandlers = ReturnType<typeof handlersFor>;

/** Serves this process's parent. */
export const servePipeline = (families?: readonly Family[]): void => serveEngine(handlersFor(families));
