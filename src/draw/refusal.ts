// What is said of options that cannot be: one line with where, what was found, what is expected and what to do. A key that is no option
// is answered with what it probably means: a slip of the finger, or another tool's word.
import { safeParse, type core } from 'zod/mini';
import type { InputCode } from '../util/codes.ts';
import { InputError } from '../util/errors.ts';
import { nearest } from '../util/slips.ts';
import { isObject, schemaOf, type Given, type Option, type Options } from './option.ts';

/**
 * Options that are all of their type and in their range. What is undefined is as good as left out. Throws InputError `options.unknown`
 * for a key that is none, `options.type` for a value of another type, and the option's own code for one that cannot be.
 * `what`: what they are options of; `elsewhere`: keys that are none, and what to do instead.
 */
export function checked<O extends Options>(
  options: O,
  given: unknown,
  what: Whole,
  elsewhere: Readonly<Record<string, string>> = {},
): Given<O> {
  if (!isObject(given) || Array.isArray(given))
    throw new InputError('options.type', `${what.name} is ${found(given)}: expected an object such as ${what.example}`);
  const result = safeParse(schemaOf(options), given);
  if (result.success) return result.data as Given<O>;
  const { issues } = result.error;
  throw refusal(options, given, issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0]!, elsewhere);
}

/** How all of the options together are called. */
export interface Whole {
  readonly name: string;
  readonly example: string;
}

function refusal(options: Options, given: object, issue: core.$ZodIssue, elsewhere: Readonly<Record<string, string>>): InputError {
  const path = pathOf(issue.path);
  const value = issue.path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown>)[key], given);
  const { option, inside } = optionAt(options, issue.path);
  if (issue.code === 'unrecognized_keys') return unknownKey(issue.keys[0]!, path, inside ?? options, path ? {} : elsewhere);
  if (inside)
    return new InputError('options.type', `${path} is ${found(value)}: expected ${option!.range!.replace(/^.*each /, '')}`, { path });
  const { missing, refuse, is } = option!;
  const code = option!.code as InputCode; // test/docs.test.ts looks at all of them
  if (value === undefined && missing) return new InputError(code, missing, { path });
  return is(value) ? new InputError(code, refuse(path, value as never), { path }) : wrongType(option!, path, value);
}

function wrongType({ expected, hint }: Option, path: string, value: unknown): InputError {
  const advice = value === null ? 'leave it out where it is not wanted' : hint?.(value);
  return new InputError('options.type', `${path} is ${found(value)}: expected ${expected}${advice ? `; ${advice}` : ''}`, { path });
}

/** The option that a path leads to; `inside`: it leads to an entry of its list. */
function optionAt(options: Options, [name, index, ...rest]: readonly PropertyKey[]): { option?: Option; inside?: Options | undefined } {
  if (name === undefined) return {};
  const option = options[name as string]!;
  if (index === undefined) return { option };
  return rest.length > 0 ? optionAt(option.entries!, rest) : { option, inside: option.entries };
}

/** A path as a program would write it: `references[0].slot`. */
export const pathOf = (path: readonly PropertyKey[]): string =>
  path.map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i > 0 ? '.' : ''}${String(key)}`)).join('');

/** What a value is, in a word or two. */
function found(value: unknown): string {
  if (typeof value === 'string') return `the text ${JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}...` : value)}`;
  if (Array.isArray(value)) return 'a list';
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return 'bytes';
  if (typeof value === 'function') return 'a function';
  return isObject(value) ? 'an object' : String(value);
}

function unknownKey(key: string, path: string, options: Options, elsewhere: Readonly<Record<string, string>>): InputError {
  const where = path === '' ? '' : ` in ${path}`;
  return new InputError('options.unknown', `no option "${key}"${where}: ${meant(key, options, elsewhere)}`, {
    path: path === '' ? key : `${path}.${key}`,
  });
}

const SLIPS = 2;

/** What someone who wrote this key wants to know. */
function meant(key: string, options: Options, elsewhere: Readonly<Record<string, string>>): string {
  const word = key.toLowerCase().replace(/[-_]/g, '');
  if (Object.hasOwn(elsewhere, word)) return elsewhere[word]!;
  const same = Object.keys(options).find((name) => options[name]!.words?.includes(word));
  if (same) return `it is ${same} here`;
  const names = Object.keys(options);
  const { name, slips } = nearest(word, names);
  return slips <= SLIPS && slips < word.length ? `did you mean ${name}?` : `there are ${names.join(', ')}`;
}
