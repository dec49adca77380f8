// Which shipped model draws a request that names none: the default wherever it can, by what its file says of itself.
import type { GenerateOptions } from '../draw/request.ts';
import type { Ability } from '../models/family.ts';
import { DEFAULT_MODEL, FLAT_MODEL, modelPath } from './models.ts';

/** What a model can do, by preset name or path; nothing is computed. Throws InputError when it is missing or damaged. */
export async function abilitiesOf(model: string = DEFAULT_MODEL): Promise<readonly Ability[]> {
  const [{ openModelFiles }, { openModelFile }] = await Promise.all([import('./model-files.ts'), import('../models/open.ts')]);
  const files = await openModelFiles(modelPath(model));
  try {
    return openModelFile(files, files.path).abilities;
  } finally {
    files.close();
  }
}

/** The model for a request: the flat one for Peels, which were made for it, and for a picture to start from where the default cannot. */
export async function modelFor({ prompt, image, peels }: Pick<GenerateOptions, 'prompt' | 'image' | 'peels'>): Promise<string> {
  if (peels?.length || /<peel:/.test(prompt)) return FLAT_MODEL;
  return image && !(await abilitiesOf()).includes('image') ? FLAT_MODEL : DEFAULT_MODEL;
}
