// Makers of characters: each draws a figure from named parts, so that every part can be said, and the same figure drawn
// again with another expression. One table row a maker: what parts there are, how they are called, which of them make
// an expression. BigHeads and Kawaii are React components rendered to static markup; the rest is DiceBear.
// Never used: BigHeads' logos and bodies without clothes; avatar sets without a standard licence (avataaars, bottts).
import { createRequire } from 'node:module';
import { InputError } from '../util/errors.ts';
import type { Random } from '../util/random.ts';
import { article } from './captions.ts';
import { COLOURS, COLOUR_NAMES, colourOf, fromOklch, toHex, type ColourName } from './colour.ts';

/** The chosen parts of a figure: what stays the same between two pictures of it. */
export type Identity = Record<string, string>;

export interface Maker {
  /** The word of the captions. */
  style: string;
  licence: string;
  /** Share among the characters. */
  weight: number;
  identity: (rng: Random) => Identity;
  /** The expressions, with the words for each (the first is the plainest); words after the noun begin with a space. */
  expressions: (who: Identity) => Record<string, readonly string[]>;
  /** What to call it, with a colour where it has one: "person", "blue mug". */
  noun: (who: Identity) => string;
  /** Visible attributes: "long brown hair". */
  attributes: (who: Identity) => string[];
  /** Inner SVG and its view box, the figure's lower edge on the lower edge of the box where it is cut off there. */
  draw: (who: Identity, expression: string) => { body: string; viewBox: string };
  /** Is the figure cut off at the lower edge, and so must stand on the picture's? */
  bust: boolean;
}

const require = createRequire(import.meta.url);

function load<T>(name: string): T {
  try {
    return require(name) as T;
  } catch (cause) {
    throw new InputError('data.package', `the character art (${name}) is not installed; run npm ci in the repository`, { cause });
  }
}

/** Static markup of a React component. */
function markup(component: unknown, props: Record<string, unknown>): string {
  const { createElement } = load<{ createElement: (type: unknown, props: unknown) => unknown }>('react');
  return load<{ renderToStaticMarkup: (element: unknown) => string }>('react-dom/server').renderToStaticMarkup(createElement(component, props));
}

const inner = (svg: string) => svg.replace(/^[\s\S]*?<svg[^>]*>|<\/svg>[\s\S]*$/g, '');
const an = (text: string) => `${article(text)} ${text}`;
const key = <T extends object>(table: T) => Object.keys(table) as (keyof T & string)[];
/** 'none' with probability 1 - p. */
const maybe = (rng: Random, p: number, list: readonly string[]) => (rng.uniform() < p ? rng.pick(list) : 'none');

const FACES = {
  happy: ['happy', 'smiling'],
  laughing: ['laughing'],
  sad: ['sad', 'unhappy'],
  angry: ['angry', 'mad'],
  surprised: ['surprised', 'astonished'],
  winking: ['winking'],
  loving: [' in love'],
  dizzy: ['dizzy'],
  cheeky: [' sticking out the tongue'],
  serious: ['serious'],
  tired: ['tired', 'sleepy'],
  sleeping: ['sleeping'],
  scared: ['scared', 'afraid'],
  nervous: ['nervous'],
  calm: ['calm'],
  excited: ['excited'],
} as const;

const pickFaces = (names: readonly (keyof typeof FACES)[]) => Object.fromEntries(names.map((n) => [n, FACES[n]]));

const AVATAR_FACES: Partial<Record<keyof typeof FACES, [eyes: string, mouth: string, eyebrows: string]>> = {
  happy: ['happy', 'openSmile', 'raised'], sad: ['simple', 'sad', 'concerned'], angry: ['squint', 'serious', 'angry'],
  surprised: ['normal', 'open', 'raised'], winking: ['wink', 'grin', 'raised'], loving: ['heart', 'openSmile', 'raised'],
  dizzy: ['dizzy', 'open', 'concerned'], cheeky: ['content', 'tongue', 'raised'], serious: ['normal', 'serious', 'serious'],
};
const AVATAR_HAIR = { long: 'long', bun: 'bun', short: 'short', pixie: 'short', balding: 'thinning', buzz: 'very short', afro: 'afro', bob: 'bob', none: '' } as const;
const AVATAR_HAIR_COLOURS = { blonde: 'blonde', red: 'orange', dark: 'black', white: 'white', brown: 'brown', blue: 'blue', pink: 'pink' } as const;
const AVATAR_CLOTHES = { shirt: 't-shirt', dressShirt: 'tie', vneck: 'sweater', tankTop: 'tank top', dress: 'dress' } as const;
const AVATAR_GLASSES = { none: '', roundGlasses: 'round glasses', tinyGlasses: 'glasses', shades: 'sunglasses' } as const;
/** The package's two shades of green clothes and of a red hat, which are replaced by ours. */
const AVATAR_SHADES = { clothing: ['#89D86F', '#7DC462'], hat: ['#D67070', '#C46565'] } as const;

