// Makers of characters: each draws a figure from named parts, so that every part can be said, and the same figure drawn
// again with another expression. One table row a maker: what parts there are, how they are called, which of them make
// an expression. BigHeads and Kawaii are React components rendered to static markup; the rest is DiceBear (dice.ts).
// Never used: BigHeads' logos and bodies without clothes; avatar sets without a standard licence (avataaars, bottts).
import { createRequire } from 'node:module';
import { InputError } from '../util/errors.ts';
import { COLOURS, COLOUR_NAMES, colourOf, fromOklch, toHex, type ColourName } from './colour.ts';
import { DICE_MAKERS } from './dice.ts';
import { an, type FACES, inner, key, maybe, pickFaces, type Identity, type Maker } from './maker.ts';

export type { Identity, Maker };

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
  return load<{ renderToStaticMarkup: (element: unknown) => string }>('react-dom/server').renderToStaticMarkup(
    createElement(component, props),
  );
}

const AVATAR_FACES: Partial<Record<keyof typeof FACES, [eyes: string, mouth: string, eyebrows: string]>> = {
  happy: ['happy', 'openSmile', 'raised'],
  sad: ['simple', 'sad', 'concerned'],
  angry: ['squint', 'serious', 'angry'],
  surprised: ['normal', 'open', 'raised'],
  winking: ['wink', 'grin', 'raised'],
  loving: ['heart', 'openSmile', 'raised'],
  dizzy: ['dizzy', 'open', 'concerned'],
  cheeky: ['content', 'tongue', 'raised'],
  serious: ['normal', 'serious', 'serious'],
};
const AVATAR_HAIR = {
  long: 'long',
  bun: 'bun',
  short: 'short',
  pixie: 'short',
  balding: 'thinning',
  buzz: 'very short',
  afro: 'afro',
  bob: 'bob',
  none: '',
} as const;
const AVATAR_HAIR_COLOURS = {
  blonde: 'blonde',
  red: 'orange',
  dark: 'black',
  white: 'white',
  brown: 'brown',
  blue: 'blue',
  pink: 'pink',
} as const;
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
    const hairs = {
      woman: ['long', 'bun', 'pixie', 'bob', 'afro'],
      man: ['short', 'balding', 'buzz', 'afro', 'none', 'long'],
      person: ['short', 'pixie', 'bob', 'bun', 'afro'],
    };
    const hair = rng.pick(hairs[who]);
    const hat = hair === 'afro' || hair === 'bun' ? 'none' : maybe(rng, 0.25, ['beanie', 'turban']);
    return {
      who,
      hair,
      hat,
      hatColour: rng.pick(COLOUR_NAMES),
      hairColour: rng.pick(key(AVATAR_HAIR_COLOURS)),
      skin: rng.pick(['light', 'yellow', 'brown', 'dark', 'red', 'black']),
      beard: who === 'man' ? maybe(rng, 0.5, ['stubble', 'mediumBeard']) : 'none',
      glasses: maybe(rng, 0.35, ['roundGlasses', 'tinyGlasses', 'shades']),
      clothing: rng.pick(key(AVATAR_CLOTHES).slice(0, who === 'woman' ? 5 : 4)),
      clothingColour: rng.pick(COLOUR_NAMES),
    };
  },
  expressions: ({ glasses }) => pickFaces(glasses === 'shades' ? ['happy', 'sad', 'surprised', 'cheeky', 'serious'] : key(AVATAR_FACES)),
  noun: ({ who }) => who!,
  attributes: (who) => {
    const hair = AVATAR_HAIR[who['hair'] as keyof typeof AVATAR_HAIR];
    const cut =
      hair === ''
        ? 'a bald head'
        : hair === 'bun' || hair === 'bob' || hair === 'afro'
          ? an(`${who['hairColour']} ${hair}`)
          : `${hair} ${who['hairColour']} hair`;
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
      eyes,
      mouth,
      eyebrows,
      accessory: who['glasses'],
      hair: who['hair'],
      hairColor: AVATAR_HAIR_COLOURS[who['hairColour'] as keyof typeof AVATAR_HAIR_COLOURS],
      facialHair: who['beard'],
      skinTone: who['skin'],
      hat: who['hat'],
      hatColor: 'red',
      clothing: who['clothing'],
      clothingColor: 'green',
      body: who['who'] === 'woman' ? 'breasts' : 'chest',
      lashes: who['who'] === 'woman',
      lipColor: 'red',
      graphic: 'none',
      mask: false,
      faceMask: false,
      circleColor: 'blue',
    });
    // The pixie cut carries the highlight of a bun that it does not have.
    const clean = who['hair'] === 'pixie' ? svg.replace(/<path d="M420\.82,134\.59[^>]*><\/path>/, '') : svg;
    const clothed = repaint(clean, AVATAR_SHADES.clothing, who['clothingColour'] as ColourName);
    return { body: inner(repaint(clothed, AVATAR_SHADES.hat, who['hatColour'] as ColourName)), viewBox: '170 40 660 950' };
  },
};

const KAWAII = {
  Astronaut: 'astronaut',
  Backpack: 'backpack',
  Cat: 'cat',
  Chocolate: 'chocolate bar',
  CreditCard: 'credit card',
  Cyborg: 'robot',
  File: 'sheet of paper',
  Folder: 'folder',
  Ghost: 'ghost',
  HumanCat: 'child in a cat costume',
  HumanDinosaur: 'child in a dinosaur costume',
  IceCream: 'popsicle',
  Mug: 'mug',
  Planet: 'planet',
  SpeechBubble: 'speech bubble',
} as const;
const MOODS = {
  happy: 'happy',
  sad: 'sad',
  surprised: 'shocked',
  calm: 'blissful',
  loving: 'lovestruck',
  excited: 'excited',
  dizzy: 'ko',
} as const;

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
    const svg = markup(component, {
      size: 240,
      mood: MOODS[expression as keyof typeof MOODS],
      color: COLOURS[who['colour'] as ColourName].hex,
      uniqueId: 'k',
    });
    return { body: inner(svg), viewBox: '15 15 210 210' };
  },
};

export const MAKERS: readonly Maker[] = [avatar, kawaii, ...DICE_MAKERS];
