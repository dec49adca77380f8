// The worker of banana-sdk/web: a page starts this file as a module worker and hands it to openBananaWorker. One model, opened by
// the first request. Everything that computes is here, so the page stays responsive, and closing it gives all memory back.
import { RuntimeError } from '../util/errors.ts';
import { serveWorker } from '../runtime/engine-worker.ts';
import { withoutPixels } from '../sdk/banana.ts';
import type { PeelInfo } from '../adapters/peel.ts';
import type { Sent } from '../draw/pictures.ts';
import type { ModelInfo } from '../models/family.ts';
import type { TrainingPicture } from '../disk/pictures.ts';
import { crossing } from './crossing.ts';
import { openEngineHere, type WebEngine, type WebTrainOptions } from './engine.ts';
import type { OpenBananaOptions } from './options.ts';

let engine: WebEngine | undefined;

function opened(): WebEngine {
  if (!engine) throw new RuntimeError('engine.empty', 'no model was loaded');
  return engine;
}

const handlers = {
  async open(options: Omit<OpenBananaOptions, 'limits' | 'signal'>): Promise<ModelInfo> {
    await engine?.close();
    engine = await openEngineHere(options);
    return engine.model;
  },
  draw: (request: Sent, signal: AbortSignal) => crossing(withoutPixels(opened().start(request, signal))),
  train: ({ pictures, options }: { pictures: readonly TrainingPicture[]; options: WebTrainOptions }, signal: AbortSignal) => opened().train(pictures, options, signal),
  addPeel: async (file: Uint8Array): Promise<PeelInfo> => opened().addPeel(file),
  /** Answered when everything before it is done. */
  idle: async (): Promise<void> => {},
  removePeel: async (name: string): Promise<boolean> => opened().removePeel(name),
};

export type WebHandlers = typeof handlers;

serveWorker(handlers);
