// Characters: drawn people whose every attribute is known by name, so that the caption is exact and the same identity can
// be drawn again with another expression. Avatars come from BigHeads (React components, rendered to static markup once a
// description). Bodies without clothes and the logos of that package are never used.
import { createRequire } from 'node:module';
import { InputError } from '../util/errors.ts';
import type { Random } from '../util/random.ts';
import { SCENERY_NAMES, PLAIN_COLOURS, sceneryOf, type Background } from './backgrounds.ts';
import { article, placeWords } from './captions.ts';
import { COLOURS, colourOf, fromOklch, toHex, type ColourName } from './colour.ts';
import type { DataOptions, Sample, Subject } from './dataset.ts';
import { sceneSvg, type Art } from './scenes.ts';
import { heldOut } from './splits.ts';

const require = createRequire(import.meta.url);

/** What stays the same between two pictures of one person. */
export interface Identity {
  who: 'man' | 'woman' | 'person';
  skin: (typeof SKINS)[number];
  hair: (typeof HAIRS)[number];
  hairColour: keyof typeof HAIR_COLOURS;
  beard: 'none' | 'stubble' | 'mediumBeard';
  glasses: 'none' | 'roundGlasses' | 'tinyGlasses' | 'shades';
  hat: 'none' | 'beanie' | 'turban';
  hatColour: ColourName;
  clothing: (typeof CLOTHES)[number];
  clothingColour: ColourName;
}

const SKINS = ['light', 'yellow', 'brown', 'dark', 'red', 'black'] as const;
const HAIRS = ['long', 'bun', 'short', 'pixie', 'balding', 'buzz', 'afro', 'bob', 'none'] as const;
const CLOTHES = ['shirt', 'dressShirt', 'vneck', 'tankTop', 'dress'] as const;
/** Our word, and the package's name. */
const HAIR_COLOURS = { blonde: 'blonde', red: 'orange', dark: 'black', white: 'white', brown: 'brown', blue: 'blue', pink: 'pink' } as const;

export const EXPRESSIONS = {
  happy: { words: ['happy', 'smiling'], nl: 'blij', eyes: 'happy', mouth: 'openSmile', eyebrows: 'raised' },
  sad: { words: ['sad', 'unhappy'], nl: 'verdrietig', eyes: 'simple', mouth: 'sad', eyebrows: 'concerned' },
  angry: { words: ['angry', 'mad'], nl: 'boos', eyes: 'squint', mouth: 'serious', eyebrows: 'angry' },
  surprised: { words: ['surprised', 'astonished'], nl: 'verbaasd', eyes: 'normal', mouth: 'open', eyebrows: 'raised' },
  winking: { words: ['winking'], nl: 'knipogend', eyes: 'wink', mouth: 'grin', eyebrows: 'raised' },
  loving: { words: ['in love'], nl: 'verliefd', eyes: 'heart', mouth: 'openSmile', eyebrows: 'raised' },
  dizzy: { words: ['dizzy'], nl: 'duizelig', eyes: 'dizzy', mouth: 'open', eyebrows: 'concerned' },
  cheeky: { words: ['sticking out the tongue'], nl: 'met tong', eyes: 'content', mouth: 'tongue', eyebrows: 'raised' },
  serious: { words: ['serious'], nl: 'ernstig', eyes: 'normal', mouth: 'serious', eyebrows: 'serious' },
} as const;
export type Expression = keyof typeof EXPRESSIONS;
const EXPRESSION_NAMES = Object.keys(EXPRESSIONS) as Expression[];
const HAIR_WORDS: Record<Identity['hair'], string> = {
  long: 'long', bun: 'bun', short: 'short', pixie: 'pixie-cut', balding: 'thinning', buzz: 'buzz-cut', afro: 'afro', bob: 'bob', none: '',
};
const CLOTHES_WORDS: Record<Identity['clothing'], string> = { shirt: 't-shirt', dressShirt: 'shirt', vneck: 'sweater', tankTop: 'tank top', dress: 'dress' };
const GLASSES_WORDS = { roundGlasses: 'round glasses', tinyGlasses: 'glasses', shades: 'sunglasses' } as const;
const WEARABLE = ['red', 'orange', 'yellow', 'green', 'blue', 'purple', 'pink', 'brown', 'black', 'white', 'grey'] as const;

