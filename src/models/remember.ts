// Pictures of subjects as a family reads them, made once each: batches and typing ask for the same again.
import { SLOTS } from '../tokenizer/words.ts';
import type { ReferencePicture } from './family.ts';

/** Pictures that are remembered. */
const MOST = 4 * SLOTS.length;

/** What `make` makes of a picture; the last ones used are remembered by their hashes. */
export function remembered<T>(make: (picture: ReferencePicture) => T): (picture: ReferencePicture) => T {
  const made = new Map<string, T>();
  return (picture) => {
    const { hash } = picture;
    const found = made.get(hash) ?? make(picture);
    made.delete(hash);
    made.set(hash, found); // the last one used is the last
    if (made.size > MOST) made.delete(made.keys().next().value!);
    return found;
  };
}
