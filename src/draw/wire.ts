// A request as JSON: what a server takes. Its schema, its check, and the way to the request of a program: pictures come as files in base64
// and are decoded by whoever calls. What only the program itself may give (a path, bytes of a Peel, a signal) is no option here.
// Not here: HTTP, and the words of other servers' requests.
import { toJSONSchema } from 'zod/mini';
import type { Image } from '../image/image.ts';
import type { KnownObject, ObjectRequest } from './object-options.ts';
import { checkObjects } from './objects.ts';
import { ABOUT, schemaOf, wired, type Options } from './option.ts';
import { checked } from './refusal.ts';
import { ELSEWHERE, LIMITS, optionsOf, type GenerateOptions, type Limits, type PeelChoice, type SubjectReference } from './request.ts';

/** A request as JSON: pictures are the text of their files in base64. */
export interface WireRequest extends Omit<GenerateOptions, 'image' | 'mask' | 'references' | 'objects' | 'peels'> {
  readonly image?: string;
  readonly mask?: string;
  readonly references?: readonly (Omit<SubjectReference, 'image'> & { readonly image: string })[];
  readonly objects?: readonly (Omit<ObjectRequest, 'keep' | 'reference'> & { readonly keep?: string; readonly reference?: string })[];
  readonly peels?: readonly Omit<PeelChoice, 'path' | 'bytes'>[];
}

/** The pictures of a request, and what else it says. */
export type WirePictures = Pick<WireRequest, 'image' | 'mask' | 'references' | 'objects'>;

/** Parts a request into what holds pictures, if any, and the rest. */
export function partWire({ image, mask, references, objects, ...rest }: WireRequest): {
  pictures: WirePictures | undefined;
  rest: Omit<WireRequest, keyof WirePictures>;
} {
  const pictures: WirePictures = {
    ...(image !== undefined && { image }),
    ...(mask !== undefined && { mask }),
    ...(references && { references }),
    ...(objects && { objects }),
  };
  return { pictures: Object.keys(pictures).length > 0 ? pictures : undefined, rest };
}

/** Each picture of a request in base64, by its path. */
export function filesIn({ image, mask, references = [], objects = [] }: WirePictures): [path: string, base64: string][] {
  const found: [string, string | undefined][] = [
    ['image', image],
    ['mask', mask],
    ...references.map((one, i): [string, string] => [`references[${i}].image`, one.image]),
    ...objects.flatMap((one, i): [string, string | undefined][] => [
      [`objects[${i}].keep`, one.keep],
      [`objects[${i}].reference`, one.reference],
    ]),
  ];
  return found.filter((one): one is [string, string] => one[1] !== undefined);
}

/** The JSON schema (draft 2020-12) of a request within limits; `more`: what may be said beside it. */
export function requestSchema(limits: Limits = LIMITS, more: Options = {}): Record<string, unknown> {
  return toJSONSchema(schemaOf({ ...wired(optionsOf(limits)), ...more }), {
    target: 'draft-2020-12',
    io: 'input',
    metadata: ABOUT,
  }) as Record<string, unknown>;
}

/**
 * A request from JSON. Throws InputError, with the `path`, for what is no option or cannot be; what belongs together is checked when it is
 * drawn. `more`: options that may be there beside its own; what they are is left out of what is returned.
 */
export function checkWire(body: unknown, limits: Limits = LIMITS, more: Options = {}): WireRequest {
  const found = checked(
    { ...wired(optionsOf(limits)), ...more },
    body,
    { name: 'the request', example: '{ "prompt": "a fox" }' },
    ELSEWHERE,
  );
  return Object.fromEntries(Object.entries(found).filter(([name]) => !Object.hasOwn(more, name))) as unknown as WireRequest;
}

/** The request as JSON, its pictures encoded. What only a program can give (signal, preview, bytes and paths of Peels) is left out. */
export async function toWire(
  { image, mask, references, objects, peels, preview: _, ...rest }: GenerateOptions & { signal?: AbortSignal },
  encode: (picture: Image) => Promise<string>,
): Promise<WireRequest> {
  const { signal: __, ...said } = rest;
  const object = async ({ keep, reference, ...one }: KnownObject) => ({
    ...one,
    ...(keep && { keep: await encode(keep) }),
    ...(reference && { reference: await encode(reference) }),
  });
  return {
    ...said,
    ...(image && { image: await encode(image) }),
    ...(mask && { mask: await encode(mask) }),
    ...(objects && { objects: await Promise.all(checkObjects(objects).map(object)) }),
    ...(references && { references: await Promise.all(references.map(async (one) => ({ ...one, image: await encode(one.image) }))) }),
    ...(peels && { peels: peels.map(({ path: ___, bytes: ____, ...peel }) => peel) }),
  };
}

/** The request with its pictures decoded, each told apart by its path. */
export async function fromWire(
  { image, mask, references, objects, ...rest }: WireRequest,
  decode: (base64: string, path: string) => Promise<Image>,
): Promise<GenerateOptions> {
  const reference = async (one: NonNullable<WireRequest['references']>[number], i: number) => ({
    ...one,
    image: await decode(one.image, `references[${i}].image`),
  });
  const object = async (
    { keep, reference: shown, ...said }: NonNullable<WireRequest['objects']>[number],
    i: number,
  ): Promise<ObjectRequest> => ({
    ...said,
    ...(keep !== undefined && { keep: await decode(keep, `objects[${i}].keep`) }),
    ...(shown !== undefined && { reference: await decode(shown, `objects[${i}].reference`) }),
  });
  return {
    ...rest,
    ...(image !== undefined && { image: await decode(image, 'image') }),
    ...(mask !== undefined && { mask: await decode(mask, 'mask') }),
    ...(objects && { objects: await Promise.all(objects.map(object)) }),
    ...(references && { references: await Promise.all(references.map(reference)) }),
  };
}
