// What openBanana takes in a browser: a table of options, checked before anything is opened.
import { object, text, type Given } from '../draw/option.ts';
import { checked } from '../draw/refusal.ts';
import { NARROWER, OPENING, PRECISION, RUNTIME, SIGNAL, THREADS } from '../sdk/opening.ts';

export const OPEN_OPTIONS = {
  /** A model's .safetensors file: its bytes, or the file itself, of which a worker reads what it needs. */
  model: {
    ...object<Uint8Array | Blob>('a model file: its bytes, or a File', (x) => x instanceof Uint8Array || x instanceof Blob),
    needed: true as const,
    about: 'a model file: its bytes, or a File',
    code: 'model.missing',
    missing: 'there is no model: give its .safetensors file, or the bytes of it',
  },
  /** 'auto': WebGPU where there is an adapter, else WebAssembly. */
  runtime: RUNTIME,
  /** 1 to 256. */
  threads: THREADS,
  /** How weights are multiplied; default: as is fastest on the runtime, 'int8' on WASM where its kernel is exact. */
  precision: PRECISION,
  /** Where onnxruntime-web's files are served: see runtime/ort-web.ts. */
  assets: { ...text(), about: "where onnxruntime-web's files are served", code: 'options.type' },
  /** How much a request may ask for, where that is less than can be drawn. */
  limits: NARROWER,
  /** Gives up starting and loading a worker. */
  signal: SIGNAL,
};

export interface OpenBananaOptions extends Given<typeof OPEN_OPTIONS> {}

/** Throws InputError for an option that is none or cannot be. */
export const checkedOpening = (given: unknown): OpenBananaOptions => checked(OPEN_OPTIONS, given, OPENING);
