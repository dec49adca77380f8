// What the parts of the evaluation share: ways to draw, real renders, what the judges see in either, and the ledger that keeps it.
// The model is a function here (which one, and how it steps, is the caller's), and so are the judges. What is kept is what was
// seen, not whether it was right: rules can change without drawing anything again.
import type { RenderPool } from '../data/render.ts';
import { premultipliedToTensor } from '../image/image.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Key, Ledger } from './ledger.ts';
import { firstOf, type FoundObject, type Judges } from './judges/judges.ts';
import type { Box, Seen } from './rule.ts';

/** A picture of a subject, square, and the slot (1 to 5) by which the prompt names it. */
export interface Known {
  readonly slot: number;
  readonly picture: Tensor;
}

/** Draws a prompt from a seed: (1, H, W, 4) premultiplied around [-1, 1]; a square of the suite's side where nothing else is said. */
export type Draw = (
  prompt: string,
  seed: number,
  more?: { readonly references?: readonly Known[]; readonly width?: number; readonly height?: number },
) => Promise<Tensor>;

/** A way to draw: '4 steps', 'teacher, 50 steps'. */
export interface Variant {
  readonly name: string;
  /** All that decides its pictures beside prompt and seed: the weights' hash, steps, guidance, precision, size. */
  readonly key: Key;
  readonly draw: Draw;
  /** The same, and where in it its things are, in the order of the prompt: where the model knows. */
  readonly place?: (...asked: Parameters<Draw>) => Promise<{ readonly picture: Tensor; readonly boxes: readonly Box[] }>;
}

export interface Suite {
  readonly judges: Judges;
  /** What decides what the judges say: the hash of their file. */
  readonly judgesKey: Key;
  readonly pool: RenderPool;
  /** Side in pixels of drawn pictures and of real renders. */
  readonly side: number;
  readonly ledger: Ledger;
  /** Called after each case of a part; throws to stop. */
  readonly progress: (part: string, done: number, total: number) => void;
}

/** A picture that was far from right, and what a right one is. */
export interface Miss {
  readonly part: string;
  readonly caption: string;
  readonly seed: number;
  readonly svg: string;
  /** What is wrong, in words. */
  readonly why: string;
  /** 0 to 1: the lower, the worse. */
  readonly nearness: number;
  /** Where the prompt names subjects: their pictures as SVG, and their slots. */
  readonly references?: readonly { readonly slot: number; readonly svg: string }[];
  /** Of the picture, where it is no square of the suite's side. */
  readonly width?: number;
  readonly height?: number;
}

/** A real render, a square of the suite's side where nothing else is said; undefined where it cannot be drawn. */
export async function renderOf(
  { pool, side }: Pick<Suite, 'pool' | 'side'>,
  svg: string,
  { width = side, height = side }: { width?: number; height?: number } = {},
): Promise<Tensor<'float32'> | undefined> {
  const { pixels } = await pool.render({ svg, width, height });
  return pixels && premultipliedToTensor(width, height, pixels);
}

/** Everything that the judges see in a picture of things. */
export interface Sight {
  /** The most certain first. */
  readonly objects: readonly Seen[];
  /** The most likely class: 'white', 'plain red', 'meadow', ... */
  readonly background: string;
}

function seenOf({ box, concept, style, colour }: FoundObject, { classes }: Judges): Seen {
  const order = [...concept.keys()].sort((a, b) => concept[b]! - concept[a]!).slice(0, 5);
  return {
    box,
    concepts: order.map((i) => classes.concept[i]!),
    odds: order.map((i) => concept[i]!),
    style: classes.style[firstOf(style)]!,
    ...(colour && { colour: colour.colour }),
  };
}

/** Things and background of a picture. */
export async function sightOf(judges: Judges, picture: Tensor): Promise<Sight> {
  const { objects, background } = await judges.find(picture);
  return { objects: objects.map((o) => seenOf(o, judges)), background: judges.classes.background[firstOf(background)]! };
}

/** What is seen in the picture that a prompt and a seed give. */
export function sightOfDrawn({ ledger, judges, judgesKey }: Suite, { key, draw }: Variant, prompt: string, seed: number): Promise<Sight> {
  return ledger.recall({ ...key, ...judgesKey, what: 'sight', prompt, seed }, async () => sightOf(judges, await draw(prompt, seed)));
}

/** What is seen in a real render; null where it cannot be drawn. */
export function sightOfReal(suite: Suite, svg: string): Promise<Sight | null> {
  const { ledger, judges, judgesKey, side } = suite;
  return ledger.recall({ ...judgesKey, what: 'sight', side, svg }, async () => {
    const picture = await renderOf(suite, svg);
    return picture ? sightOf(judges, picture) : null;
  });
}

/** What people call a concept. */
export function labelOf({ classes }: Judges, concept: string): string {
  return classes.labels[classes.concept.indexOf(concept)] ?? concept;
}

/** The `count` worst, no prompt twice, the parts in turn: each part has its own idea of how far from right. */
export function worstOf(misses: readonly Miss[], count: number): Miss[] {
  const parts = new Map<string, Miss[]>();
  for (const miss of [...misses].sort((a, b) => a.nearness - b.nearness)) {
    const list = parts.get(miss.part) ?? [];
    if (!list.some((m) => m.caption === miss.caption)) list.push(miss);
    parts.set(miss.part, list);
  }
  const found: Miss[] = [];
  for (let rank = 0; [...parts.values()].some((list) => rank < list.length); rank++)
    for (const list of parts.values()) if (rank < list.length && found.length < count) found.push(list[rank]!);
  return found;
}