/** A random person. */
export function identity(rng: Random): Identity {
  const who = rng.pick(['man', 'woman', 'person'] as const);
  return {
    who,
    skin: rng.pick(SKINS),
    hair: who === 'woman' ? rng.pick(['long', 'bun', 'pixie', 'bob', 'afro'] as const) : who === 'man' ? rng.pick(['short', 'balding', 'buzz', 'afro', 'none', 'long'] as const) : rng.pick(['short', 'pixie', 'bob', 'bun', 'afro'] as const),
    hairColour: rng.pick(Object.keys(HAIR_COLOURS) as Identity['hairColour'][]),
    beard: who === 'man' && rng.uniform() < 0.5 ? rng.pick(['stubble', 'mediumBeard'] as const) : 'none',
    glasses: rng.uniform() < 0.35 ? rng.pick(['roundGlasses', 'tinyGlasses', 'shades'] as const) : 'none',
    hat: rng.uniform() < 0.2 ? rng.pick(['beanie', 'turban'] as const) : 'none',
    hatColour: rng.pick(WEARABLE),
    clothing: rng.pick(who === 'woman' ? CLOTHES : CLOTHES.slice(0, 4)),
    clothingColour: rng.pick(WEARABLE),
  };
}

type Markup = (props: Record<string, unknown>) => string;
let markup: Markup | undefined;

function bigHead(props: Record<string, unknown>): string {
  if (!markup) {
    try {
      const { BigHead } = require('@bigheads/core') as { BigHead: unknown };
      const { createElement } = require('react') as { createElement: (type: unknown, props: unknown) => unknown };
      const { renderToStaticMarkup } = require('react-dom/server') as { renderToStaticMarkup: (element: unknown) => string };
      markup = (p) => renderToStaticMarkup(createElement(BigHead, p));
    } catch (cause) {
      throw new InputError('data.package', 'the character art (@bigheads/core, react, react-dom) is not installed; run npm ci in the repository', { cause });
    }
  }
  return markup(props);
}

/** The package's own two shades of a clothing colour, which are replaced by ours. */
const CLOTHING = { green: ['#89D86F', '#7DC462'], hat: ['#D67070', '#C46565'] } as const;

function shades(colour: ColourName): [string, string] {
  const { l, c, h } = colourOf(colour);
  return [COLOURS[colour].hex, toHex(fromOklch({ l: l - 0.06, c, h }))];
}

/** A person with an expression: inner SVG in a view box of 1000 x 990. */
export function drawPerson(who: Identity, expression: Expression): { body: string; viewBox: string } {
  const { eyes, mouth, eyebrows } = EXPRESSIONS[expression];
  const svg = bigHead({
    eyes, mouth, eyebrows,
    accessory: who.glasses, hair: who.hair, hairColor: HAIR_COLOURS[who.hairColour], facialHair: who.beard, skinTone: who.skin,
    hat: who.hat, hatColor: 'red', clothing: who.clothing, clothingColor: 'green', body: who.who === 'woman' ? 'breasts' : 'chest',
    lashes: who.who === 'woman', lipColor: 'red', graphic: 'none', mask: false, faceMask: false, circleColor: 'blue',
  });
  const replaced = ([['green', who.clothingColour], ['hat', who.hatColour]] as const).reduce((text, [from, to]) => {
    const next = shades(to);
    return CLOTHING[from].reduce((t, hex, i) => t.replaceAll(hex, next[i]!), text);
  }, svg);
  return { body: replaced.replace(/^<svg[^>]*>|<\/svg>$/g, ''), viewBox: '0 0 1000 990' };
}

/** Attributes of a person in words; the most visible first. */
export function attributesOf(who: Identity): string[] {
  const hair = who.hat !== 'none' ? [] : who.hair === 'none' ? ['a bald head'] : [`${HAIR_WORDS[who.hair] === 'bun' || who.hair === 'afro' || who.hair === 'bob' ? `a ${who.hairColour} ${HAIR_WORDS[who.hair]}` : `${HAIR_WORDS[who.hair]} ${who.hairColour} hair`}`];
  const hat = who.hat === 'none' ? [] : [`${article(who.hatColour)} ${who.hatColour} ${who.hat}`];
  const beard = { none: [], stubble: ['stubble'], mediumBeard: ['a beard'] }[who.beard];
  const glasses = who.glasses === 'none' ? [] : [GLASSES_WORDS[who.glasses]];
  return [...hair, ...hat, ...glasses, ...beard, `${article(who.clothingColour)} ${who.clothingColour} ${CLOTHES_WORDS[who.clothing]}`];
}

