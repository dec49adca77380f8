// A story: the same up to five characters through a list of scenes. Each is given as a picture, or drawn once from its words; then every
// scene that names it, as <anna>, shows it again. A model that takes references reads the picture as <1> to <5>, and draws somebody anew as
// the scene says; another that draws in layers shows the picture itself. Not here: files (cli/scenes.ts).
import type { ImageEvent } from '../draw/events.ts';
import { objectsOf, type ObjectRequest } from '../draw/object-options.ts';
import { listOf, matching, picture, text, type Given } from '../draw/option.ts';
import { checked } from '../draw/refusal.ts';
import { LIMITS, optionsOf, type GenerateOptions, type Limits } from '../draw/request.ts';
import { randomSeed } from '../draw/text-to-image.ts';
import type { Image } from '../image/image.ts';
import type { ModelInfo } from '../models/family.ts';
import { SLOTS } from '../tokenizer/words.ts';
import { InputError } from '../util/errors.ts';
import type { Banana } from './banana.ts';

const SCENES_MAX = 1000;
const NEEDED = { needed: true as const };
const NAME = {
  ...matching(/^[\p{L}\p{N}_-]{1,40}$/u, 'letters, digits, - and _, at most 40', 'cannot be a name'),
  code: 'scenes.name',
};

const tableOf = (limits: Limits) => {
  const { prompt, seed, style, background, width, height, aspect, steps, guidance } = optionsOf(limits);
  const { slot, box, z } = objectsOf(limits.pictureBytes);
  const place = { subject: { ...NAME, ...NEEDED, about: 'which of the subjects' }, slot, box, z };
  const scene = {
    /** What happens, with subjects as <name>. */
    prompt,
    /** What its file is called. */
    name: { ...text(), about: 'what its file is called', code: 'scenes.name' },
    seed,
    background,
    /** Where subjects stand, of a model that draws in layers. */
    objects: {
      ...listOf(place, SLOTS.length, '{ subject: "anna", box: [0.1, 0.4, 0.3, 0.3] }', 'objects'),
      about: 'where subjects stand',
      code: 'scenes.count',
    },
  };
  const subject = {
    /** How scenes call it: <name>. */
    name: { ...NAME, ...NEEDED, about: 'how scenes call it' },
    /** What it is: scenes say these words for its name. */
    prompt: { ...prompt, about: 'what it is, in words' },
    /** Its picture, transparent around it; drawn once from its words when left out. */
    image: { ...picture(limits.pictureBytes), about: 'its picture', code: 'image.size', otherwise: 'drawn once from its words' },
  };
  return {
    /** Who appears, at most five. */
    subjects: {
      ...listOf(subject, SLOTS.length, '{ name: "anna", prompt: "a girl" }', 'subjects'),
      ...NEEDED,
      about: 'who appears',
      code: 'scenes.count',
    },
    /** What happens, scene by scene. */
    scenes: {
      ...listOf(scene, SCENES_MAX, '{ prompt: "<anna> on a beach" }', 'scenes'),
      ...NEEDED,
      about: 'what happens',
      code: 'scenes.count',
    },
    seed,
    style,
    background,
    width,
    height,
    aspect,
    steps,
    guidance,
  };
};

/** Subjects, scenes, and what holds for all of them. Scene i has seed + i where it has none of its own. */
export interface Story extends Given<ReturnType<typeof tableOf>> {}
export type StorySubject = Story['subjects'][number];
export type StoryScene = Story['scenes'][number];

/** What becomes of a story: first each subject, then each scene. */
export type StoryEvent =
  | { readonly type: 'subject'; readonly name: string; readonly image: Image; readonly drawn: boolean }
  | { readonly type: 'scene'; readonly index: number; readonly scene: StoryScene; readonly event: ImageEvent };

const wrong = (code: 'name' | 'subject', path: string, why: string) => new InputError(`scenes.${code}`, `${path} ${why}`, { path });
const NAMED = /<([\p{L}\p{N}_-]+)>/gu;

/** The subjects that a prompt names, in order. */
const namedIn = (prompt: string): string[] => [...new Set([...prompt.matchAll(NAMED)].map(([, name]) => name!))];

