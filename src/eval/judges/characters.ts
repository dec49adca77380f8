// The reader of characters: what somebody looks like, and who it is. One table of attributes that all makers share, read off the
// makers' own words; 'none' is a word like the others: a bald head has no hair colour. The network ends in two feature vectors:
// one for the expression, and one for everything else, which is the identity: it has no reason to know the expression, and two
// pictures of one figure lie near each other in it.
// Legend: B batch, S side of the crop, n words of an attribute.
import { MAKERS, type Identity, type Maker } from '../../data/makers.ts';
import { silu } from '../../graph/functions.ts';
import { add, div, mul, reshape, softmax, sqrt, sum } from '../../graph/ops.ts';
import { graph, input, type Graph, type Value } from '../../graph/value.ts';
import { linear } from '../../nn/layers.ts';
import { rootScope, type Scope, type Specs } from '../../nn/scope.ts';
import { trainStep, type Program } from '../../train/step.ts';
import { random } from '../../util/random.ts';
import { head, judged, pyramid, type Level, pixels } from './judge-layers.ts';

/** The attributes; the last is not part of who somebody is. */
export const ATTRIBUTES = ['maker', 'hair', 'hairColour', 'skin', 'clothesColour', 'beard', 'glasses', 'hat', 'expression'] as const;
export type Attribute = (typeof ATTRIBUTES)[number];
/** The word of each attribute. */
export type Traits = Readonly<Record<Attribute, string>>;
/** The words of each attribute, in the order of the probabilities. */
export type TraitClasses = Readonly<Record<Attribute, readonly string[]>>;

/** The makers' shades of skin: names of one, colours of the others. */
const SKIN: Readonly<Record<string, string>> = {
  light: 'light',
  yellow: 'yellow',
  red: 'red',
  brown: 'brown',
  dark: 'dark',
  black: 'black',
  ffdbb4: 'light',
  edb98a: 'tan',
  ae5d29: 'brown',
  '694d3d': 'dark',
  f9c9b6: 'light',
  ac6651: 'brown',
  '77311d': 'dark',
  ffe4c0: 'light',
  e2ba87: 'tan',
  a47539: 'brown',
  '643d19': 'dark',
  f1c3a5: 'light',
  b98e6a: 'tan',
  a36b4f: 'brown',
  '5c3829': 'dark',
};
const CLOTHES = /^an? (\w+) (?:shirt|t-shirt|tie|sweater|tank top|dress)$/;
const BEARD = /\b(beard|moustache|goatee|stubble)$/;
const GLASSES = /\b(sunglasses|glasses|eyepatch)$/;
const HAT = /\b(beanie|turban|hijab|bear hat|hat|cap|cat ears)$/;
const HAIR_COLOUR = /\b(black|dark|brown|blonde|red|grey|white|pink|blue)\b/;

/** What can be said of a figure. */
export function traitsOf(maker: Maker, who: Identity, expression: string): Traits {
  const phrases = maker.attributes(who);
  const word = (pattern: RegExp, among = phrases) => among.map((p) => pattern.exec(p)?.[1]).find((w) => w !== undefined) ?? 'none';
  const hat = word(HAT);
  const cut = phrases.filter((p) => ![CLOTHES, BEARD, GLASSES, HAT].some((pattern) => pattern.test(p)));
  const shape = maker.style === 'avatar' && hat !== 'none' ? 'hidden' : (who['hair'] ?? who['head'] ?? who['thing'] ?? 'none');
  return {
    maker: maker.style,
    hair: `${maker.style} ${shape}`,
    hairColour: word(HAIR_COLOUR, cut).replace('dark', 'black'),
    skin: SKIN[who['skin'] ?? who['skinColor'] ?? who['baseColor'] ?? ''] ?? 'none',
    clothesColour: maker.style === 'kawaii' ? who['colour']! : word(CLOTHES),
    beard: word(BEARD),
    glasses: word(GLASSES),
    hat,
    expression,
  };
}

/** Every word of every attribute, in order, as the makers give them. */
export function traitClasses(): TraitClasses {
  const words = Object.fromEntries(ATTRIBUTES.map((a) => [a, new Set<string>()])) as Record<Attribute, Set<string>>;
  for (const maker of MAKERS) {
    const rng = random(0).split(maker.style);
    for (let i = 0; i < 1000; i++) {
      const who = maker.identity(rng);
      for (const expression of Object.keys(maker.expressions(who))) {
        const traits = traitsOf(maker, who, expression);
        for (const a of ATTRIBUTES) words[a].add(traits[a]);
      }
    }
  }
  return Object.fromEntries(ATTRIBUTES.map((a) => [a, [...words[a]].sort()])) as unknown as TraitClasses;
}

/** Side in pixels of the crops that the reader sees, and how much longer than the figure's longer side a crop is. */
export const FIGURE = { side: 64, margin: 1.05 } as const;
const LEVELS: readonly Level[] = [
  [40, 1],
  [72, 1],
  [96, 2],
];
const PATCH = 4;
/** Widths of the two feature vectors. */
const [WHO, FACE] = [128, 48];

/** Crop (B, S, S, 4) in [-1, 1] to the logits (B, n) of each attribute and the identity (B, 128). */
export function reader(s: Scope, crop: Value, classes: TraitClasses): { logits: Record<Attribute, Value>; identity: Value } {
  const last = pyramid(s, crop, LEVELS, PATCH).at(-1)!;
  const [B, h, w, D] = last.shape as [number, number, number, number];
  const flat = reshape(last, [B, h * w * D]);
  const identity = linear(s.in('identity'), flat, WHO, { bias: true });
  const face = linear(s.in('face'), flat, FACE, { bias: true });
  const of = (a: Attribute) => head(s.in(a), silu(a === 'expression' ? face : identity), classes[a].length);
  return { logits: Object.fromEntries(ATTRIBUTES.map((a) => [a, of(a)])) as Record<Attribute, Value>, identity };
}

/** The training step. Inputs: crop (B, S, S, 4) uint8 and label.ATTRIBUTE (B, 1) int64. Metrics: shares that are right. */
export function readerProgram(classes: TraitClasses, B: number): { program: Program; specs: Specs } {
  const specs: Specs = new Map();
  const { logits } = reader(rootScope(specs).in('reader'), pixels(input('crop', [B, FIGURE.side, FIGURE.side, 4], 'uint8')), classes);
  const results = ATTRIBUTES.map((a) => judged(logits[a], input(`label.${a}`, [B, 1], 'int64')));
  const loss = results.map((r) => r.loss).reduce((x, y) => add(x, y));
  const metrics = Object.fromEntries(ATTRIBUTES.map((a, i) => [a, results[i]!.right]));
  return { program: trainStep('train-reader', loss, { specs, metrics, ema: 0.99 }), specs };
}

/** The reader for use: crop (B, S, S, 4) in [-1, 1] -> probabilities by attribute, and identity (B, 128) of length 1. */
export function readerStage(classes: TraitClasses): { graph: Graph; specs: Specs } {
  const specs: Specs = new Map();
  const { logits, identity } = reader(rootScope(specs).in('reader'), input('crop', ['B', FIGURE.side, FIGURE.side, 4]), classes);
  const length = sqrt(add(sum(mul(identity, identity), { axes: [-1], keepdims: true }), 1e-9));
  const words = Object.fromEntries(ATTRIBUTES.map((a) => [a, softmax(logits[a])]));
  return { graph: graph('reader', { ...words, identity: div(identity, length) }), specs };
}
