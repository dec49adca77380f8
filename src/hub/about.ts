// What a snapshot on disk says of itself: its kind, from the file that describes it or from its weights, and its licence, from its card.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSafetensors } from '../disk/files.ts';
import { oneFile } from './cache.ts';
import { licenceInCard, type Licence } from './licence.ts';

/** What files say, our own or diffusers' pipelines, by what it is called here. */
const FAMILIES: readonly (readonly [said: RegExp, family: string])[] = [
  [/^banana-layers-/, 'layers'],
  [/^StableDiffusionXL/, 'stable diffusion xl'],
  [/^StableDiffusion3/, 'stable diffusion 3'],
  [/^(StableDiffusion|LatentConsistencyModel)/, 'stable diffusion'],
  [/^SanaSprint/, 'sana sprint'],
];

/** The file that describes a folder, and where it says what it is; the first that is there. */
const DESCRIPTIONS: readonly (readonly [file: string, read: (data: Record<string, unknown>) => unknown])[] = [
  ['model_index.json', ({ _class_name }) => _class_name],
  ['adapter_config.json', ({ peft_type }) => peft_type],
  ['config.json', ({ _class_name, model_type }) => _class_name ?? model_type],
];

/** What kind of model a folder holds: its family, else the class or type that its own file names; undefined where nothing does. */
export async function kindOf(snapshot: string): Promise<string | undefined> {
  for (const [file, read] of DESCRIPTIONS) {
    const said = read(jsonAt(join(snapshot, file)));
    if (typeof said === 'string') return familyOf(said);
  }
  return ofWeights(oneFile(snapshot));
}

/** What weights in a file of their own say in its metadata: ours, or ModelSpec's architecture. */
async function ofWeights(path: string | undefined): Promise<string | undefined> {
  try {
    const { metadata, close } = await openSafetensors(path!);
    close();
    const said = metadata['modelspec.architecture'] ?? metadata['format'];
    return said === undefined || said === 'pt' ? undefined : familyOf(said);
  } catch {
    return undefined; // no such file, or a damaged one
  }
}

const familyOf = (said: string): string =>
  FAMILIES.find(([pattern]) => pattern.test(said))?.[1] ?? said.replace(/\p{C}/gu, '?').slice(0, 60);

/** The licence that a folder's card states. */
export function licenceAt(snapshot: string): Licence {
  const path = join(snapshot, 'README.md');
  return licenceInCard(existsSync(path) ? readFileSync(path, 'utf8') : '');
}

function jsonAt(path: string): Record<string, unknown> {
  try {
    const found: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return typeof found === 'object' && found !== null ? (found as Record<string, unknown>) : {};
  } catch {
    return {}; // not there, or somebody else's
  }
}
