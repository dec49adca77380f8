// The options of OpenAI's interface for pictures, as a table like our own (draw/option.ts): from it come the check with its words and the
// JSON schema. What a picture here can be asked for beyond theirs (seed, steps, peels...) keeps our names and our rows.
// https://platform.openai.com/docs/api-reference/images
import * as z from 'zod/mini';
import { choice, flag, matching, text, whole, wired, type Option, type Options, type Schema } from '../draw/option.ts';
import { checked } from '../draw/refusal.ts';
import { optionsOf, SIDE_MAX, type GenerateOptions, type Limits } from '../draw/request.ts';
import type { WireRequest } from '../draw/wire.ts';
import type { ImageFormat } from '../disk/codec.ts';
import { InputError } from '../util/errors.ts';
import { MODEL } from './models.ts';

const CODE = { code: 'options.openai' };
const FORMATS = ['png', 'jpeg', 'webp'] as const;
const COUNT_MAX = 10;
const PARTIAL_MAX = 3;
/** How far along a model's steps their words for quality are; auto and standard are as many as it takes by itself. */
const QUALITY: Readonly<Record<string, number | undefined>> = {
  low: 0,
  medium: 0.5,
  high: 1,
  xhigh: 1,
  max: 1,
  auto: undefined,
  standard: undefined,
  hd: 1,
};

/** Steps of a word for quality; undefined: the model's own. */
function stepsOf(quality: string, steps: readonly number[]): number | undefined {
  const share = QUALITY[quality];
  return share === undefined ? undefined : steps[Math.floor(share * (steps.length - 1))];
}

/** What is taken and changes nothing: of moderation, of whom they serve. */
const anything = (about: string): Option => ({
  schema: z.unknown() as Schema,
  expected: 'anything',
  is: () => true,
  refuse: (path) => path,
  about: `${about}; it changes nothing here`,
  ...CODE,
});

/** Ours that have the same meaning there, or that they do not have. */
const OWN = [
  'prompt',
  'negative',
  'seed',
  'steps',
  'guidance',
  'strength',
  'detail',
  'metadata',
  'peels',
  'references',
  'objects',
] as const;

const own = (limits: Limits): Options => {
  const options = wired(optionsOf(limits));
  return Object.fromEntries(OWN.map((name) => [name, options[name]!]));
};

/** The options of a request within limits. */
export const openaiOptions = (limits: Limits): Options => ({
  ...own(limits),
  model: MODEL,
  n: { ...whole(1, Math.min(COUNT_MAX, limits.count)), about: 'pictures, with seeds that count up', default: 1, ...CODE },
  size: {
    ...matching(/^(auto|\d{1,5}x\d{1,5})$/, `auto, or such as 640x480 with sides up to ${SIDE_MAX}`, 'is no size'),
    about: 'width and height in pixels',
    default: 'auto',
    ...CODE,
  },
  quality: {
    ...choice('quality', Object.keys(QUALITY)),
    about: `steps: ${['low', 'medium', 'high'].map((word) => `${word} ${stepsOf(word, limits.steps)}`).join(', ')}; auto and standard the model's own`,
    default: 'auto',
    ...CODE,
  },
  background: {
    ...choice('background', ['transparent', 'opaque', 'auto']),
    about: 'what is behind what is drawn',
    default: 'auto',
    ...CODE,
  },
  style: { ...text(), about: 'a style that the model knows; vivid and natural change nothing', ...CODE },
  output_format: { ...choice('output format', FORMATS), about: 'kind of file', default: 'png', ...CODE },
  output_compression: { ...whole(0, 100), about: 'quality of JPEG and WebP', default: 90, ...CODE },
  response_format: {
    ...choice('response format', ['b64_json', 'url']),
    about: 'the file in the answer, or its address here for an hour',
    default: 'b64_json',
    ...CODE,
  },
  stream: { ...flag(), about: 'answers with events as they come', otherwise: 'false', ...CODE },
  partial_images: { ...whole(0, PARTIAL_MAX), about: 'previews of each picture, when streamed', default: 0, ...CODE },
  ...Object.fromEntries(
    ['user', 'safety_identifier', 'moderation', 'input_fidelity', 'complexity'].map((name) => [name, anything(name.replace('_', ' '))]),
  ),
});

