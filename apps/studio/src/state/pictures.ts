// Pictures that a wish names by number: to start from, masks, subjects, layers. They stay as long as the page does, because undo may need
// them.
import type { Image } from 'banana-sdk/web';

const book: Image[] = [];
const numbers = new WeakMap<Image, number>();

/** Writes a picture into the book, once; its number. */
export function keepPicture(picture: Image): number {
  const number = numbers.get(picture) ?? book.push(picture) - 1;
  numbers.set(picture, number);
  return number;
}

export const pictureAt = (number: number): Image => book[number]!;
