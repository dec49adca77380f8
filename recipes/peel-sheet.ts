// The sheet of a Peel: pictures that it was trained on, then prompts as the base and the Peel draw them, at the same seeds, by the SDK as a
// user gets them. The upper prompts are of its own world, the lower ones are not.
import type { NodeBanana } from '../src/node/index.ts';
import { encodeImage } from '../src/disk/codec.ts';
import { flatten, type Image } from '../src/image/image.ts';
import { labelledSheet } from '../src/disk/sheet.ts';
import { placed } from '../src/train/peel/pictures.ts';
import type { TrainingPicture } from '../src/disk/pictures.ts';

const [COLUMNS, CELL] = [6, 160];
const OTHERS = ['a fox', 'a red car', 'a green tree', 'a blue bird', 'a smiling face', 'a guitar'] as const;

/** The PNG of a sheet; `path` is the Peel's file. */
export async function sampleSheet(
  name: string,
  path: string,
  pictures: readonly TrainingPicture[],
  banana: NodeBanana,
): Promise<Uint8Array> {
  const shown = Array.from({ length: COLUMNS }, (_, i) => pictures[Math.floor(((i + 0.5) * pictures.length) / COLUMNS)]!);
  const [images, labels]: [Image[], string[]] = [
    shown.map((p) => flatten(placed(p.image, CELL, CELL))),
    shown.map((p) => `trained on: ${p.caption}`),
  ];
  for (const prompts of [shown.map((p) => p.caption), OTHERS])
    for (const peels of [[], [{ path }]])
      for (const [seed, prompt] of prompts.entries()) {
        images.push(flatten((await banana.picture({ prompt, seed, width: 2 * CELL, height: 2 * CELL, preview: 0, peels })).image));
        labels.push(peels.length > 0 ? `${prompt} <peel:${name}>` : prompt);
      }
  return encodeImage(await labelledSheet(images, labels, { columns: COLUMNS, cell: CELL }), 'webp');
}