function describe(who: Identity, expression: Expression, rng: Random): string {
  const word = rng.pick(EXPRESSIONS[expression].words);
  const all = attributesOf(who);
  const said = all.filter(() => rng.uniform() < 0.75);
  const tail = said.length ? ` with ${said.length > 1 ? `${said.slice(0, -1).join(', ')} and ${said.at(-1)}` : said[0]}` : '';
  return /^(in|sticking) /.test(word) ? `a ${who.who} ${word}${tail}` : `${article(word)} ${word} ${who.who}${tail}`;
}

function characterBackground(rng: Random): Background {
  const seed = rng.integer(2 ** 31);
  const draw = rng.uniform();
  if (draw < 0.3) return { kind: 'white', seed };
  if (draw < 0.5) return { kind: 'transparent', seed };
  if (draw < 0.75) return { kind: 'plain', colour: rng.pick(PLAIN_COLOURS), seed };
  return { kind: rng.pick(SCENERY_NAMES), seed };
}

const isHeldOut = (who: Identity, expression: Expression) =>
  heldOut('character', who.hairColour, who.clothing, who.clothingColour) || heldOut('expression', who.hair, who.skin, expression);

const PERSON_BOX = (x: number, size: number): Art['box'] => [x - size / 2, 1 - size, size, size];

/** One to three people in a scene, some of them known from a reference picture with another expression. */
export function characterSample(index: number, rng: Random, [width, height]: [number, number], o: DataOptions): Sample {
  const referenced = rng.uniform() < Math.max(o.subjects, 0.3 * Math.sign(o.subjects));
  const count = rng.uniform() < 0.7 ? 1 : width > 1.2 * height ? 3 : 2;
  const background = characterBackground(rng);
  const people = Array.from({ length: count }, () => {
    for (let attempt = 0; ; attempt++) {
      const [who, expression] = [identity(rng), rng.pick(EXPRESSION_NAMES)];
      if (isHeldOut(who, expression) === (o.split === 'test') || attempt > 200) return { who, expression };
    }
  });
  const size = count === 1 ? 0.9 : count === 2 ? 0.5 * Math.max(1, Math.min(1.6, width / height)) : 0.36 * (width / height);
  const art = people.map(({ who, expression }, i): Art => {
    const [bx, by, , bh] = PERSON_BOX((i + 0.5) / count, size);
    const wide = (bh * height) / width;
    return { ...drawPerson(who, expression), box: [bx + (size - wide) / 2, by, wide, bh], flip: false };
  });
  const subjects: Subject[] = [];
  const words = people.map(({ who, expression }, i) => {
    if (!referenced) return describe(who, expression, rng);
    const other = rng.pick(EXPRESSION_NAMES.filter((e) => e !== expression));
    const box: Art['box'] = [0.05, 0.1, 0.9, 0.9];
    const referenceSvg = sceneSvg({ width: 256, height: 256, background: { kind: 'white', seed: 0 }, objects: [], art: [{ ...drawPerson(who, other), box, flip: false }] });
    subjects.push({ slot: i + 1, referenceSvg, label: who.who });
    return `<${i + 1}> ${rng.pick(EXPRESSIONS[expression].words)}`;
  });
  let text = words.length > 1 ? `${words.slice(0, -1).join(', ')} and ${words.at(-1)}` : words[0]!;
  if (rng.uniform() < (sceneryOf(background) ? 0.9 : 0.5)) text += placeWords(background, rng);
  if (rng.uniform() < 0.8) text = rng.uniform() < 0.75 ? `${text}, avatar style` : `avatar style, ${text}`;
  return {
    index, kind: 'character', caption: text, language: 'en',
    svg: sceneSvg({ width, height, background, objects: [], art }),
    width, height, style: 'avatar', background, transparent: background.kind === 'transparent',
    objects: art.map((a, i) => ({ concept: `avatar:${people[i]!.expression}`, label: people[i]!.who.who, box: a.box, flip: false })),
    ...(subjects.length && { subjects }),
  };
}
