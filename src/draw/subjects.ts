// Reference subjects: up to five pictures of who or what the prompt calls <1> to <5>. Each is made a small square, as the model
// knows references from its training (data/dataset.ts), and encoded once; its latent tokens become keys and values beside the
// text's (models/family.ts). A recipe names them by hash only: a picture of a person stays where it is.
// Not here: reading files (the caller), drawing (text-to-image.ts).
import { flatten, image, placeImage, resizeImage, type Image } from '../image/image.ts';
import { SLOTS } from '../tokenizer/words.ts';
import { InputError } from '../util/errors.ts';
import type { SubjectReference } from './request.ts';
import { hashOf } from './start.ts';

/** A picture of a subject as the encoder reads it. */
export interface SmallReference extends SubjectReference {
  /** Hash of the picture that it was made from. */
  readonly hash: string;
}

/** What a recipe says of a subject. */
export interface UsedReference {
  readonly slot: number;
  /** SHA-256 of the picture's size and pixels, the first 16 hexadecimal digits. */
  readonly hash: string;
}

/** The slots that a prompt names, in order. */
export function slotsIn(prompt: string): number[] {
  return [...new Set([...prompt.matchAll(/<(\d+)>/g)].map(([, slot]) => Number(slot)))].sort((a, b) => a - b);
}

/** Throws InputError for references that do not fit the prompt or one another. */
export function checkReferences(prompt: string, references: readonly SubjectReference[] = []): void {
  const most = SLOTS.length;
  const wrong = (code: 'slot' | 'missing' | 'unsaid', path: string, why: string) => new InputError(`references.${code}`, why, { path });
  const seen = new Set<number>();
  for (const [i, { slot }] of references.entries()) {
    if (seen.has(slot)) throw wrong('slot', `references[${i}].slot`, `two pictures for <${slot}>: give each subject a slot of its own`);
    seen.add(slot);
  }
  const named = slotsIn(prompt);
  const unknown = named.find((slot) => slot < 1 || slot > most);
  if (unknown !== undefined) throw wrong('slot', 'prompt', `the prompt says <${unknown}>: subjects are <1> to <${most}>`);
  const missing = named.find((slot) => !seen.has(slot));
  if (missing !== undefined) throw wrong('missing', 'references', `the prompt says <${missing}>, but no picture of it is given`);
  for (const [i, { slot }] of references.entries())
    if (!named.includes(slot))
      throw wrong('unsaid', `references[${i}]`, `there is a picture of <${slot}>, but the prompt does not say <${slot}>`);
}

/** A picture as the encoder reads references: a square of `pixels`, all of the picture in its middle, on white, or transparent where the picture is. */
export function asReference(one: Image, pixels: number): Image {
  if (one.width === pixels && one.height === pixels) return one;
  const scale = pixels / Math.max(one.width, one.height);
  const small = resizeImage(one, Math.max(1, Math.round(one.width * scale)), Math.max(1, Math.round(one.height * scale)));
  const square = image(pixels, pixels);
  const [left, top] = [(pixels - small.width) >> 1, (pixels - small.height) >> 1];
  placeImage(square, { x: left, y: top }, small);
  const opaque = small.data.every((x, i) => i % 4 !== 3 || x === 255);
  return opaque ? flatten(square) : square;
}

/** By the pixels of a side: models differ in them. */
const made = new Map<number, WeakMap<Image, Promise<SmallReference>>>();

/** References no larger than the encoder needs, with the hash of what was given: little to send to another process. Each Image is made smaller once. */
export function smallReferences(references: readonly (SubjectReference | SmallReference)[], pixels: number): Promise<SmallReference[]> {
  const small = made.get(pixels) ?? new WeakMap<Image, Promise<SmallReference>>();
  made.set(pixels, small);
  return Promise.all(
    references.map(async ({ slot, image: one, ...rest }) => {
      const hash = 'hash' in rest ? rest.hash : undefined;
      const known = small.get(one) ?? (async () => ({ slot, image: asReference(one, pixels), hash: hash ?? (await hashOf(one)) }))();
      small.set(one, known);
      return { ...(await known), slot };
    }),
  );
}
