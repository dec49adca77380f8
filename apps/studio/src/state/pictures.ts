// Pictures that a wish names by number: to start from, masks, subjects. They stay as long as the page does, because undo may need them.
import type { Image } from 'banana-sdk/web';

const book: Image[] = [];

/** Writes a picture into the book; its number. */
export const keepPicture = (picture: Image): number => book.push(picture) - 1;

export const pictureAt = (number: number): Image => book[number]!;
