// Which files of a repository are needed, by their names alone. Repositories hold the same weights several times: a file for each
// framework, float32 beside float16, a single file beside the folders of its parts. Taken is one of them: safetensors, in 16 bits
// where there are such, the folders that model_index.json names. Pure.
import { InputError } from '../util/errors.ts';

export interface RemoteFile {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
}

/** Kinds of weights, the best first; a pickle may hold a program, so it is taken only where a tiny decoder has nothing else. */
const KINDS = ['safetensors', 'pth', 'pt'];
/** Spellings of a variant of the weights, the best first; '' is none. */
const VARIANTS = ['fp16', 'bf16', '', 'fp32', 'ema', 'non_ema'];
/** Parts of a pipeline that do not draw. */
const IDLE = ['safety_checker', 'feature_extractor'];
/** Names that the weights of a part have in the folder of a part. */
const PART_NAMES = ['diffusion_pytorch_model', 'model', 'adapter_model', 'pytorch_lora_weights'];
/** Settings, vocabularies; the card and the licence. */
const SMALL = /\.(json|txt|model)$/;
const ABOUT = /^(README\.md|LICEN[CS]E[^/]*|NOTICE[^/]*|USE_POLICY\.md)$/i;
/** Weights that are not read here. */
const FOREIGN = /\.(bin|ckpt|h5|msgpack|onnx|gguf)$/;
const INDEX = /\.index(\.[^.]+)?\.json$/;
const WEIGHTS = new RegExp(`^(.+?)(?:\\.([a-z]\\w*))?(?:-(\\d{5})-of-(\\d{5}))?(?:\\.([a-z]\\w*))?\\.(${KINDS.join('|')})$`);

/** Which files matching any of some patterns, as `hf download --include` reads them: * is anything, folders too. */
export function included<F extends RemoteFile>(files: readonly F[], patterns: readonly string[]): F[] {
  const tests = patterns.map(patternOf);
  const found = files.filter(({ path }) => tests.some((test) => test.test(path)));
  if (found.length === 0) throw new InputError('hub.include', `no file matches ${patterns.join(' ')}; there are ${listed(files)}`);
  return files.filter((file) => found.includes(file) || ABOUT.test(file.path));
}

