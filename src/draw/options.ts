// What a request may hold, by name and type: the one check at the edge, before anything looks at a value. A key that is none is
// refused with what it probably means: a slip of the finger, or another tool's word. Not here: ranges and what belongs together
// (prompt.ts, size.ts, start.ts, subjects.ts, peels.ts; text-to-image.ts calls them all).
import { InputError } from '../util/errors.ts';
import { slips } from '../util/slips.ts';
import type { PeelChoice } from './peels.ts';
import type { PromptOptions } from './prompt.ts';
import type { SizeOptions } from './size.ts';
import type { PictureOptions } from './start.ts';
import type { SubjectReference } from './subjects.ts';

export interface GenerateOptions extends PromptOptions, SizeOptions, PictureOptions {
  /** A whole number from 0; picture i uses seed + i. Drawn at random, and reported, when left out. */
  seed?: number;
  /** 1, 2 or 4. */
  steps?: number;
  /** Pictures, 1 to 1000. */
  count?: number;
  /** How closely to follow the prompt, 0 to 20; the model's own choice when left out. */
  guidance?: number;
  /** Longer side in pixels of the preview after each step; 0 for none. */
  preview?: number;
  /** Share of the model's latent tokens to draw with, 1/16 to 1: less is faster and coarser. Default 1. */
  detail?: number;
  /** Pictures of the subjects that the prompt calls <1> to <5>. */
  references?: readonly SubjectReference[];
  /** Peels to draw with; a prompt may name some too, as <peel:name:0.8>. */
  peels?: readonly PeelChoice[];
}

/** A request as it is given: the options of a picture, and what cancels it. */
export type Request = GenerateOptions & { signal?: AbortSignal | undefined };

interface Kind {
  readonly expected: string;
  fits(value: unknown): boolean;
  /** What to do about something else. */
  readonly hint?: (value: unknown) => string | undefined;
}

const isObject = (x: unknown): x is Record<string, unknown> => typeof x === 'object' && x !== null;
const isBytes = (x: unknown) => x instanceof ArrayBuffer || ArrayBuffer.isView(x);
const isSide = (x: unknown) => Number.isInteger(x) && (x as number) > 0;
const isPixels = (x: unknown) => x instanceof Uint8ClampedArray || x instanceof Uint8Array;

const TEXT: Kind = { expected: 'a text', fits: (x) => typeof x === 'string' };
const PROMPT: Kind = { ...TEXT, hint: (x) => (Array.isArray(x) ? 'make a request for each prompt' : undefined) };
const NUMBER: Kind = {
  expected: 'a number',
  fits: (x) => typeof x === 'number',
  hint: (x) => (typeof x === 'string' && x.trim() !== '' && Number.isFinite(Number(x)) ? `write ${Number(x)} without quotes` : undefined),
};
const PICTURE: Kind = {
  expected: 'a picture { width, height, data: Uint8ClampedArray }',
  fits: (x) => isObject(x) && isSide(x.width) && isSide(x.height) && isPixels(x.data),
  hint: (x) => (typeof x === 'string' || isBytes(x) ? 'read and decode the file first (decodeImage of banana-sdk/node)' : undefined),
};
const LIST: Kind = { expected: 'a list', fits: Array.isArray };
const SIGNAL: Kind = {
  expected: 'an AbortSignal',
  fits: (x) => isObject(x) && typeof x.aborted === 'boolean' && typeof x.throwIfAborted === 'function' && typeof x.addEventListener === 'function',
  hint: (x) => (isObject(x) && 'signal' in x ? "give the controller's signal" : undefined),
};

const KINDS: { readonly [K in keyof Required<Request>]: Kind } = {
  prompt: PROMPT, style: TEXT, background: TEXT,
  width: NUMBER, height: NUMBER, aspect: TEXT,
  image: PICTURE, strength: NUMBER, mask: PICTURE,
  seed: NUMBER, steps: NUMBER, count: NUMBER, guidance: NUMBER, preview: NUMBER, detail: NUMBER,
  references: LIST, peels: LIST, signal: SIGNAL,
};

