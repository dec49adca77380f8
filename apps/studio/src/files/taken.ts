// What is dropped on the page, pasted, or chosen: a picture of ours brings back what it was made from, another one is started from, and a
// Peel is put on.
import { readRecipe, type Recipe } from 'banana-sdk/web';
import { keepPicture } from '../state/pictures.ts';
import { nearestShape, wishOf } from '../state/wish.ts';
import { change, panel, session, tell } from '../studio.ts';
import { t } from '../words/words.ts';
import { workedOn } from './files.ts';
import { addPeelFile, ready } from './peels.ts';

/** Takes a file. What cannot be taken is told. */
export async function take(file: File | Blob): Promise<void> {
  try {
    const recipe = await recipeIn(file);
    if (recipe) await recall(recipe);
    else if (file.type.startsWith('image/')) await startFrom(file);
    else await addPeelFile(new Uint8Array(await file.arrayBuffer()));
  } catch (error) {
    session.fault.value = (error as Error).message;
  }
}

export async function recall(recipe: Recipe): Promise<void> {
  const missing = await ready((recipe.peels ?? []).map(({ name }) => name)).catch((error: Error) => error.message);
  change(wishOf(recipe));
  tell(missing ?? t('recalled'));
}

export async function startFrom(file: Blob): Promise<void> {
  const picture = await workedOn(file);
  change({ start: { picture: keepPicture(picture) }, aspect: nearestShape(picture.width / picture.height) });
  panel.value = 'start';
}

async function recipeIn(file: Blob): Promise<Recipe | undefined> {
  try {
    return readRecipe(new Uint8Array(await file.arrayBuffer())) ?? undefined;
  } catch {
    return undefined; // a picture of someone else, or none
  }
}

/** Files that are dropped anywhere on the page, or pasted. */
export function listenForFiles(): void {
  addEventListener('dragover', (event) => event.preventDefault());
  addEventListener('drop', (event) => {
    event.preventDefault();
    for (const file of event.dataTransfer?.files ?? []) void take(file);
  });
  addEventListener('paste', (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length > 0) event.preventDefault();
    for (const file of files) void take(file);
  });
}