/** A story that can be drawn. Throws InputError, with the path, for what cannot be. */
export function checkStory(given: unknown, limits: Limits = LIMITS): Story {
  const story = checked(tableOf(limits), given, { name: 'the story', example: '{ "subjects": [...], "scenes": [...] }' }) as Story;
  const names = story.subjects.map(({ name }) => name);
  names.forEach((name, i) => {
    if (names.indexOf(name) < i) throw wrong('name', `subjects[${i}].name`, `"${name}" is a second one of this name`);
  });
  for (const [i, { prompt, objects = [] }] of story.scenes.entries()) {
    const named = namedIn(prompt);
    const unknown = named.find((name) => !names.includes(name));
    if (unknown !== undefined)
      throw wrong('subject', `scenes[${i}].prompt`, `says <${unknown}>: the subjects are ${names.join(', ') || 'none'}`);
    const idle = objects.findIndex(({ subject }) => !named.includes(subject));
    if (idle >= 0)
      throw wrong(
        'subject',
        `scenes[${i}].objects[${idle}]`,
        `is of "${objects[idle]!.subject}", but the prompt does not say <${objects[idle]!.subject}>`,
      );
  }
  return story;
}

/** Draws a story. Throws InputError for one that cannot be, and for a model that cannot draw somebody again. */
export async function* drawStory(
  banana: Banana,
  given: unknown,
  options: { signal?: AbortSignal } = {},
): AsyncGenerator<StoryEvent, void, void> {
  const { subjects, scenes, seed = randomSeed(), ...common } = checkStory(given);
  checkModel(banana.model);
  const shown = new Map<string, { prompt: string; image: Image }>();
  for (const [i, { name, prompt, image }] of subjects.entries()) {
    const found = image ?? (await drawSubject(banana, { ...common, ...options, prompt, seed: seed + i }));
    shown.set(name, { prompt, image: found });
    yield { type: 'subject', name, image: found, drawn: !image };
  }
  for (const [index, scene] of scenes.entries()) {
    const { name: _, objects, ...own } = scene;
    const request = { ...common, seed: seed + index, ...own, ...castOf(banana.model, scene, shown), ...options, preview: 0 };
    for await (const event of banana.generate(request)) if (event.type === 'image') yield { type: 'scene', index, scene, event };
  }
}

function checkModel({ name, abilities }: ModelInfo): void {
  if (abilities.includes('layers') || abilities.includes('references')) return;
  throw new InputError('model.references', `model "${name}" cannot draw somebody again: it neither draws in layers nor takes references`);
}

/** A subject by itself: on nothing where the model can. */
async function drawSubject(banana: Banana, request: GenerateOptions & { signal?: AbortSignal }): Promise<Image> {
  const { abilities } = banana.model;
  const square = { ...request, width: undefined, height: undefined, aspect: '1:1' as const };
  if (!abilities.includes('layers'))
    return (await banana.picture({ ...square, background: abilities.includes('transparent') ? 'transparent' : 'white' })).image;
  const { layers = [] } = await banana.picture({ ...square, background: 'transparent', layers: true });
  const largest = [...layers].sort((a, b) => b.box[2] * b.box[3] - a.box[2] * a.box[3])[0];
  return largest!.image;
}

/** Somebody who is shown: the words that stand for the name where a model reads no references, and the picture. */
export interface CastMember {
  readonly prompt: string;
  readonly image: Image;
}

/** Who of a cast a scene shows, as the model takes it, and the prompt that says so. Names of nobody stay as they are. */
export function castOf(
  { abilities }: Pick<ModelInfo, 'abilities'>,
  { prompt, objects = [] }: Pick<StoryScene, 'prompt' | 'objects'>,
  cast: ReadonlyMap<string, CastMember>,
): Pick<GenerateOptions, 'prompt' | 'objects' | 'references'> {
  const who = namedIn(prompt).flatMap((name) => (cast.has(name) ? [{ name, ...cast.get(name)! }] : []));
  const words = (say: (one: CastMember, k: number) => string) =>
    prompt.replace(NAMED, (said, name: string) => {
      const k = who.findIndex((one) => one.name === name);
      return k < 0 ? said : say(who[k]!, k);
    });
  const placed = who.map(({ name }): ObjectRequest => {
    const { subject: _, ...place } = objects.find(({ subject }) => subject === name) ?? { subject: name };
    return place;
  });
  if (abilities.includes('references'))
    return {
      prompt: words((_, k) => `<${k + 1}>`),
      ...(who.length > 0 && { references: who.map(({ image }, k) => ({ slot: k + 1, image })) }),
      ...(objects.length > 0 && abilities.includes('layers') && { objects: placed }),
    };
  const known = placed.map((place, k) => ({ ...place, reference: who[k]!.image }));
  return { prompt: words((one) => one.prompt), ...(known.length > 0 && { objects: known }) };
}
