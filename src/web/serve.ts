// What a worker does for its page: one model, opened by the first request. Everything that computes is here, so the page stays
// responsive, and closing it gives all memory back.
import { RuntimeError } from '../util/errors.ts';
import { serveWorker } from '../runtime/engine-worker.ts';
import { withoutPixels } from '../sdk/banana.ts';
import { peelHandlers } from '../sdk/peels.ts';
import type { Sent } from '../draw/pictures.ts';
import type { Family, ModelInfo } from '../models/family.ts';
import { crossing } from './crossing.ts';
import { importing, type ImportTask } from './import.ts';
import { openEngineHere, type WebEngine } from './engine.ts';
import type { OpenBananaOptions } from './options.ts';

function handlersFor(families?: readonly Family[]) {
  let engine: WebEngine | undefined;
  const opened = (): WebEngine => {
    if (!engine) throw new RuntimeError('engine.empty', 'no model was loaded');
    return engine;
  };
  return {
    async open(options: Omit<OpenBananaOptions, 'limits' | 'signal'>): Promise<ModelInfo> {
      await engine?.close();
      engine = await openEngineHere(options, families);
      return engine.model;
    },
    draw: (request: Sent, signal: AbortSignal) => crossing(withoutPixels(opened().start(request, signal))),
    import: (task: ImportTask, signal: AbortSignal) => importing(task, signal),
    ...peelHandlers(opened),
  };
}

export type WebHandlers = ReturnType<typeof handlersFor>;

/** Serves the page that started this worker. */
export const servePage = (families?: readonly Family[]): void => serveWorker(handlersFor(families));
