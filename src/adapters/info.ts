// What a Peel says of itself: the JSON under `peel` in its file, read strictly (a file comes from anyone), and the same facts as
// other tools look for them: modelspec.* (Stability AI's ModelSpec 1.0.1) and kohya's six minimal ss_* keys. Nothing private:
// no paths, no captions, no dates, no machine; the pictures inside were drawn by the Peel, not learned from.
// https://github.com/Stability-AI/ModelSpec
import { InputError } from '../util/errors.ts';

/** The model that a Peel was made for. */
export interface BaseId {
  readonly name: string;
  readonly version: string;
  readonly preset: string;
  /** SHA-256 of its file, the first 16 hexadecimal digits; '' for weights that never were in a file. */
  readonly hash: string;
}

export interface PeelInfo {
  /** Letters, digits, - and _: what a prompt calls it. */
  readonly name: string;
  readonly description?: string;
  readonly base: BaseId;
  readonly rank: number;
  /** The effect is scaled by alpha / rank. */
  readonly alpha: number;
  /** Groups of layers that were trained. */
  readonly layers: readonly string[];
  /** Words that call it up; added to the prompt when it is used. */
  readonly triggers: readonly string[];
  readonly licence: string;
  readonly author?: string;
  /** Small pictures drawn with it, as data URLs. */
  readonly thumbnails: readonly string[];
  /** How it was trained: steps, rate, batch, objective... */
  readonly training: Readonly<Record<string, number | string | boolean>>;
}

export const FORMAT = 1;
export const RANK_MAX = 256;
const TEXT_MAX = 2000;
const THUMBNAILS_MAX = 8;
const THUMBNAIL_MAX = 200_000; // characters
const IMPLEMENTATION = 'banana-sdk';

/** What the name of a Peel may be. */
export const PEEL_NAME = /^[a-z0-9][a-z0-9_-]{0,63}$/i;

/** Throws InputError unless this can be the name of a Peel. */
export function checkPeelName(name: string): string {
  if (!PEEL_NAME.test(name))
    throw new InputError(
      'peel.name',
      `"${printable(name).slice(0, 80)}" cannot name a Peel: letters, digits, - and _, at most 64, beginning with a letter or digit`,
    );
  return name;
}

/** Text from a file, safe to print. */
export const printable = (text: string): string => text.replace(/\p{C}/gu, '?');

/** The metadata of a file; `hash` is that of its tensors. */
export function metadataOf(info: PeelInfo, hash: string): Record<string, string> {
  const { name, description, base, rank, alpha, triggers, licence, author, thumbnails } = info;
  return {
    format: 'pt', // what PEFT's own files say: [out, in] matrices
    peel: JSON.stringify({ format: FORMAT, ...info }),
    'modelspec.sai_model_spec': '1.0.1',
    'modelspec.architecture': `banana-${base.preset}/lora`,
    'modelspec.implementation': IMPLEMENTATION,
    'modelspec.title': name,
    ...(description && { 'modelspec.description': description }),
    ...(author && { 'modelspec.author': author }),
    ...(licence && { 'modelspec.license': licence }),
    ...(triggers.length > 0 && {
      'modelspec.trigger_phrase': triggers.join(', '),
      'modelspec.usage_hint': `Trigger words: ${triggers.join(', ')}`,
    }),
    ...(thumbnails[0] && { 'modelspec.thumbnail': thumbnails[0] }),
    'modelspec.resolution': '512x512',
    'modelspec.hash_sha256': `0x${hash}`,
    ss_v2: 'False',
    ss_base_model_version: `banana-${base.preset}`,
    ss_network_module: 'networks.lora',
    ss_network_dim: String(rank),
    ss_network_alpha: String(alpha),
    ss_network_args: '{}',
  };
}

/** The info in a file's metadata; undefined when there is none. Throws InputError for one that is damaged or of a later format. */
export function infoOf(metadata: Readonly<Record<string, string>>, source: string): PeelInfo | undefined {
  if (metadata.peel === undefined) return undefined;
  const fail = (why: string): never => {
    throw new InputError('peel.info', `${source}: ${why}`);
  };
  let found: Record<string, unknown>;
  try {
    found = JSON.parse(metadata.peel) as Record<string, unknown>;
  } catch {
    return fail('its description is not JSON; the file is damaged');
  }
  if (typeof found !== 'object' || found === null || Array.isArray(found)) return fail('its description is no object');
  if (found.format !== FORMAT)
    return fail(
      `its format is ${printable(JSON.stringify(found.format) ?? 'missing').slice(0, 40)}, this version reads ${FORMAT}: a newer banana-sdk may read it`,
    );
  const text = (value: unknown, what: string, max = TEXT_MAX): string =>
    typeof value === 'string' && value.length <= max && !/\p{Cc}/u.test(value)
      ? value
      : fail(`its ${what} is not a text of at most ${max} characters`);
  const texts = (value: unknown, what: string, count: number, max?: number): string[] =>
    Array.isArray(value) && value.length <= count
      ? value.map((one) => text(one, what, max))
      : fail(`its ${what} is not a list of at most ${count} texts`);
  const base = (found.base ?? {}) as Record<string, unknown>;
  const { rank, alpha } = found;
  if (typeof rank !== 'number' || !Number.isInteger(rank) || rank < 1) return fail('its rank is not a whole number from 1');
  if (typeof alpha !== 'number' || !Number.isFinite(alpha) || alpha <= 0) return fail('its alpha is not a number above 0');
  const thumbnails = texts(found.thumbnails ?? [], 'thumbnails', THUMBNAILS_MAX, THUMBNAIL_MAX);
  if (thumbnails.some((t) => !/^data:image\/(png|jpeg|webp);base64,[A-Za-z0-9+/]+=*$/.test(t)))
    return fail('one of its thumbnails is no picture');
  const training = Object.entries((found.training ?? {}) as Record<string, unknown>);
  if (training.length > 64 || training.some(([, v]) => !['number', 'boolean'].includes(typeof v) && typeof v !== 'string'))
    return fail('its training settings are not a list of plain values');
  return {
    name: checkPeelName(text(found.name, 'name')),
    ...(found.description !== undefined && { description: text(found.description, 'description') }),
    base: {
      name: text(base.name, 'base'),
      version: text(base.version, 'base'),
      preset: text(base.preset, 'base'),
      hash: text(base.hash, 'base'),
    },
    rank,
    alpha,
    layers: texts(found.layers, 'layers', 1000),
    triggers: texts(found.triggers, 'trigger words', 16, 100),
    licence: text(found.licence, 'licence'),
    ...(found.author !== undefined && { author: text(found.author, 'author') }),
    thumbnails,
    training: Object.fromEntries(
      training.map(([key, v]) => [
        text(key, 'training settings'),
        typeof v === 'string' ? text(v, 'training settings') : (v as number | boolean),
      ]),
    ),
  };
}

/** "pico 0.1.0 (3f2a...)" */
export function nameOfBase({ name, version, hash }: BaseId): string {
  return [name, version, hash && `(${hash})`].filter(Boolean).join(' ');
}

/** Whether two are the same weights. */
export function sameBase(a: BaseId, b: BaseId): boolean {
  return a.preset === b.preset && a.hash === b.hash && (a.hash !== '' || (a.name === b.name && a.version === b.version));
}
