// Reference subjects: up to five pictures of who or what the prompt calls <1> to <5>. Each is made a small square, as the model
// knows references from its training (data/dataset.ts), and encoded once; its latent tokens become keys and values beside the
// text's (models/banana/references.ts). A recipe names them by hash only: a picture of a person stays where it is.
// Not here: reading files (the caller), drawing (text-to-image.ts).
import { flatten, image, imageToTensor, resizeImage, type Image } from '../image/image.ts';
import { SLOTS } from '../tokenizer/words.ts';
import { InputError } from '../util/errors.ts';
import type { Networks, Reference } from '../models/banana/networks.ts';
import { hashOf } from './start.ts';

/** A picture of a subject. */
export interface SubjectReference {
  /** 1 to 5: the prompt says <1> to <5>. */
  slot: number;
  /** Of any size; the subject alone, on white or transparent, works best. */
  image: Image;
  /** Hash of the picture that `image` was made from, where it was made smaller on its way here. */
  hash?: string;
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
  if (references.length > most) throw new InputError('references.count', `${references.length} reference pictures: expected at most ${most}`);
  const seen = new Set<number>();
  for (const { slot, image: one } of references) {
    if (!Number.isInteger(slot) || slot < 1 || slot > most) throw new InputError('references.slot', `reference slot ${slot}: expected 1 to ${most}`);
    if (seen.has(slot)) throw new InputError('references.slot', `two pictures for <${slot}>: give each subject a slot of its own`);
    seen.add(slot);
    if (one.data.length !== one.width * one.height * 4)
      throw new InputError('image.size', `the picture of <${slot}>, ${one.width}x${one.height}, has ${one.data.length} bytes, expected ${one.width * one.height * 4}`);
  }
  const named = slotsIn(prompt);
  const unknown = named.find((slot) => slot < 1 || slot > most);
  if (unknown !== undefined) throw new InputError('references.slot', `the prompt says <${unknown}>: subjects are <1> to <${most}>`);
  const missing = named.find((slot) => !seen.has(slot));
  if (missing !== undefined) throw new InputError('references.missing', `the prompt says <${missing}>, but no picture of it is given`);
  const unsaid = references.find(({ slot }) => !named.includes(slot));
  if (unsaid) throw new InputError('references.unsaid', `there is a picture of <${unsaid.slot}>, but the prompt does not say <${unsaid.slot}>`);
}

/** A picture as the encoder reads references: a square of `pixels`, all of the picture in its middle, on white, or transparent where the picture is. */
export function asReference(one: Image, pixels: number): Image {
  if (one.width === pixels && one.height === pixels) return one;
  const scale = pixels / Math.max(one.width, one.height);
  const small = resizeImage(one, Math.max(1, Math.round(one.width * scale)), Math.max(1, Math.round(one.height * scale)));
  const square = image(pixels, pixels);
  const [left, top] = [(pixels - small.width) >> 1, (pixels - small.height) >> 1];
  for (let y = 0; y < small.height; y++) square.data.set(small.data.subarray(y * small.width * 4, (y + 1) * small.width * 4), ((top + y) * pixels + left) * 4);
  const opaque = small.data.every((x, i) => i % 4 !== 3 || x === 255);
  return opaque ? flatten(square) : square;
}

const made = new WeakMap<Image, Promise<Required<SubjectReference>>>();

/** References no larger than the encoder needs, with the hash of what was given: little to send to another process. Each Image is made smaller once. */
export function smallReferences(references: readonly SubjectReference[], pixels: number): Promise<Required<SubjectReference>[]> {
  return Promise.all(references.map(async ({ slot, image: one, hash }) => {
    const known = made.get(one) ?? (async () => ({ slot, image: asReference(one, pixels), hash: hash ?? (await hashOf(one)) }))();
    made.set(one, known);
    return { ...(await known), slot };
  }));
}

/** Encodes references, and remembers some of them: batches and typing ask for the same again. */
export function referenceEncoder({ encode, config }: Networks): (references: readonly SubjectReference[]) => Promise<Reference[]> {
  const latents = new Map<string, ReturnType<Networks['encode']>>();
  return async (references) =>
    Promise.all((await smallReferences(references, config.referencePixels)).map(async ({ slot, image: one, hash }) => {
      const latent = latents.get(hash) ?? encode(imageToTensor(one));
      latents.delete(hash);
      latents.set(hash, latent); // the last one used is the last
      if (latents.size > 4 * SLOTS.length) latents.delete(latents.keys().next().value!);
      return { slot, latent: await latent };
    }));
}
