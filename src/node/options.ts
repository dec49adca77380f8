// What openBanana takes in Node: a table of options. It is checked before a process is started.
import { flag, text, type Given } from '../draw/option.ts';
import { checked } from '../draw/refusal.ts';
import type { LayeredPreset } from '../models/layers/config.ts';
import { NARROWER, OPENING, PRECISION, RUNTIME, SIGNAL, THREADS } from '../sdk/opening.ts';

/** How a pipeline is loaded. */
export const LOADING = {
  /** A preset's name, or the path of a model file; default: the shipped model. */
  model: {
    ...text<LayeredPreset | (string & {})>(),
    about: 'a preset, or the path of a model file',
    otherwise: 'the shipped model',
    code: 'model.missing',
    words: ['preset', 'checkpoint', 'modelid', 'modelpath'],
  },
  /** 'auto': the CPU by onnxruntime-node where that is installed, else WebAssembly. */
  runtime: RUNTIME,
  /** 1 to 256. */
  threads: THREADS,
  /** How weights are multiplied: 'float32', 'int8' or 'int4'; default: as is fastest here. */
  precision: PRECISION,
  /** Folder of the Peels that a request may name; default: the environment's BANANA_PEELS, or .banana/peels in the user's own. */
  peels: {
    ...text(),
    about: 'folder of the Peels that a request may name',
    otherwise: 'BANANA_PEELS, or .banana/peels',
    code: 'peel.missing',
  },
};

export const OPEN_OPTIONS = {
  ...LOADING,
  /** Run in this process: it stands still during each step. Default: in a child process. */
  inProcess: {
    ...flag(),
    about: 'run in this process: it stands still during each step',
    otherwise: 'a child process',
    code: 'options.type',
  },
  /** How much a request may ask for, where that is less than can be drawn. */
  limits: NARROWER,
  /** Gives up starting and loading. */
  signal: SIGNAL,
};

export interface LoadOptions extends Given<typeof LOADING> {}
export interface OpenBananaOptions extends Given<typeof OPEN_OPTIONS> {}

/** Throws InputError for an option that is none or cannot be. */
export const checkedOpening = (given: unknown): OpenBananaOptions => checked(OPEN_OPTIONS, given, OPENING);
