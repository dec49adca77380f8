// What a worker does for its page: one model, opened by the first request. Everything that computes is here, so the page stays
// responsive, and closing it gives all memory back.
import { RuntimeError } from '../util/errors.ts';
import { serveWorker } from '../runtime/engine-worker.ts';
import { withoutPixels } from '../sdk/banana.ts';
import type { PeelInfo } from '../adapters/peel.ts';
import type { Sent } from '../draw/pictures.ts';
import type { Family, ModelInfo } from '../models/family.ts';
import type { TrainingPicture } from '../disk/pictures.ts';
import { crossing } from './crossing.ts';
import { openEngineHere, type WebEngine, type WebTrainOptions } from './engine.ts';
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
    train: ({ pictures, options }: { pictures: readonly TrainingPicture[]; options: WebTrainOptions }, signal: AbortSignal) =>
      opened().train(pictures, options, signal),
    addPeel: async (file: Uint8Array): Promise<PeelInfo> => opened().addPeel(file),
    /** Answered when everything before it is done. */
    idle: async (): Promise<void> => {},
    removePeel: async (name: string): Promise<boolean> => opened().removePeel(name),
  };
}

export type WebHandlers = ReturnType<typeof handlersFor>;

/** Serves the page that started this worker. */
export const servePage = (families?: readonly Family[]): void => serveWorker(handlersFor(families));