function patternOf(text: string): RegExp {
  const whole = text.endsWith('/') ? `${text}*` : text;
  const source = whole.replace(
    /[.+^$(){}|\\/]|\*|\?|\[!?/g,
    (sign) => ({ '*': '.*', '?': '.', '[!': '[^', '[': '[' })[sign] ?? `\\${sign}`,
  );
  try {
    return new RegExp(`^(?:${source})$`, 's');
  } catch {
    throw new InputError('hub.include', `"${text}" is no pattern: * is anything, ? one character, [ab] a or b`);
  }
}

/** The content of model_index.json: what a pipeline is made of, each part's class by its name. */
export type ModelIndex = Readonly<Record<string, unknown>>;

/**
 * Files that are needed to run what a repository holds. `index`: its model_index.json, where it has one. Throws InputError when a
 * part has no weights that can be read, shards are missing, or nothing says which of several weights to take.
 */
export function needed<F extends RemoteFile>(files: readonly F[], index?: ModelIndex): F[] {
  const parts = index ? partsOf(index) : [''];
  if (!index && !inFolder(files, '').some(weightsOf)) throw unreadable(files, '');
  const chosen = new Set(files.filter(({ path }) => ABOUT.test(path) || path === 'model_index.json'));
  for (const part of parts) for (const file of ofFolder(inFolder(files, part), part)) chosen.add(file);
  return files.filter((file) => chosen.has(file));
}

const partsOf = (index: ModelIndex): string[] =>
  Object.entries(index)
    .filter(([name, value]) => Array.isArray(value) && typeof value[1] === 'string' && !IDLE.includes(name))
    .map(([name]) => name);

const folderOf = (path: string) => path.slice(0, Math.max(0, path.lastIndexOf('/')));
const nameOf = (path: string) => path.slice(path.lastIndexOf('/') + 1);
const inFolder = <F extends RemoteFile>(files: readonly F[], folder: string) => files.filter(({ path }) => folderOf(path) === folder);

interface Weights<F> {
  readonly file: F;
  readonly stem: string;
  readonly variant: string;
  readonly kind: string;
  /** How many files these weights are cut into; 0: one that is whole. */
  readonly shards: number;
}

function weightsOf<F extends RemoteFile>(file: F): Weights<F> | undefined {
  const [, stem, before, , shards, after, kind] = WEIGHTS.exec(nameOf(file.path)) ?? [];
  if (!stem) return undefined;
  const variant = after ?? before ?? '';
  const known = VARIANTS.includes(variant);
  return { file, stem: known ? stem : `${stem}.${variant}`, variant: known ? variant : '', kind: kind!, shards: Number(shards ?? 0) };
}

/** Settings and the one set of weights of a folder. */
function ofFolder<F extends RemoteFile>(files: readonly F[], folder: string): F[] {
  const settings = files.filter(({ path }) => SMALL.test(path) && !INDEX.test(path));
  const all = files.map(weightsOf).filter((one) => one !== undefined);
  if (all.length === 0) {
    if (files.length === 0 || files.some(({ path }) => FOREIGN.test(path))) throw unreadable(files, folder);
    return settings; // a tokenizer or a scheduler
  }
  const best = set(all, folder);
  return [...settings, ...best.map(({ file }) => file), ...files.filter(({ path }) => isIndexOf(nameOf(path), best[0]!))];
}

function unreadable(files: readonly RemoteFile[], folder: string): InputError {
  const where = folder || 'its top folder';
  const found = `expected .safetensors, found ${listed(files) || 'nothing'}`;
  return new InputError('hub.weights', `no weights that can be read in ${where}: ${found}`);
}

function ambiguous(files: readonly RemoteFile[], folder: string): InputError {
  const where = folder && ` in ${folder}/`;
  return new InputError('hub.choose', `several weights${where}, nothing says which; there are ${listed(files)}`);
}

/** The best set of weights of a folder: kind first, then name, then variant. */
function set<F extends RemoteFile>(all: readonly Weights<F>[], folder: string): Weights<F>[] {
  const least = <T extends keyof Weights<F>>(from: readonly Weights<F>[], key: T, order: readonly Weights<F>[T][]) => {
    const first = order.find((value) => from.some((one) => one[key] === value));
    return first === undefined ? [...from] : from.filter((one) => one[key] === first);
  };
  const named = least(least(all, 'kind', KINDS), 'stem', PART_NAMES);
  if (new Set(named.map(({ stem }) => stem)).size > 1)
    throw ambiguous(
      named.map(({ file }) => file),
      folder,
    );
  const varied = least(named, 'variant', VARIANTS);
  const whole = varied.filter(({ shards }) => shards === 0);
  const best = whole.length > 0 ? whole : varied;
  const { shards, file } = best[0]!;
  if (shards > 0 && best.length !== shards)
    throw new InputError('hub.shards', `${file.path} says ${shards} files, here are ${best.length} of them: it is not whole`);
  return best;
}

/** Whether a file tells which shard has which tensor: NAME.VARIANT.safetensors.index.json, or the variant after "index". */
function isIndexOf(name: string, { stem, variant, shards, kind }: Weights<RemoteFile>): boolean {
  const dotted = variant && `.${variant}`;
  return shards > 0 && (name === `${stem}${dotted}.${kind}.index.json` || name === `${stem}.${kind}.index${dotted}.json`);
}

const MENTIONED = 8;

/** Names of the largest files. */
function listed(files: readonly RemoteFile[]): string {
  const names = [...files].sort((a, b) => b.size - a.size).map(({ path }) => path);
  return names.slice(0, MENTIONED).join(', ') + (names.length > MENTIONED ? ` and ${names.length - MENTIONED} more` : '');
}
