// Pictures of characters: one to three figures of one maker (makers.ts) in front of a background, captioned by their
// parts; some of them, and then up to five, known from a reference picture, where the same figure has another expression: `<1> happy, <2> sad`.
import type { Random } from '../util/random.ts';
import { PLAIN_COLOURS, SCENERY_NAMES, sceneryOf, type Background } from './backgrounds.ts';
import { article, placeWords } from './captions.ts';
import type { DataOptions, Sample, Subject } from './sample.ts';
import { MAKERS, type Identity, type Maker } from './makers.ts';
import { sceneSvg, type Art } from './scenes.ts';
import { heldOut } from './splits.ts';

/** The style words of the characters. */
export const CHARACTER_STYLES = MAKERS.map((m) => m.style);

interface Figure {
  who: Identity;
  expression: string;
}

/** "a happy person with long brown hair and a red shirt". */
export function describe(maker: Maker, { who, expression }: Figure, rng: Random): string {
  const face = rng.pick(maker.expressions(who)[expression]!);
  const said = maker.attributes(who).filter(() => rng.uniform() < 0.75);
  const tail = said.length ? ` with ${listed(said)}` : '';
  const noun = maker.noun(who);
  if (face.startsWith(' ')) return `${article(noun)} ${noun}${face}${tail}`;
  return `${article(face)} ${face} ${noun}${tail}`;
}

/** "a, b and c". */
const listed = (words: readonly string[]): string =>
  words.length > 1 ? `${words.slice(0, -1).join(', ')} and ${words.at(-1)}` : words[0]!;

/** The caption of a picture of figures, of which each has its words: now and then with the background, and with the style. */
export function figuresCaption(words: readonly string[], { style }: Maker, background: Background, rng: Random): string {
  let text = listed(words);
  if (rng.uniform() < (background.kind === 'white' ? 0.5 : 0.85)) text += placeWords(background, rng);
  if (rng.uniform() < 0.85) text = rng.uniform() < 0.75 ? `${text}, ${style} style` : `${style} style, ${text}`;
  return text;
}

/** Where a figure's lower edge is, in heights of the picture, of one that is `h` of it: busts on the picture's edge, others on the ground or in the middle. */
export function footOf({ bust }: Maker, background: Background, h: number): number {
  const ground = sceneryOf(background)?.ground;
  return bust ? 1 : ground !== undefined ? Math.min(0.97, ground + 0.06) : 0.5 + h / 2;
}

/** Behind figures. */
export function pickBackground(rng: Random): Background {
  const seed = rng.integer(2 ** 31);
  const draw = rng.uniform();
  if (draw < 0.3) return { kind: 'white', seed };
  if (draw < 0.5) return { kind: 'transparent', seed };
  if (draw < 0.75) return { kind: 'plain', colour: rng.pick(PLAIN_COLOURS), seed };
  return { kind: rng.pick(SCENERY_NAMES), seed };
}

/** Triples of parts and (figure, expression) pairs that training never sees. */
function isHeldOut(maker: Maker, { who, expression }: Figure): boolean {
  const parts = Object.values(who);
  return heldOut('character', maker.style, ...parts.slice(0, 3)) || heldOut('expression', maker.style, ...parts.slice(0, 2), expression);
}

function figure(maker: Maker, rng: Random, test: boolean): Figure {
  for (let attempt = 0; ; attempt++) {
    const who = maker.identity(rng);
    const found = { who, expression: rng.pick(Object.keys(maker.expressions(who))) };
    if (isHeldOut(maker, found) === test || attempt > 300) return found;
  }
}

/** Where figure i of n stands: busts on the lower edge, whole figures on the ground or in the middle. */
function placeFigure(
  maker: Maker,
  viewBox: string,
  i: number,
  n: number,
  [width, height]: [number, number],
  background: Background,
): Art['box'] {
  const [, , vw = 1, vh = 1] = viewBox.split(' ').map(Number);
  const room = Math.min((width * (n === 1 ? 0.96 : 0.96 / n)) / vw, (height * (n === 1 ? 0.9 : 0.72)) / vh);
  const [w, h] = [(vw * room) / width, (vh * room) / height];
  return [(i + 0.5) / n - w / 2, footOf(maker, background, h) - h, w, h];
}

/** Slots of n subjects, in order: the first n half of the time, else any of the five, so that every slot is learned. */
export function slotsFor(n: number, rng: Random): number[] {
  const all = [1, 2, 3, 4, 5];
  if (rng.uniform() < 0.5) return all.slice(0, n);
  while (all.length > n) all.splice(rng.integer(all.length), 1);
  return all;
}

/** How many figures a picture of subjects has: 1 to 5, weighted, as many as there is room for. */
function crowd(aspect: number, rng: Random): number {
  return 1 + rng.weighted([0.45, 0.3, 0.13, 0.06, 0.06].slice(0, aspect > 1.2 ? 5 : aspect > 0.8 ? 4 : 2));
}

/** A sample of figures: always the same for the same stream of random numbers. */
export function characterSample(index: number, rng: Random, aspect: [number, number], o: DataOptions): Sample {
  const [width, height] = aspect;
  const maker = MAKERS[rng.weighted(MAKERS.map((m) => m.weight))]!;
  const referenced = o.subjects > 0 && rng.uniform() < Math.max(o.subjects, 0.3);
  const wide = width / height > 1.2;
  const n = referenced ? crowd(width / height, rng) : rng.uniform() < 0.7 ? 1 : wide ? 3 : 2;
  const background = pickBackground(rng);
  const figures = Array.from({ length: n }, () => figure(maker, rng, o.split === 'test'));
  const art = figures.map(({ who, expression }, i): Art => {
    const drawn = maker.draw(who, expression);
    return { ...drawn, box: placeFigure(maker, drawn.viewBox, i, n, aspect, background), flip: rng.uniform() < 0.3 };
  });
  const subjects: Subject[] = [];
  const slots = referenced ? slotsFor(n, rng) : [];
  const words = figures.map((f, i) => {
    if (!referenced) return describe(maker, f, rng);
    const others = Object.keys(maker.expressions(f.who)).filter((e) => e !== f.expression);
    const drawn = maker.draw(f.who, rng.pick(others));
    const white: Background = { kind: 'white', seed: 0 };
    const referenceArt: Art = { ...drawn, box: placeFigure(maker, drawn.viewBox, 0, 1, [256, 256], white), flip: rng.uniform() < 0.3 };
    subjects.push({
      slot: slots[i]!,
      label: maker.noun(f.who),
      referenceSvg: sceneSvg({ width: 256, height: 256, background: white, objects: [], art: [referenceArt] }),
      referenceBox: referenceArt.box,
    });
    return `<${slots[i]}> ${rng.pick(maker.expressions(f.who)[f.expression]!).trim()}`;
  });
  const text = figuresCaption(words, maker, background, rng);
  return {
    index,
    kind: 'character',
    caption: text,
    language: 'en',
    svg: sceneSvg({ width, height, background, objects: [], art }),
    width,
    height,
    style: maker.style,
    background,
    transparent: background.kind === 'transparent',
    objects: art.map((a, i) => ({
      concept: `${maker.style}:${figures[i]!.expression}`,
      label: maker.noun(figures[i]!.who),
      box: a.box,
      flip: a.flip,
    })),
    ...(subjects.length && { subjects }),
  };
}
