// Pictures to start from cross to an engine once: each is named by the hash of its pixels, and what the engine has is only named. How much
// of a picture is needed - the encoder's few pixels, or all of them around a mask - is known where the model is, so they cross as they are
// and are made smaller there, once. An engine keeps some; one that does not know a name (it is new after a loss, or has forgotten) says so
// before it draws anything, and is asked again with the pixels.
import type { Image } from '../image/image.ts';
import { RuntimeError } from '../util/errors.ts';
import type { Checked } from './check.ts';
import type { GenerateEvent } from './events.ts';
import type { KnownObject, UsedObject } from './object-options.ts';
import { hashOf } from './start.ts';

/** A request as it crosses to an engine. */
export interface Sent extends Omit<Checked, 'image' | 'mask' | 'objects'> {
  /** Hashes of the picture to start from and of its mask. */
  readonly image?: string;
  readonly mask?: string;
  /** Things of the picture, with the hashes of their pictures. */
  readonly objects?: readonly UsedObject[];
  /** The pictures that the engine may not have yet, by hash. */
  readonly pictures?: Readonly<Record<string, Image>>;
}

type Draw<R> = (request: R, signal?: AbortSignal) => AsyncGenerator<GenerateEvent, void, void>;

/** Names that are remembered as sent. */
const NAMED = 64;
const UNKNOWN = 'engine.pictures';
const hashes = new WeakMap<Image, Promise<string>>();

/** The hash of a picture. Each Image is hashed once: other pixels are to be another object. */
function nameOf(one: Image): Promise<string> {
  const known = hashes.get(one) ?? hashOf(one);
  hashes.set(one, known);
  return known;
}

/** For the caller's side: draws by names, with the pixels where the engine needs them. */
export function byName(draw: Draw<Sent>): Draw<Checked> {
  const sent = new Set<string>();
  return async function* ({ image, mask, objects, ...rest }, signal) {
    const pictures: Record<string, Image> = {};
    const named = async (one: Image) => {
      const name = await nameOf(one);
      pictures[name] = one;
      return name;
    };
    const namedObject = async ({ keep, reference, ...said }: KnownObject): Promise<UsedObject> => ({
      ...said,
      ...(keep && { keep: await named(keep) }),
      ...(reference && { reference: await named(reference) }),
    });
    const request: Sent = {
      ...rest,
      ...(image && { image: await named(image) }),
      ...(mask && { mask: await named(mask) }),
      ...(objects && { objects: await Promise.all(objects.map(namedObject)) }),
    };
    const unsent = Object.fromEntries(Object.entries(pictures).filter(([name]) => !sent.has(name)));
    if (sent.size > NAMED) sent.clear(); // it has forgotten most of them
    for (const name of Object.keys(pictures)) sent.add(name);
    try {
      yield* draw({ ...request, pictures: unsent }, signal);
    } catch (error) {
      if (!(error instanceof RuntimeError) || error.code !== UNKNOWN) throw error;
      yield* draw({ ...request, pictures }, signal);
    }
  };
}

/** Bytes of pictures that an engine keeps besides those of the request that it is at. */
const KEPT = 2 ** 27;

/** The engine's side: keeps what comes, the last used longest, and gives it back by name. Throws RuntimeError for an unknown one. */
export function pictureStore(most = KEPT): (request: Sent) => Pick<Checked, 'image' | 'mask' | 'objects'> {
  const kept = new Map<string, Image>();
  const use = (name: string): Image => {
    const one = kept.get(name);
    if (!one) throw new RuntimeError(UNKNOWN, `the engine has no picture ${name}: send it again`);
    kept.delete(name);
    kept.set(name, one); // the last used is the last
    return one;
  };
  const withPixels = ({ keep, reference, ...said }: UsedObject): KnownObject => ({
    ...said,
    ...(keep !== undefined && { keep: use(keep) }),
    ...(reference !== undefined && { reference: use(reference) }),
  });
  return ({ image, mask, objects, pictures = {} }) => {
    for (const [name, one] of Object.entries(pictures)) kept.set(name, one);
    const used = {
      ...(image !== undefined && { image: use(image) }),
      ...(mask !== undefined && { mask: use(mask) }),
      ...(objects && { objects: objects.map(withPixels) }),
    };
    let bytes = [...kept.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
    for (const [name, { data }] of kept) {
      if (bytes <= most) break;
      kept.delete(name);
      bytes -= data.byteLength;
    }
    return used;
  };
}
