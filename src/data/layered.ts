// Layered samples: sample i of a seed as a caption, which drawings stand where, and on which canvas. Nothing is drawn: the drawings
// are rows of a bank (drawings.ts). Objects stand in the order in which the caption names them, equal ones from left to right.
import { random } from '../util/random.ts';
import { composed, DATA } from './dataset.ts';
import { canvasKey, drawingKey } from './drawings.ts';
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

/** Kinds of layered samples: one object, and scenes of up to six. */
export type LayeredKind = 'single' | 'scene';

/** Sample `index` of `seed`: always the same for the same options. */
export function layeredSample(seed: number, index: number, kind: LayeredKind, options: DataOptions): LayeredSample {
  const rng = random(seed).split(`layered:${options.split}:${kind}`).split(index);
  const { caption, scene } = composed(kind, rng, options);
  const shorter = Math.min(scene.width, scene.height);
  const count = scene.objects.length;
  const objects = scene.objects.map(
    (p, i): LayeredObject => ({
      drawing: drawingKey(p.concept, p.style, p.colour),
      x: ((p.x - 0.5) * scene.width) / shorter,
      y: ((p.y - 0.5) * scene.height) / shorter,
      size: p.size,
      height: count > 1 ? i / (count - 1) : 0,
    }),
  );
  const { background } = scene;
  return {
    caption,
    objects,
    canvas: background.kind === 'transparent' ? undefined : canvasKey(background),
    aspect: [scene.width / shorter, scene.height / shorter],
  };
}

/** What a preset of the layered model draws: `tiny` twenty concepts in two styles, the others all of DATA.layers. */
export function layeredData(preset: string): DataOptions & { scope: { concepts: number; styles: string[] } } {
  return preset === 'tiny' ? { ...DATA.layers, scope: { concepts: 20, styles: ['flat', '3D'] } } : DATA.layers;
}
