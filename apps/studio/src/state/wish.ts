// What is asked for: every choice on the page that changes the picture. Pictures are named by their number in a book (pictures.ts), so
// that a state is small and can be kept by the hundred.
import {
  castOf,
  type Ability,
  type Aspect,
  type Background,
  type DrawOptions,
  type ModelInfo,
  type ObjectRequest,
  type Recipe,
} from 'banana-sdk/web';
import { keptIn, objectsOf, type Arrangement, type Held } from './layers.ts';
import { pictureAt } from './pictures.ts';

export interface PeelOn {
  readonly name: string;
  readonly weight: number;
}

/** A picture to start from. */
export interface Start {
  readonly picture: number;
  /** White where to draw anew. */
  readonly mask?: number;
  /** 0 to 1; the library's own choice when left out. */
  readonly strength?: number;
}

export interface Subject {
  /** The sentence calls it <slot>. */
  readonly slot: number;
  /** What it is, for models that are told so in words. */
  readonly words: string;
  readonly picture: number;
}

export interface Wish {
  readonly prompt: string;
  /** '' is as the words say. */
  readonly style: string;
  readonly background: Background | '';
  readonly aspect: Aspect;
  /** Longer side in pixels. */
  readonly side: number;
  /** 0 is the model's own. */
  readonly steps: number;
  readonly seed: number;
  /** Whether a new sentence keeps the seed. */
  readonly locked: boolean;
  readonly guidance?: number | undefined;
  readonly start?: Start | undefined;
  readonly peels: readonly PeelOn[];
  readonly subjects: readonly Subject[];
  /** Layers that were arranged: what of them is kept is part of what is drawn next. */
  readonly arranged?: Arrangement | undefined;
}

export const FIRST: Wish = {
  prompt: '',
  style: '',
  background: '',
  aspect: '1:1',
  side: 512,
  steps: 0,
  seed: 1,
  locked: false,
  peels: [],
  subjects: [],
};

export const SHAPES = ['1:1', '4:3', '3:4', '3:2', '2:3', '16:9', '9:16', '21:9'] as const satisfies readonly Aspect[];
export const SIDES = [256, 512, 768, 1024, 2048, 4096];
export const SEEDS = 1_000_000;

export const anySeed = (): number => Math.floor(Math.random() * SEEDS);

/** What is asked for, without what was done to the layers of its picture. */
export const askedOf = ({ arranged: _, locked: __, ...wish }: Wish): string => JSON.stringify(wish);

/** The layers of earlier pictures with which a wish is drawn. */
export function heldBy(wish: Wish): readonly Held[] {
  const { arranged } = wish;
  if (!arranged) return [];
  return arranged.asked === askedOf(wish) ? arranged.held : keptIn(arranged);
}

/**
 * The request that a wish is to a model: what the model cannot do is left out, and Peels that are not among those `there`. What is undefined
 * is the model's own choice.
 */
export function requestOf(wish: Wish, model: ModelInfo, there: ReadonlySet<string>): Omit<DrawOptions, 'count' | 'signal'> {
  const { abilities, styles, steps } = model;
  const can = (ability: Ability) => abilities.includes(ability);
  const [w, h] = wish.aspect.split(':').map(Number) as [number, number];
  const start = can('image') ? wish.start : undefined;
  const held = can('layers') && !start ? heldBy(wish) : [];
  return {
    seed: wish.seed,
    aspect: wish.aspect,
    width: w < h ? undefined : wish.side,
    height: w < h ? wish.side : undefined,
    style: styles.includes(wish.style) ? wish.style : undefined,
    background: wish.background === 'transparent' && !can('transparent') ? undefined : wish.background || undefined,
    steps: steps.includes(wish.steps) ? wish.steps : undefined,
    guidance: can('guidance') ? wish.guidance : undefined,
    image: start && pictureAt(start.picture),
    mask: start?.mask === undefined ? undefined : pictureAt(start.mask),
    strength: start?.strength,
    peels: can('peels') ? wish.peels.filter(({ name, weight }) => weight !== 0 && there.has(name)) : undefined,
    layers: can('layers') || undefined,
    ...withSubjects(wish, model, start ? [] : objectsOf(held)),
  };
}

/** The sentence, with the subjects that it names and the layers that stay. */
function withSubjects({ prompt, subjects }: Wish, model: ModelInfo, held: readonly ObjectRequest[]) {
  const able = model.abilities.includes('layers') || model.abilities.includes('references');
  const cast = new Map(
    subjects.map(({ slot, words, picture }) => [String(slot), { prompt: words || 'a figure', image: pictureAt(picture) }]),
  );
  const { references, objects = [], prompt: said } = able ? castOf(model, { prompt }, cast) : { prompt };
  const all = [...held, ...objects];
  return { prompt: said, references, objects: all.length > 0 ? all : undefined };
}

/** The shape on the page that is most like a ratio of width to height. */
export function nearestShape(ratio: number): Aspect {
  const off = (shape: Aspect) => {
    const [w, h] = shape.split(':').map(Number) as [number, number];
    return Math.abs(Math.log(w / h / ratio));
  };
  return [...SHAPES].sort((a, b) => off(a) - off(b))[0]!;
}

/** The choices that a recipe made, as far as they are on the page. */
export function wishOf(recipe: Recipe): Partial<Wish> {
  return {
    prompt: recipe.prompt,
    style: recipe.style ?? '',
    background: (recipe.background as Background | undefined) ?? '',
    aspect: nearestShape(recipe.width / recipe.height),
    side: Math.max(recipe.width, recipe.height),
    steps: recipe.steps,
    seed: recipe.seed,
    locked: true,
    guidance: recipe.guidance,
    peels: (recipe.peels ?? []).map(({ name, weight }) => ({ name, weight })),
    start: undefined,
  };
}
