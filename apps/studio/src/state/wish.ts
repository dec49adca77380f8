// What is asked for: every choice on the page that changes the picture. Pictures are named by their number in a book (pictures.ts), so
// that a state is small and can be kept by the hundred.
import type { Aspect, Background, DrawOptions, Recipe } from 'banana-sdk/web';
import type { Arrangement } from './layers.ts';
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
  readonly slot: number;
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
  /** Layers that were moved; no part of what is drawn. */
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

/** The request that a wish is. What is undefined is the model's own choice. */
export function requestOf(wish: Wish): Omit<DrawOptions, 'count' | 'signal'> {
  const [w, h] = wish.aspect.split(':').map(Number) as [number, number];
  const { start } = wish;
  return {
    prompt: wish.prompt,
    seed: wish.seed,
    aspect: wish.aspect,
    width: w < h ? undefined : wish.side,
    height: w < h ? wish.side : undefined,
    style: wish.style || undefined,
    background: wish.background || undefined,
    steps: wish.steps || undefined,
    guidance: wish.guidance,
    image: start && pictureAt(start.picture),
    mask: start?.mask === undefined ? undefined : pictureAt(start.mask),
    strength: start?.strength,
    peels: wish.peels.filter(({ weight }) => weight !== 0),
    references: wish.subjects.map(({ slot, picture }) => ({ slot, image: pictureAt(picture) })),
  };
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
