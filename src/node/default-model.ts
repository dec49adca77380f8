// Which shipped model draws a request that names none: the default wherever it can, by what its file says of itself.
import { peelsOf } from '../draw/peels.ts';
import type { GenerateOptions, PeelChoice } from '../draw/request.ts';
import type { Ability } from '../models/family.ts';
import { DEFAULT_MODEL, FLAT_MODEL, modelPath } from './models.ts';

/** What a model can do, by preset name or path; nothing is computed. Throws InputError when it is missing or damaged. */
export async function abilitiesOf(model: string = DEFAULT_MODEL): Promise<readonly Ability[]> {
  const [{ openModelFiles }, { openModelFile }] = await Promise.all([import('./model-files.ts'), import('../models/open.ts')]);
  const files = await openModelFiles(modelPath(model));
  try {
    return openModelFile(files, files.path).about.abilities;
  } finally {
    files.close();
  }
}

/** The model for a request: the flat one for Peels that were made for it, and for a picture to start from where the default cannot. */
export async function modelFor({ prompt, image, peels }: Pick<GenerateOptions, 'prompt' | 'image' | 'peels'>): Promise<string> {
  const bases = await Promise.all(peelsOf({ prompt, peels }).peels.map(baseOf));
  if (bases.length > 0) return bases.includes(FLAT_MODEL) ? FLAT_MODEL : DEFAULT_MODEL;
  return image && !(await abilitiesOf()).includes('image') ? FLAT_MODEL : DEFAULT_MODEL;
}

/** The name of the model that a Peel was made for; undefined for one that is missing or damaged: that is told when it is used. */
async function baseOf({ name, path, bytes }: PeelChoice): Promise<string | undefined> {
  const [{ findPeel, openPeel, peelFolder }, { readPeel }] = await Promise.all([import('./library.ts'), import('../adapters/peel.ts')]);
  const found = async () => (bytes ? readPeel(bytes, 'the given Peel') : openPeel(await findPeel(name ?? path!, peelFolder())));
  return (await found().catch(() => undefined))?.info?.base.name;
}
