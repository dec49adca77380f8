// One option of a request: what it may be (a schema of zod, https://zod.dev) and the words for everything that is said about it: in
// refusals, in the help of the command, in the JSON schema, in the table of the docs. Here are the kinds of options and what a table of
// them makes; the tables are elsewhere (request.ts, live/options.ts). zod/mini, because this goes to browsers too.
import * as z from 'zod/mini';
import type { Image } from '../image/image.ts';

export type Schema = z.ZodMiniType;

export interface Option<S extends Schema = Schema> {
  readonly schema: S;
  /** Its type in words, such as 'a number'. */
  readonly expected: string;
  /** Whether a value is of that type. */
  readonly is: (value: unknown) => boolean;
  /** What to do about one that is not. */
  readonly hint?: ((value: unknown) => string | undefined) | undefined;
  /** What is said of a value of the right type that cannot be. */
  readonly refuse: (path: string, value: never) => string;
  /** What it may be, in words: a range or a list. */
  readonly range?: string;
  /** What the entries of a list may be. */
  readonly entries?: Options;
  /** Whether it cannot be left out, and what is said then. */
  readonly needed?: true;
  readonly missing?: string;
  /** What it is: no sentence, and without range and default. */
  readonly about: string;
  /** Code of the error for a value of the right type that cannot be. */
  readonly code: string;
  /** What is used when it is left out: a value, or in words where it depends. */
  readonly default?: number | string;
  readonly otherwise?: string;
  /** As the command takes it, such as '-W, --width <pixels>'. */
  readonly flag?: string;
  /** What other tools call it, in lower case and without - and _. */
  readonly words?: readonly string[];
  /** What it is in JSON, where that is something else; 'never': only the program itself can give it, no request from elsewhere. */
  readonly wire?: Kind<Schema> | 'never';
}

/** Options by name. */
export type Options = Readonly<Record<string, Option>>;

/** What a kind of option says by itself. */
type Kind<S extends Schema> = Pick<Option<S>, 'schema' | 'expected' | 'is' | 'hint' | 'refuse' | 'range' | 'entries' | 'wire'>;

export const isObject = (x: unknown): x is Record<string, unknown> => typeof x === 'object' && x !== null;

/** A text; `W`: what editors offer. */
export const text = <W extends string = string>(): Kind<Schema & z.ZodMiniType<W>> => ({
  schema: z.string() as Schema as Schema & z.ZodMiniType<W>,
  expected: 'a text',
  is: (x) => typeof x === 'string',
  refuse: (path) => path,
});

/** A text of a form. */
export const matching = (form: RegExp, range: string, cannot: string): Kind<z.ZodMiniString> => ({
  ...text(),
  schema: z.string().check(z.regex(form)),
  range,
  refuse: (_, value: string) => `${JSON.stringify(value.slice(0, 80))} ${cannot}: ${range}`,
});

const isNumber = (x: unknown): boolean => typeof x === 'number';
const NUMBER = {
  expected: 'a number',
  is: isNumber,
  hint: (x: unknown) =>
    typeof x === 'string' && x.trim() !== '' && Number.isFinite(Number(x)) ? `write ${Number(x)} without quotes` : undefined,
};
const outside = (range: string) => ({ ...NUMBER, range, refuse: (path: string, value: number) => `${path} ${value}: expected ${range}` });

/** A whole number from `low` to `high`; `unit` as in ' of pixels'. */
export const whole = (low: number, high: number, unit = ''): Kind<z.ZodMiniNumber> => ({
  ...outside(`a whole number${unit} from ${low} to ${high}`),
  schema: z.int().check(z.gte(low), z.lte(high)),
});

export const decimal = (low: number, high: number): Kind<z.ZodMiniNumber> => ({
  ...outside(`a number from ${low} to ${high}`),
  schema: z.number().check(z.gte(low), z.lte(high)),
});

/** Whether whole numbers, least first, are all that there are between the first and the last. */
const isRun = (values: readonly number[]): boolean => values.length > 2 && values.at(-1)! - values[0]! === values.length - 1;

/** Whole numbers, least first, in words: "1, 2, 4", or "1 to 50". */
export const inWords = (values: readonly number[]): string => (isRun(values) ? `${values[0]} to ${values.at(-1)}` : values.join(', '));

/** One of some whole numbers, least first. */
export const among = (values: readonly number[]): Kind<Schema & z.ZodMiniType<number>> =>
  isRun(values)
    ? whole(values[0]!, values.at(-1)!)
    : {
        ...NUMBER,
        range: values.join(', '),
        schema: z.literal([...values]),
        refuse: (path, value: number) => `${path} ${value}: choose one of ${values.join(', ')}`,
      };

/** One of some words. `noun` is what they are; `advice` what to do where none fits. */
export const choice = <const W extends readonly string[]>(
  noun: string,
  words: W,
  advice = '',
): Kind<Schema & z.ZodMiniType<W[number]>> => ({
  ...text(),
  range: words.join(', '),
  schema: z.enum(words as readonly string[]) as Schema as Schema & z.ZodMiniType<W[number]>,
  refuse: (_, value: string) => `unknown ${noun} "${value}": choose one of ${words.join(', ')}${advice}`,
});

export const flag = (): Kind<z.ZodMiniBoolean> => ({
  schema: z.boolean(),
  expected: 'true or false',
  is: (x) => typeof x === 'boolean',
  refuse: (path) => path,
});