function repaint(svg: string, from: readonly string[], to: ColourName): string {
  const { l, c, h } = colourOf(to);
  const shades = [COLOURS[to].hex, toHex(fromOklch({ l: l - 0.06, c, h }))];
  return from.reduce((text, hex, i) => text.replaceAll(hex, shades[i]!), svg);
}

const avatar: Maker = {
  style: 'avatar',
  licence: 'MIT',
  weight: 3,
  bust: true,
  identity: (rng) => {
    const who = rng.pick(['man', 'woman', 'person'] as const);
    const hairs = { woman: ['long', 'bun', 'pixie', 'bob', 'afro'], man: ['short', 'balding', 'buzz', 'afro', 'none', 'long'], person: ['short', 'pixie', 'bob', 'bun', 'afro'] };
    const hair = rng.pick(hairs[who]);
    const hat = hair === 'afro' || hair === 'bun' ? 'none' : maybe(rng, 0.25, ['beanie', 'turban']);
    return {
      who, hair, hat, hatColour: rng.pick(COLOUR_NAMES), hairColour: rng.pick(key(AVATAR_HAIR_COLOURS)), skin: rng.pick(['light', 'yellow', 'brown', 'dark', 'red', 'black']),
      beard: who === 'man' ? maybe(rng, 0.5, ['stubble', 'mediumBeard']) : 'none', glasses: maybe(rng, 0.35, ['roundGlasses', 'tinyGlasses', 'shades']),
      clothing: rng.pick(key(AVATAR_CLOTHES).slice(0, who === 'woman' ? 5 : 4)), clothingColour: rng.pick(COLOUR_NAMES),
    };
  },
  expressions: ({ glasses }) => pickFaces(glasses === 'shades' ? ['happy', 'sad', 'surprised', 'cheeky', 'serious'] : key(AVATAR_FACES)),
  noun: ({ who }) => who!,
  attributes: (who) => {
    const hair = AVATAR_HAIR[who['hair'] as keyof typeof AVATAR_HAIR];
    const cut = hair === '' ? 'a bald head' : hair === 'bun' || hair === 'bob' || hair === 'afro' ? an(`${who['hairColour']} ${hair}`) : `${hair} ${who['hairColour']} hair`;
    const clothes = an(`${who['clothingColour']} ${AVATAR_CLOTHES[who['clothing'] as keyof typeof AVATAR_CLOTHES]}`);
    return [
      who['hat'] === 'none' ? cut : an(`${who['hatColour']} ${who['hat']}`),
      AVATAR_GLASSES[who['glasses'] as keyof typeof AVATAR_GLASSES],
      who['beard'] === 'none' ? '' : who['beard'] === 'stubble' ? 'stubble' : 'a beard',
      clothes,
    ].filter(Boolean);
  },
  draw: (who, expression) => {
    const [eyes, mouth, eyebrows] = AVATAR_FACES[expression as keyof typeof AVATAR_FACES]!;
    const svg = markup(load<{ BigHead: unknown }>('@bigheads/core').BigHead, {
      eyes, mouth, eyebrows, accessory: who['glasses'], hair: who['hair'], hairColor: AVATAR_HAIR_COLOURS[who['hairColour'] as keyof typeof AVATAR_HAIR_COLOURS],
      facialHair: who['beard'], skinTone: who['skin'], hat: who['hat'], hatColor: 'red', clothing: who['clothing'], clothingColor: 'green',
      body: who['who'] === 'woman' ? 'breasts' : 'chest', lashes: who['who'] === 'woman', lipColor: 'red', graphic: 'none', mask: false, faceMask: false, circleColor: 'blue',
    });
    // The pixie cut carries the highlight of a bun that it does not have.
    const clean = who['hair'] === 'pixie' ? svg.replace(/<path d="M420\.82,134\.59[^>]*><\/path>/, '') : svg;
    const clothed = repaint(clean, AVATAR_SHADES.clothing, who['clothingColour'] as ColourName);
    return { body: inner(repaint(clothed, AVATAR_SHADES.hat, who['hatColour'] as ColourName)), viewBox: '170 40 660 950' };
  },
};

const KAWAII = {
  Astronaut: 'astronaut', Backpack: 'backpack', Cat: 'cat', Chocolate: 'chocolate bar', CreditCard: 'credit card', Cyborg: 'robot', File: 'sheet of paper', Folder: 'folder',
  Ghost: 'ghost', HumanCat: 'child in a cat costume', HumanDinosaur: 'child in a dinosaur costume', IceCream: 'popsicle', Mug: 'mug', Planet: 'planet', SpeechBubble: 'speech bubble',
} as const;
const MOODS = { happy: 'happy', sad: 'sad', surprised: 'shocked', calm: 'blissful', loving: 'lovestruck', excited: 'excited', dizzy: 'ko' } as const;

const kawaii: Maker = {
  style: 'kawaii',
  licence: 'MIT',
  weight: 2,
  bust: false,
  identity: (rng) => ({ thing: rng.pick(key(KAWAII)), colour: rng.pick(COLOUR_NAMES.filter((c) => c !== 'black')) }),
  expressions: () => pickFaces(key(MOODS)),
  noun: (who) => `${who['colour']} ${KAWAII[who['thing'] as keyof typeof KAWAII]}`,
  attributes: () => [],
  draw: (who, expression) => {
    const component = load<Record<string, unknown>>('react-kawaii')[who['thing']!];
    const svg = markup(component, { size: 240, mood: MOODS[expression as keyof typeof MOODS], color: COLOURS[who['colour'] as ColourName].hex, uniqueId: 'k' });
    return { body: inner(svg), viewBox: '15 15 210 210' };
  },
};

// DiceBear is an ES module only; where it is missing, its makers are simply not offered.
const dicebear = await import('@dicebear/core').catch(() => undefined);
type Style = Parameters<NonNullable<typeof dicebear>['createAvatar']>[0];
const styles: Record<string, Style | undefined> = dicebear
  ? {
      'open-peeps': (await import('@dicebear/open-peeps')) as unknown as Style,
      personas: (await import('@dicebear/personas')) as unknown as Style,
      micah: (await import('@dicebear/micah')) as unknown as Style,
      'big-smile': (await import('@dicebear/big-smile')) as unknown as Style,
      'toon-head': (await import('@dicebear/toon-head')) as unknown as Style,
    }
  : {};

/** One part of a DiceBear figure: its values and what they are called ("" is visible but not said). */
type Part = Record<string, string>;

interface Dice {
  word: string;
  licence: string;
  package: string;
  viewBox: string;
  bust: boolean;
  parts: Record<string, Readonly<Part>>;
  /** Parts that may be missing, with their probability in percent. */
  optional: Record<string, number>;
  /** Options whose colour is ours, and the noun that the colour belongs to; `%` stands for the colour. */
  colours: Record<string, string>;
  expressions: Partial<Record<keyof typeof FACES, Record<string, string>>>;
}

const HAIR_COLOURS = { '2c2320': 'black', '7a4a2b': 'brown', 'e6c067': 'blonde', 'c9512a': 'red', 'b9b9be': 'grey', 'f283b4': 'pink', '4a7fe0': 'blue' } as const;
const SKINS = { ffdbb4: 'light', edb98a: 'tan', ae5d29: 'brown', '694d3d': 'dark' } as const;

function maker(d: Dice): Maker {
  const colourOptions = key(d.colours);
  const hairOption = d.parts['hairColor'] ? 'hairColor' : undefined;
  return {
    style: d.word,
    licence: d.licence,
    weight: 1,
    bust: d.bust,
    identity: (rng) => ({
      ...Object.fromEntries(key(d.parts).map((p) => [p, p in d.optional ? maybe(rng, d.optional[p]! / 100, key(d.parts[p]!)) : rng.pick(key(d.parts[p]!))])),
      ...Object.fromEntries(colourOptions.map((c) => [c, rng.pick(COLOUR_NAMES)])),
    }),
    expressions: () => pickFaces(key(d.expressions)),
    noun: () => 'person',
    attributes: (who) => {
      const hairColour = hairOption && d.parts[hairOption]![who[hairOption]!];
      const said = key(d.parts).filter((p) => p !== 'hairColor' && !/skin|base/i.test(p)).map((p) => d.parts[p]![who[p]!] ?? '');
      const words = said.map((text) => text.replace('%', hairColour ?? ''));
      return [...words, ...colourOptions.map((c) => d.colours[c]!.replace('%', who[c]!))].filter(Boolean).map((text) => (/^\+/.test(text) ? an(text.slice(1).trim()) : text));
    },
    draw: (who, expression) => {
      const options: Record<string, unknown> = { seed: 'banana' };
      for (const p of key(d.parts)) {
        const missing = who[p] === 'none';
        options[p] = missing ? [] : [who[p]];
        if (p in d.optional) options[`${p}Probability`] = missing ? 0 : 100;
      }
      for (const c of colourOptions) options[c] = [COLOURS[who[c] as ColourName].hex.slice(1)];
      for (const [p, value] of Object.entries(d.expressions[expression as keyof typeof FACES]!)) options[p] = [value];
      const svg = dicebear!.createAvatar(styles[d.package]!, options).toString();
      const body = inner(svg.replace(/<metadata[\s\S]*?<\/metadata>/, '').replace(/<mask id="viewboxMask">[\s\S]*?<\/mask>/, '').replace(/ mask="url\(#viewboxMask\)"/, ''));
      return { body, viewBox: d.viewBox };
    },
  };
}

const DICE: Dice[] = [
  {
    word: 'doodle', licence: 'CC0-1.0', package: 'open-peeps', viewBox: '0 0 704 704', bust: true,
    parts: {
      head: {
        afro: 'an afro', bun: 'a bun', buns: 'two buns', long: 'long hair', longCurly: 'long curly hair', hatBeanie: 'a beanie', hatHip: 'a hat', hijab: 'a hijab', turban: 'a turban',
        mohawk: 'a mohawk', noHair1: 'a bald head', flatTop: 'a flat top', bear: 'a bear hat', cornrows: 'cornrows', dreads1: 'dreadlocks', bangs: 'bangs', short1: 'short hair', short4: 'short hair',
      },
      accessories: { glasses: 'glasses', glasses2: 'glasses', sunglasses: 'sunglasses', eyepatch: 'an eyepatch' },
      facialHair: { full: 'a beard', full2: 'a beard', moustache1: 'a moustache', goatee1: 'a goatee' },
      skinColor: SKINS,
    },
    optional: { accessories: 25, facialHair: 20 },
    colours: { clothingColor: '+% shirt' },
    expressions: {
      happy: { face: 'smile' }, laughing: { face: 'smileLOL' }, sad: { face: 'concerned' }, angry: { face: 'veryAngry' }, surprised: { face: 'awe' }, loving: { face: 'lovingGrin1' },
      serious: { face: 'serious' }, tired: { face: 'tired' }, scared: { face: 'fear' }, calm: { face: 'calm' },
    },
  },
  {
    word: 'persona', licence: 'CC-BY-4.0', package: 'personas', viewBox: '6 8 52 56', bust: true,
    parts: {
      hair: {
        long: 'long % hair', shortCombover: 'short % hair', curlyHighTop: 'curly % hair', bobCut: '+% bob', curly: 'big curly % hair', pigtails: '% pigtails', curlyBun: '+% curly bun',
        bald: 'a bald head', cap: 'a cap', beanie: 'a beanie', straightBun: '+% bun', extraLong: 'very long % hair', mohawk: '+% mohawk',
      },
      hairColor: HAIR_COLOURS,
      facialHair: { beardMustache: '+% beard', walrus: '+% moustache', goatee: '+% goatee' },
      skinColor: SKINS,
      body: { squared: '', rounded: '', checkered: '' },
    },
    optional: { facialHair: 15 },
    colours: { clothingColor: '+% shirt' },
    expressions: {
      happy: { eyes: 'open', mouth: 'bigSmile' }, sad: { eyes: 'open', mouth: 'frown' }, surprised: { eyes: 'open', mouth: 'surprise' }, winking: { eyes: 'wink', mouth: 'smirk' },
      sleeping: { eyes: 'sleep', mouth: 'smile' },
    },
  },
  {
    word: 'portrait', licence: 'CC-BY-4.0', package: 'micah', viewBox: '20 0 320 360', bust: true,
    parts: {
      hair: { fonze: 'slicked-back % hair', mrT: '+% mohawk', mrClean: 'a bald head', dannyPhantom: 'short % hair', full: 'long % hair', turban: '+% turban', pixie: 'shoulder-length % hair' },
      hairColor: HAIR_COLOURS,
      glasses: { round: 'round glasses', square: 'square glasses' },
      facialHair: { beard: 'a black beard', scruff: 'stubble' },
      baseColor: { f9c9b6: 'light', ac6651: 'brown', '77311d': 'dark' },
      shirt: { crew: '', collared: '' },
      eyebrows: { up: '' },
    },
    optional: { glasses: 25, facialHair: 12 },
    colours: { shirtColor: '+% shirt', glassesColor: '' },
    expressions: {
      happy: { mouth: 'smile', eyes: 'eyes' }, laughing: { mouth: 'laughing', eyes: 'smiling' }, sad: { mouth: 'sad', eyes: 'eyes' }, surprised: { mouth: 'surprised', eyes: 'round' },
      nervous: { mouth: 'nervous', eyes: 'eyes' },
    },
  },
  {
    word: 'big smile', licence: 'CC-BY-4.0', package: 'big-smile', viewBox: '0 0 480 480', bust: false,
    parts: {
      hair: {
        shortHair: 'short % hair', mohawk: '+% mohawk', wavyBob: '+% wavy bob', bowlCutHair: '+% bowl cut', curlyBob: '+% curly bob', straightHair: 'long % hair', braids: '% braids',
        shavedHead: 'shaved % hair', bunHair: '+% bun', bangs: '% bangs', curlyShortHair: 'curly % hair',
      },
      hairColor: HAIR_COLOURS,
      accessories: { catEars: 'cat ears', glasses: 'glasses', clownNose: 'a clown nose', sunglasses: 'sunglasses', mustache: 'a moustache' },
      skinColor: { ffe4c0: 'light', e2ba87: 'tan', a47539: 'brown', '643d19': 'dark' },
    },
    optional: { accessories: 25 },
    colours: {},
    expressions: {
      happy: { eyes: 'cheery', mouth: 'openedSmile' }, sad: { eyes: 'sad', mouth: 'openSad' }, angry: { eyes: 'angry', mouth: 'unimpressed' }, winking: { eyes: 'winking', mouth: 'teethSmile' },
      tired: { eyes: 'sleepy', mouth: 'kawaii' },
    },
  },
  {
    word: 'toon', licence: 'CC-BY-4.0', package: 'toon-head', viewBox: '100 0 568 768', bust: true,
    parts: {
      hair: { sideComed: 'combed % hair', undercut: '+% undercut', spiky: 'spiky % hair', bun: '+% bun' },
      hairColor: HAIR_COLOURS,
      beard: { moustacheTwirl: 'a moustache', fullBeard: 'a beard', longBeard: 'a long beard' },
      skinColor: { f1c3a5: 'light', b98e6a: 'tan', a36b4f: 'brown', '5c3829': 'dark' },
      clothes: { turtleNeck: '', tShirt: '', dress: '' },
      rearHair: {},
    },
    optional: { beard: 20, rearHair: 0 },
    colours: { clothesColor: '+% shirt' },
    expressions: {
      happy: { eyes: 'happy', mouth: 'smile', eyebrows: 'happy' }, laughing: { eyes: 'bow', mouth: 'laugh', eyebrows: 'happy' }, sad: { eyes: 'humble', mouth: 'sad', eyebrows: 'sad' },
      angry: { eyes: 'wide', mouth: 'angry', eyebrows: 'angry' }, surprised: { eyes: 'wide', mouth: 'agape', eyebrows: 'raised' }, winking: { eyes: 'wink', mouth: 'smile', eyebrows: 'happy' },
    },
  },
];

/** All makers that are installed. */
export const MAKERS: readonly Maker[] = [avatar, kawaii, ...(dicebear ? DICE.map(maker) : [])];
