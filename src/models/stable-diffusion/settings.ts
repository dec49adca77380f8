// What a config.json of a diffusers folder says, read with a word of what is wrong: each setting by its name and kind. Settings that a
// network does not know are left alone, for new ones come with every version and mean nothing to old weights.
import { InputError } from '../../util/errors.ts';

export interface Settings {
  /** What messages call the file. */
  readonly source: string;
  readonly values: Readonly<Record<string, unknown>>;
}

const KINDS = {
  number: (v: unknown): v is number => typeof v === 'number' && Number.isFinite(v),
  string: (v: unknown): v is string => typeof v === 'string',
  boolean: (v: unknown): v is boolean => typeof v === 'boolean',
  numbers: (v: unknown): v is readonly number[] => Array.isArray(v) && v.every((x) => typeof x === 'number' && Number.isFinite(x)),
};
type Kinds = typeof KINDS;
type Of<K extends keyof Kinds> = Kinds[K] extends (v: unknown) => v is infer T ? T : never;

/** The settings of a file's text. Throws InputError `model.manifest` when it is no JSON object. */
export function settingsOf(text: string, source: string): Settings {
  let values: unknown;
  try {
    values = JSON.parse(text);
  } catch {
    values = undefined;
  }
  if (typeof values === 'object' && values !== null && !Array.isArray(values)) return { source, values: values as Settings['values'] };
  const found = `is no JSON object, but begins with "${text.slice(0, 20)}"`;
  throw new InputError('model.manifest', `${source}: ${found}; expected a model's config.json`);
}

/** A setting of a kind; `absent` is what a file without it means. Throws InputError `model.manifest` for another kind. */
export function setting<K extends keyof Kinds>({ source, values }: Settings, name: string, kind: K, absent?: Of<K>): Of<K> {
  const found = values[name] ?? absent;
  if (KINDS[kind](found)) return found as Of<K>;
  throw new InputError('model.manifest', `${source}: "${name}" is ${JSON.stringify(values[name]) ?? 'missing'}, expected a ${kind}`);
}

/** A setting that is one number for all levels or a number for each: a list of `count`. Throws InputError `model.manifest`. */
export function perLevel(settings: Settings, name: string, count: number, absent?: number | readonly number[]): readonly number[] {
  const found = settings.values[name] ?? absent;
  if (KINDS.number(found)) return new Array<number>(count).fill(found);
  if (KINDS.numbers(found) && found.length === count) return found;
  const said = JSON.stringify(found) ?? 'missing';
  throw new InputError('model.manifest', `${settings.source}: "${name}" is ${said}, expected a number or ${count}`);
}

/** A setting that must be one of a few words: the row of it. Throws InputError `model.manifest` naming them. */
export function oneOf<T>(settings: Settings, name: string, rows: Readonly<Record<string, T>>, absent?: string): T {
  const word = setting(settings, name, 'string', absent);
  if (Object.hasOwn(rows, word)) return rows[word]!;
  throw new InputError('model.manifest', `${settings.source}: "${name}" is "${word}", expected one of ${Object.keys(rows).join(', ')}`);
}

/** A setting that is a word for each of `count` levels: the rows of them. Throws InputError `model.manifest`. */
export function wordPerLevel<T>({ source, values }: Settings, name: string, count: number, rows: Readonly<Record<string, T>>): T[] {
  const found = values[name];
  if (Array.isArray(found) && found.length === count && found.every((word) => Object.hasOwn(rows, word as string)))
    return found.map((word) => rows[word as string]!);
  const expected = `${count} words of ${Object.keys(rows).join(', ')}`;
  throw new InputError('model.manifest', `${source}: "${name}" is ${JSON.stringify(found) ?? 'missing'}, expected ${expected}`);
}

/** Settings within a setting; none where it is absent or null. Throws InputError `model.manifest` for anything else. */
export function settingsIn({ source, values }: Settings, name: string): Settings {
  const found = values[name] ?? {};
  if (typeof found === 'object' && !Array.isArray(found)) return { source: `${source} ${name}`, values: found as Settings['values'] };
  throw new InputError('model.manifest', `${source}: "${name}" is ${JSON.stringify(found)}, expected an object`);
}
