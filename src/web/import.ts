// `banana import` in a browser: a model of others, from addresses or from files that a person chose, becomes one file in this site's private
// files, in few bits. It is read in parts, rounded and written as it comes; no buffer holds a file. Reading an address needs a server that
// answers ranges; nothing else is asked. Not here: which files a model has on the hub, and going on after a failure.
import { among, isObject, matching, object, type Given } from '../draw/option.ts';
import { checked } from '../draw/refusal.ts';
import { LIMITS, optionsOf } from '../draw/request.ts';
import type { ContainerBits } from '../models/container.ts';
import { importBytes } from '../models/import.ts';
import type { ModelFile } from '../models/family.ts';
import { openWorker } from '../runtime/engine-worker.ts';
import { joinedWeights } from '../tensor/joined.ts';
import { pthWeights } from '../tensor/pth.ts';
import { blobRanges, type Ranges } from '../tensor/ranges.ts';
import { sizeOf } from '../tensor/tensor.ts';
import { safetensorsWeights, type Weights } from '../tensor/weights.ts';
import { InputError } from '../util/errors.ts';
import { browserFile } from './store.ts';
import { urlRanges } from './url-ranges.ts';

/** Where imported models lie in this site's private files. */
const FOLDER = 'banana-models';
const fileName = (name: string): string => `${name}.safetensors`;

/** The files of a model by their paths in its folder ("unet/config.json"), each at an address or as a File that was chosen. */
export type ModelSources = Readonly<Record<string, string | URL | Blob>>;

const isSources = (x: unknown): boolean =>
  isObject(x) && Object.values(x).every((one) => typeof one === 'string' || one instanceof URL || one instanceof Blob);

const OPTIONS = {
  files: {
    ...object<ModelSources>('an object of addresses or Files by path', isSources),
    needed: true as const,
    about: 'the files of a model by their paths in its folder',
    code: 'options.type',
  },
  name: {
    ...matching(/^[\w][\w.-]{0,63}$/, 'letters, digits, ., - and _, at most 64', 'cannot name a model'),
    needed: true as const,
    about: 'what the model is called',
    code: 'options.name',
  },
  bits: { ...among([4, 8, 16]), about: 'bits of the large matrices', default: 8, code: 'options.bits' },
  progress: {
    ...object<(share: number) => void>('a function', (x) => typeof x === 'function'),
    about: 'is told the share that is done, 0 to 1',
    code: 'options.type',
  },
  worker: { ...object<Worker>('a Worker', isObject), about: 'does the work, and is ended', code: 'options.type' },
  signal: { ...optionsOf(LIMITS).signal, about: 'gives up importing' },
};

export interface ImportModelOptions extends Given<typeof OPTIONS> {}

/** What is to be imported, as it goes to a worker. */
export interface ImportTask {
  readonly files: Readonly<Record<string, string | Blob>>;
  readonly name: string;
  readonly bits: ContainerBits;
}

/** What a worker of ours does for it (serve.ts). */
type ImportHandlers = { readonly import: (task: ImportTask, signal: AbortSignal) => AsyncGenerator<number, void, void> };

/**
 * Imports a model, in a worker where one is given; afterwards it is opened without any network: `openBananaWorker(worker, { model: file })`.
 * Throws InputError for options and files that cannot be, RuntimeError `model.download` and `store.missing`.
 */
export async function importModel(given: ImportModelOptions): Promise<File> {
  const options = checked(OPTIONS, given, { name: 'what to import', example: "{ files: { 'model.safetensors': url }, name: 'mine' }" });
  const { files, name, bits = 8, progress = () => {}, worker, signal } = options;
  const addresses = Object.entries(files).map(([path, one]) => [path, one instanceof Blob ? one : new URL(one, location.href).href]);
  const task = { files: Object.fromEntries(addresses), name, bits: bits as ContainerBits };
  if (!worker) for await (const share of importing(task, signal)) progress(share);
  else {
    const engine = await openWorker<ImportHandlers>(worker, { ...(signal && { signal }) });
    try {
      for await (const share of engine.stream('import', task, { ...(signal && { signal }) })) progress(share);
    } finally {
      await engine.close();
    }
  }
  return (await importedModel(name))!;
}

/** A model that was imported, by its name; undefined where there is none. Nothing of it is in memory. */
export const importedModel = (name: string): Promise<File | undefined> => browserFile(FOLDER, fileName(name)).read();

/** Deletes one that was imported. */
export const removeImportedModel = (name: string): Promise<void> => browserFile(FOLDER, fileName(name)).remove();

/** Imports, and says the share that is done. */
export async function* importing({ files, name, bits }: ImportTask, signal?: AbortSignal): AsyncGenerator<number, void, void> {
  const paths = Object.keys(files);
  const opened = new Map<string, Weights>();
  const texts = new Map<string, string>();
  for (const path of paths) {
    const ranges = await rangesOf(files[path]!, signal);
    const kind = Object.entries(KINDS).find(([ending]) => path.endsWith(ending));
    if (kind) opened.set(path, await kind[1](ranges));
    else texts.set(path, new TextDecoder().decode(await ranges.read(0, ranges.size)));
  }
  const [first, ...more] = opened.values();
  if (!first) throw new InputError('model.missing', `${name}: no .safetensors among its files: ${paths.join(', ') || 'there are none'}`);
  const single = more.length === 0 && ![...opened.keys()][0]!.includes('/');
  const weights = single ? first : joinedWeights(opened, name);
  const told = telling(weights);
  const { bytes } = importBytes(fileOf(told.weights, texts), { source: name, name, bits, about: { source: paths.join(' ') } });
  yield* browserFile(FOLDER, fileName(name)).write(bytes, told.share, signal);
}

/** What files hold weights, by how their names end. */
const KINDS: Readonly<Record<string, (ranges: Ranges) => Promise<Weights>>> = { '.safetensors': safetensorsWeights, '.pth': pthWeights };

const rangesOf = async (source: string | Blob, signal?: AbortSignal): Promise<Ranges> =>
  typeof source === 'string' ? urlRanges(new URL(source), signal) : blobRanges(source, 'name' in source ? String(source.name) : 'a file');

/** The files as a family wants them; their numbers have to be waited for. */
const fileOf = (weights: Weights, texts: ReadonlyMap<string, string>): ModelFile => ({
  tensors: new Map(weights.names.map((name) => [name, weights.outline(name)])),
  metadata: weights.metadata,
  weights,
  read: (name) => {
    throw new InputError('model.ability', `${weights.source}: "${name}" lies at an address, and has to be waited for`);
  },
  text: (path) => texts.get(path),
});

/** The same weights, and the share of their numbers that was read. */
function telling(weights: Weights): { weights: Weights; share: () => number } {
  const all = weights.names.reduce((sum, name) => sum + sizeOf(weights.outline(name).shape), 0);
  let done = 0;
  return {
    share: () => Math.min(1, done / all),
    weights: {
      ...weights,
      async read(name, rows) {
        const found = await weights.read(name, rows);
        done += sizeOf(found.shape);
        return found;
      },
    },
  };
}