/** What other tools say, in lower case and without - and _, and what is said here. */
const SYNONYMS: Readonly<Record<string, string>> = {
  size: 'width and height', resolution: 'width and height', aspectratio: 'aspect',
  n: 'count', num: 'count', numimages: 'count', numoutputs: 'count', numimagesperprompt: 'count', batchsize: 'count', batchcount: 'count',
  numinferencesteps: 'steps', inferencesteps: 'steps', samplingsteps: 'steps', numsteps: 'steps', samplesteps: 'steps',
  guidancescale: 'guidance', cfg: 'guidance', cfgscale: 'guidance', generator: 'seed', manualseed: 'seed',
  text: 'prompt', caption: 'prompt', stylepreset: 'style', transparent: "background: 'transparent'",
  initimage: 'image', inputimage: 'image', imageurl: 'image', maskimage: 'mask',
  denoise: 'strength', denoisingstrength: 'strength', imagestrength: 'strength',
  lora: 'peels', loras: 'peels', adapters: 'peels', peel: 'peels', subjects: 'references', referenceimages: 'references', abortsignal: 'signal',
};
/** What other tools take and nothing here does, and what to do. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  negativeprompt: 'there are no negative prompts: say in prompt what is to be there',
  model: 'openBanana takes it', runtime: 'openBanana takes it', threads: 'openBanana takes it', precision: 'openBanana takes it',
  sampler: 'the model has one sampler', scheduler: 'the model has one sampler', samplername: 'the model has one sampler',
  quality: 'encode and save of the picture take it', outputformat: 'encode and save of the picture take it', responseformat: 'encode and save of the picture take it',
  onprogress: 'generate() yields what is known as it becomes known', callback: 'generate() yields what is known as it becomes known',
};

/**
 * Throws InputError unless every key is an option and every value of its type: `options.unknown`, `options.type`, `prompt.empty` where
 * there is no prompt. What is undefined is as good as left out.
 */
export function checkTypes(options: unknown): asserts options is Request {
  if (!isObject(options) || Array.isArray(options)) throw new InputError('options.type', `the request is ${found(options)}: expected an object such as { prompt: 'a fox' }`);
  for (const [key, value] of Object.entries(options)) {
    if (!Object.hasOwn(KINDS, key)) throw new InputError('options.unknown', `no option "${key}": ${meant(key)}`);
    if (value !== undefined) checkKind(key, value, KINDS[key as keyof Request]);
  }
  if (options.prompt === undefined) throw new InputError('prompt.empty', 'there is no prompt: say what to draw');
  for (const [i, one] of ((options.references ?? []) as unknown[]).entries()) checkReference(one, `references[${i}]`);
}

function checkReference(one: unknown, name: string): void {
  if (!isObject(one)) throw new InputError('options.type', `${name} is ${found(one)}: expected { slot: 1, image }`);
  checkKind(`${name}.slot`, one.slot, NUMBER);
  checkKind(`${name}.image`, one.image, PICTURE);
}

function checkKind(name: string, value: unknown, { expected, fits, hint }: Kind): void {
  if (fits(value)) return;
  const advice = value === null ? 'leave it out where it is not wanted' : hint?.(value);
  throw new InputError('options.type', `${name} is ${found(value)}: expected ${expected}${advice ? `; ${advice}` : ''}`);
}

/** What a value is, in a word or two. */
function found(value: unknown): string {
  if (typeof value === 'string') return `the text ${JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}...` : value)}`;
  if (Array.isArray(value)) return 'a list';
  if (isBytes(value)) return 'bytes';
  if (typeof value === 'function') return 'a function';
  return isObject(value) ? 'an object' : String(value);
}

const SLIPS = 2;

/** What someone who wrote this key wants to know. */
function meant(key: string): string {
  const word = key.toLowerCase().replace(/[-_]/g, '');
  if (Object.hasOwn(ELSEWHERE, word)) return ELSEWHERE[word]!;
  if (Object.hasOwn(SYNONYMS, word)) return `it is ${SYNONYMS[word]} here`;
  const names = Object.keys(KINDS);
  const [nearest] = names.map((name) => ({ name, slips: slips(word, name) })).sort((a, b) => a.slips - b.slips);
  return nearest!.slips <= SLIPS && nearest!.slips < word.length ? `did you mean ${nearest!.name}?` : `there are ${names.join(', ')}`;
}