/** A value that only a program can give. */
export const object = <T>(expected: string, is: (value: unknown) => boolean, hint?: Option['hint']): Kind<z.ZodMiniCustom<T, T>> => ({
  schema: z.custom<T>(is),
  expected,
  is,
  hint,
  refuse: (path) => path,
  wire: 'never',
});

/** Some of these numbers. */
export const someOf = (values: readonly number[]): Kind<Schema & z.ZodMiniType<readonly number[]>> => ({
  schema: z.array(z.literal([...values])).check(z.minLength(1)) as Schema as Schema & z.ZodMiniType<readonly number[]>,
  expected: 'a list',
  is: () => true,
  range: `some of ${inWords(values)}`,
  refuse: (path, found: unknown) => `${path} ${JSON.stringify(found)}: expected some of ${inWords(values)}`,
});

const isSide = (x: unknown) => Number.isInteger(x) && (x as number) > 0;
const isPixels = (x: unknown) => x instanceof Uint8ClampedArray || x instanceof Uint8Array;
export const isImage = (x: unknown): x is Image => isObject(x) && isSide(x.width) && isSide(x.height) && isPixels(x.data);

/** The file of a picture as JSON has it. */
const pictureFile = (bytes: number): Kind<Schema> => ({
  ...text(),
  schema: z
    .string()
    .check(z.minLength(1), z.maxLength(4 * Math.ceil(bytes / 3)))
    .register(ABOUT, { contentEncoding: 'base64', contentMediaType: 'image/*' }),
  expected: 'the file of a picture in base64',
  range: `the file of a picture in base64, at most ${bytes} bytes`,
  refuse: (path, { length }: string) => `${path} of ${length} characters: expected the file of a picture in base64, at most ${bytes} bytes`,
});

/** A decoded picture of at most so many bytes; in JSON a file of at most as many, in base64. `noun`: what it is called instead of its path. */
export const picture = (bytes: number, noun?: string): Kind<z.ZodMiniCustom<Image, Image>> => ({
  schema: z.custom<Image>((x) => isImage(x) && x.data.length === x.width * x.height * 4 && x.data.length <= bytes),
  expected: 'a picture { width, height, data: Uint8ClampedArray }',
  is: isImage,
  hint: (x) =>
    typeof x === 'string' || x instanceof ArrayBuffer || ArrayBuffer.isView(x)
      ? 'read and decode the file first (decodeImage of banana-sdk/node)'
      : undefined,
  refuse: (path, { width, height, data }: Image) =>
    data.length === width * height * 4
      ? `${noun ?? path} of ${width}x${height} has ${data.length} bytes: expected at most ${bytes}; make it smaller`
      : `${noun ?? path} of ${width}x${height} has ${data.length} bytes, expected ${width * height * 4}`,
  wire: pictureFile(bytes),
});

/** Objects with options of their own, at most so many. `one`: what such an object is; `several`: what more than one are called. */
export const listOf = <O extends Options>(
  entries: O,
  most: number,
  one: string,
  several: string,
): Kind<Schema & z.ZodMiniType<readonly Given<O>[]>> => ({
  ...list(entries, most, one, several),
  wire: list(wired(entries), most, one, several),
});

const list = <O extends Options>(
  entries: O,
  most: number,
  one: string,
  several: string,
): Kind<Schema & z.ZodMiniType<readonly Given<O>[]>> => ({
  schema: z.array(schemaOf(entries)).check(z.maxLength(most)) as Schema as Schema & z.ZodMiniType<readonly Given<O>[]>,
  expected: 'a list',
  is: Array.isArray,
  range: `at most ${most}, each ${one}`,
  refuse: (_, { length }: unknown[]) => `${length} ${several}: expected at most ${most}`,
  entries,
});

/** A table of options as JSON from elsewhere has them. */
export const wired = (options: Options): Options =>
  Object.fromEntries(
    Object.entries(options).flatMap(([name, option]) => (option.wire === 'never' ? [] : [[name, { ...option, ...option.wire }]])),
  );

type NeededIn<O extends Options> = { [N in keyof O]: O[N] extends { needed: true } ? N : never }[keyof O];

/** What a table of options takes: all but what is needed may be left out. The comments of the table's rows stay with the names. */
export type Given<O extends Options> = { [N in keyof Pick<O, NeededIn<O>>]: z.output<O[N]['schema']> } & {
  [N in keyof Omit<O, NeededIn<O>>]?: z.output<O[N]['schema']>;
};

/** What a JSON schema says beside the schema. */
export const ABOUT = z.registry<{ description?: string; default?: number | string; contentEncoding?: string; contentMediaType?: string }>();

const schemas = new WeakMap<Options, z.ZodMiniObject>();

/** The schema of an object that holds options and nothing else; made once for a table. */
export function schemaOf(options: Options): z.ZodMiniObject {
  const schema = schemas.get(options) ?? objectOf(options);
  schemas.set(options, schema);
  return schema;
}

function objectOf(options: Options): z.ZodMiniObject {
  const shape = Object.entries(options).map(([name, { schema, about, otherwise, default: byDefault, needed }]) => {
    const said = {
      description: otherwise === undefined ? about : `${about}; left out: ${otherwise}`,
      ...(byDefault !== undefined && { default: byDefault }),
    };
    return [name, (needed ? z.nonoptional(schema) : z.optional(schema)).register(ABOUT, said)] as const;
  });
  return z.strictObject(Object.fromEntries(shape));
}
