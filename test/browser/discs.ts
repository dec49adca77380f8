// Six pictures to learn from: discs of one colour on white.
import { image, type Image } from '../../src/image/image.ts';

const COLOURS = ['red', 'green', 'blue', 'grey', 'pink', 'teal'] as const;

export function discs(side = 96): { image: Image; caption: string }[] {
  return COLOURS.map((word, i) => {
    const one = image(side, side);
    for (let y = 0; y < side; y++)
      for (let x = 0; x < side; x++) {
        const inside = (x - side / 3) ** 2 + (y - side / 2) ** 2 < (side / 3) ** 2;
        one.data.set(inside ? [40 * i, 255 - 40 * i, (i * 97) % 255, 255] : [255, 255, 255, 255], (y * side + x) * 4);
      }
    return { image: one, caption: `a ${word} disc` };
  });
}
