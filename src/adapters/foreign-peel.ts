// An adapter of another tool as a Peel for a model of several networks: pairs of matrices as side inputs, the names of each network's
// behind its own ("unet/conv_in.lora_A.weight"), whatever else it changes as a delta. What it is and whether it fits: foreign.ts.
import { bytesRanges } from '../tensor/ranges.ts';
import { headLength } from '../tensor/safetensors.ts';
import type { Tensors } from '../tensor/tensor.ts';
import { safetensorsWeights, type Weights } from '../tensor/weights.ts';
import { InputError } from '../util/errors.ts';
import { sidesOf, type Delta } from './delta.ts';
import { checkReport, foreignAdapter, type ForeignAdapter, type Report } from './foreign.ts';
import { sha256 } from './hash.ts';
import { printable, type BaseId, type PeelInfo } from './info.ts';
import { partOf } from './keys.ts';
import { loraNames } from './lora.ts';
import { nameFrom, PEEL_BYTES_MAX, readPeel, type FitPeel, type Peel } from './peel.ts';
import type { ComponentName, Components } from './targets.ts';

/** What a file says of itself, whatever model it is for. */
export interface DescribedPeel {
  readonly info: PeelInfo;
  readonly hash: string;
  /** Weights that it changes. */
  readonly layers: number;
  /** Of a file of another tool. */
  readonly report?: Report;
}

/** What is in a file: one of ours is held to its hashes, of one of another tool the head is read. Throws InputError for neither. */
export async function describedPeel(bytes: Uint8Array, source: string): Promise<DescribedPeel> {
  const file = await safetensorsWeights(bytesRanges(bytes, source));
  if (file.metadata['peel'] !== undefined) {
    const { info, hash, layers } = await readPeel(bytes, source);
    return { info: info!, hash, layers: layers.size };
  }
  const { report } = foreignAdapter(file, {});
  const layers = report.fits.reduce((sum, { unmatched }) => sum + unmatched.length, 0);
  if (layers === 0) throw new InputError('peel.empty', `${source}: no adapter of a method that is read here: not a Peel`);
  const ranks = file.names.filter((name) => partOf(name)?.part === 'a').map((name) => file.outline(name).shape[0] ?? 1);
  const base = { name: report.base ?? 'unknown', version: '', preset: '', hash: '' };
  return { info: infoOf(file, source, report, { base, rank: Math.max(1, ...ranks) }), hash: await hashOf(bytes, source), layers, report };
}

/** As of our own files: of the numbers alone. */
const hashOf = (bytes: Uint8Array, source: string): Promise<string> => sha256([bytes.subarray(headLength(bytes, bytes.length, source))]);

/** What a weight of a network is called in a Peel. */
export const pathIn = (component: ComponentName, path: string): string => `${component}/${path}`;

/** For a model of such networks. `components` are asked for when the first file comes. */
export function foreignFitter(components: () => Components, base: BaseId): FitPeel {
  let known: Components | undefined;
  return async (bytes, source, { force = false } = {}) => {
    if (bytes.length > PEEL_BYTES_MAX)
      throw new InputError('peel.size', `${source}: ${bytes.length} bytes, more than the ${PEEL_BYTES_MAX} that a Peel may have`);
    const file = await safetensorsWeights(bytesRanges(bytes, source));
    const adapter = foreignAdapter(file, (known ??= components()));
    checkReport(adapter.report, source, { force });
    const { tensors, changes, rank } = await contentOf(adapter);
    const info = infoOf(file, source, adapter.report, { base, rank });
    return { info, hash: await hashOf(bytes, source), tensors, changes, report: adapter.report };
  };
}

async function contentOf({
  targets,
  read,
}: ForeignAdapter): Promise<Pick<Peel, 'tensors'> & { changes: Map<string, Delta>; rank: number }> {
  const tensors: Tensors = {};
  const changes = new Map<string, Delta>();
  let rank = 1;
  for (const target of targets) {
    const delta = await read(target);
    const [sides, path] = [sidesOf(delta), pathIn(target.component, `${target.module}.weight`)];
    if (!sides || sides.kind === 'kronecker') {
      changes.set(path, delta);
      continue;
    }
    const names = loraNames(path);
    tensors[names.a] = sides.a;
    tensors[names.b] = sides.b;
    rank = Math.max(rank, sides.kind === 'products' ? sides.a.shape[1]! : sides.a.shape[0]!);
  }
  return { tensors, changes, rank };
}

/** What it says of itself. A file is called as it is; bytes by the title inside. */
function infoOf(
  { metadata }: Weights,
  source: string,
  { triggers }: Pick<Report, 'triggers'>,
  about: Pick<PeelInfo, 'base' | 'rank'>,
): PeelInfo {
  const isFile = /[/\\]|\.safetensors$/.test(source);
  const said = (key: string) => printable(metadata[key] ?? '').slice(0, 200);
  const [author, description] = [said('modelspec.author'), said('modelspec.description')];
  return {
    ...about,
    name: nameFrom(isFile ? source : said('modelspec.title') || said('ss_output_name') || source),
    ...(description && { description }),
    ...(author && { author }),
    alpha: about.rank,
    layers: [],
    triggers,
    licence: said('modelspec.license') || 'unknown',
    thumbnails: [],
    training: {},
  };
}