/** A request, understood. */
export interface OpenaiRequest {
  readonly options: Omit<GenerateOptions, 'image' | 'mask' | 'references' | 'objects'>;
  /** What holds files in base64, as they came. */
  readonly sent: Pick<WireRequest, 'references' | 'objects'>;
  readonly format: ImageFormat;
  readonly compression: number | undefined;
  readonly url: boolean;
  readonly stream: boolean;
  readonly partial: number;
  /** As they were asked for, or what was used. */
  readonly quality: string;
  readonly background: string;
}

const KEPT = ['negative', 'seed', 'guidance', 'strength', 'detail', 'metadata', 'peels'] as const;

/** What the table lets through. */
interface Found extends Pick<GenerateOptions, 'prompt' | 'style' | (typeof KEPT)[number]> {
  readonly steps?: number;
  readonly references?: WireRequest['references'];
  readonly objects?: WireRequest['objects'];
  readonly n?: number;
  readonly size?: string;
  readonly quality?: string;
  readonly background?: string;
  readonly output_format?: (typeof FORMATS)[number];
  readonly output_compression?: number;
  readonly response_format?: string;
  readonly stream?: boolean;
  readonly partial_images?: number;
}

/** Reads a request. Throws InputError with the option's path. What is null is left out. */
export function readOpenai(body: unknown, limits: Limits): OpenaiRequest {
  const given =
    typeof body === 'object' && body !== null && !Array.isArray(body)
      ? Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null))
      : body;
  const found = checked(openaiOptions(limits), given, { name: 'the request', example: '{ "prompt": "a fox" }' }) as unknown as Found;
  const {
    n = 1,
    size = 'auto',
    quality = 'auto',
    background = 'auto',
    output_format: format = 'png',
    output_compression: compression,
  } = found;
  const {
    response_format,
    stream = false,
    partial_images: partial = 0,
    references,
    objects,
    style,
    steps = stepsOf(quality, limits.steps),
    prompt,
  } = found;
  const kept = Object.fromEntries(KEPT.filter((name) => found[name] !== undefined).map((name) => [name, found[name]]));
  if (background === 'transparent' && format === 'jpeg')
    throw new InputError('options.openai', 'a JPEG has no transparency: choose png or webp as output_format', { path: 'output_format' });
  return {
    options: {
      ...kept,
      prompt: prompt,
      count: n,
      ...(steps !== undefined && { steps }),
      preview: 0,
      ...sidesOf(size),
      ...(background === 'transparent' && { background }),
      ...(style && !['vivid', 'natural'].includes(style) && { style }),
    },
    sent: { ...(references && { references }), ...(objects && { objects }) },
    format,
    compression,
    url: response_format === 'url',
    stream,
    partial: stream ? partial : 0,
    quality,
    background: background === 'transparent' ? background : 'opaque',
  };
}

function sidesOf(size: string): { width?: number; height?: number } {
  if (size === 'auto') return {};
  const [width, height] = size.split('x').map(Number) as [number, number];
  return { width, height };
}

/** The fields of a form as JSON would have them; files apart, by name (`image[]` is image). */
export function fieldsOf(form: FormData, limits: Limits): { body: Record<string, unknown>; files: ReadonlyMap<string, readonly File[]> } {
  const options = openaiOptions(limits);
  const body: Record<string, unknown> = {};
  const files = new Map<string, File[]>();
  for (const [key, value] of form) {
    const name = key.replace(/\[\d*\]$/, '');
    if (typeof value === 'string') body[name] = valueOf(value, Object.hasOwn(options, name) ? options[name]! : undefined);
    else files.set(name, [...(files.get(name) ?? []), value]);
  }
  return { body, files };
}

/** A text of a form as a value of an option. What does not read as one stays a text, and is refused as such. */
function valueOf(value: string, option: Option | undefined): unknown {
  if (option?.expected === 'a number') return value.trim() !== '' && Number.isFinite(Number(value)) ? Number(value) : value;
  if (option?.expected === 'true or false') return value === 'true' ? true : value === 'false' ? false : value;
  if (option?.expected !== 'a list') return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}
