// What a model can be opened with, wherever that is: rows as those of a request (draw/request.ts). A face puts them into a table of its own.
import { choice, isObject, object, whole } from '../draw/option.ts';
import { LIMITS, optionsOf, type Limits } from '../draw/request.ts';
import { PRECISIONS } from '../quant/names.ts';
import { RUNTIME_NAMES } from '../runtime/names.ts';

const THREADS_MAX = 256;

/** How the options of openBanana are called where they are none. */
export const OPENING = { name: 'what to open', example: '{ threads: 2 }' };

export const RUNTIME = {
  ...choice('runtime', ['auto', ...RUNTIME_NAMES]),
  about: 'what computes; reference is plain JavaScript: slow, to compare with',
  otherwise: 'auto, the fastest that opens',
  code: 'runtime.unknown',
  flag: '--runtime <name>',
  words: ['device', 'provider', 'backend'],
};

export const THREADS = {
  ...whole(1, THREADS_MAX),
  about: 'threads of the CPU',
  otherwise: "ONNX Runtime's choice",
  code: 'options.threads',
  flag: '--threads <n>',
  words: ['numthreads', 'nthreads'],
};

export const PRECISION = {
  ...choice('precision', PRECISIONS),
  about: 'how weights are multiplied',
  otherwise: 'the fastest here',
  code: 'options.precision',
  flag: '--precision <name>',
  words: ['dtype', 'quantization'],
};

export const NARROWER = {
  ...object<Partial<Limits>>('an object such as { count: 4 }', isObject),
  about: 'how much a request may ask for, where that is less than can be drawn',
  code: 'options.limits',
};

export const SIGNAL = { ...optionsOf(LIMITS).signal, about: 'gives up opening' };
