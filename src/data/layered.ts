// Layered samples: sample i of a seed as a caption, which drawings stand where, and on which canvas. Nothing is drawn: the drawings
// are rows of a bank (drawings.ts, figures.ts). Objects stand in the order in which the caption names them, equal ones from left to
// right. A thing that the caption calls <1> to <5> is known from a reference: the same drawing, or the same figure with another face.
import { random, type Random } from '../util/random.ts';
import { composed, DATA, sample } from './dataset.ts';
import type { Background } from './backgrounds.ts';
import { canvasKey, drawingKey } from './drawings.ts';
import { cast } from './figures.ts';
import type { DataOptions } from './sample.ts';

export interface LayeredObject {
  /** Key of its drawing. */
  readonly drawing: string;
  /** Centre of the visible art from the middle of the picture, and its longer side, in shorter sides of the picture. */
  readonly x: number;
  readonly y: number;
  readonly size: number;
  /** 0 the lowest of the objects, 1 the highest. */
  readonly height: number;
  readonly reference?: LayeredReference | undefined;
}

/** What shows a subject: another drawing of the bank, and its number in the caption. */
export interface LayeredReference {
  readonly drawing: string;
  readonly slot: number;
}

export interface LayeredSample {
  readonly caption: string;
  /** Back to front. */
  readonly objects: readonly LayeredObject[];
  /** Key of the canvas; undefined where the picture is transparent behind its objects. */
  readonly canvas?: string | undefined;
  /** Width and height in shorter sides. */
  readonly aspect: readonly [number, number];
}

/** Kinds of layered samples: one object, scenes of up to six, and one to five figures known from references. */
export type LayeredKind = 'single' | 'scene' | 'figures';

/** Sample `index` of `seed`: always the same for the same options. */
export function layeredSample(seed: number, index: number, kind: LayeredKind, options: DataOptions): LayeredSample {
  const rng = random(seed).split(`layered:${options.split}:${kind}`).split(index);
  return kind === 'figures' ? castSample(rng, options) : sceneSample(kind, rng, options);
}

/** The canvas of a background. */
const canvasOf = (background: Background): string | undefined => (background.kind === 'transparent' ? undefined : canvasKey(background));

/** Height of object i of `count` in the stack. */
const heightOf = (i: number, count: number): number => (count > 1 ? i / (count - 1) : 0);

function castSample(rng: Random, { aspects, identities }: DataOptions): LayeredSample {
  const [width, height] = aspects[rng.weighted(aspects.map((a) => a[2]))]!;
  const aspect = [width / Math.min(width, height), height / Math.min(width, height)] as const;
  const { caption, background, figures } = cast(rng, aspect, aspect[0] > 1.2 ? 5 : 4, identities);
  return {
    caption,
    objects: figures.map((figure, i) => ({ ...figure, height: heightOf(i, figures.length) })),
    canvas: canvasOf(background),
    aspect,
  };
}

function sceneSample(kind: 'single' | 'scene', rng: Random, options: DataOptions): LayeredSample {
  const { caption, scene, facts } = composed(kind, rng, options);
  const shorter = Math.min(scene.width, scene.height);
  const count = scene.objects.length;
  const objects = scene.objects.map((p, i): LayeredObject => {
    const drawing = drawingKey(p.concept, p.style, p.colour);
    const slot = facts.things.find(({ concept }) => concept.hex === p.concept)?.slot;
    return {
      drawing,
      x: ((p.x - 0.5) * scene.width) / shorter,
      y: ((p.y - 0.5) * scene.height) / shorter,
      size: p.size,
      height: heightOf(i, count),
      ...(slot !== undefined && { reference: { drawing, slot } }),
    };
  });
  return {
    caption,
    objects,
    canvas: canvasOf(scene.background),
    aspect: [scene.width / shorter, scene.height / shorter],
  };
}

/** What a preset of the layered model draws: `tiny` twenty concepts in two styles, the others all of DATA.layers. */
export function layeredData(preset: string): DataOptions & { scope: { concepts: number; styles: string[] } } {
  return preset === 'tiny' ? { ...DATA.layers, scope: { concepts: 20, styles: ['flat', '3D'] }, identities: 2 } : DATA.layers;
}

/** Picture `i` of those that a bank holds whole: one thing, or a scene, square. */
export function wholePicture(i: number, options: DataOptions): { caption: string; svg: string } {
  const { caption, svg } = sample(WHOLE_SEED, i, { ...options, subjects: 0 });
  return { caption, svg };
}

const WHOLE_SEED = 77;
