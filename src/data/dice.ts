// DiceBear's characters as makers: one table row a style of theirs.
import { COLOURS, COLOUR_NAMES, type ColourName } from './colour.ts';
import { an, type FACES, inner, key, maybe, pickFaces, type Maker } from './maker.ts';

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

const HAIR_COLOURS = {
  '2c2320': 'black',
  '7a4a2b': 'brown',
  e6c067: 'blonde',
  c9512a: 'red',
  b9b9be: 'grey',
  f283b4: 'pink',
  '4a7fe0': 'blue',
} as const;
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
      ...Object.fromEntries(
        key(d.parts).map((p) => [p, p in d.optional ? maybe(rng, d.optional[p]! / 100, key(d.parts[p]!)) : rng.pick(key(d.parts[p]!))]),
      ),
      ...Object.fromEntries(colourOptions.map((c) => [c, rng.pick(COLOUR_NAMES)])),
    }),
    expressions: () => pickFaces(key(d.expressions)),
    noun: () => 'person',
    attributes: (who) => {
      const hairColour = hairOption && d.parts[hairOption]![who[hairOption]!];
      const said = key(d.parts)
        .filter((p) => p !== 'hairColor' && !/skin|base/i.test(p))
        .map((p) => d.parts[p]![who[p]!] ?? '');
      const words = said.map((text) => text.replace('%', hairColour ?? ''));
      return [...words, ...colourOptions.map((c) => d.colours[c]!.replace('%', who[c]!))]
        .filter(Boolean)
        .map((text) => (/^\+/.test(text) ? an(text.slice(1).trim()) : text));
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
      const body = inner(
        svg
          .replace(/<metadata[\s\S]*?<\/metadata>/, '')
          .replace(/<mask id="viewboxMask">[\s\S]*?<\/mask>/, '')
          .replace(/ mask="url\(#viewboxMask\)"/, ''),
      );
      return { body, viewBox: d.viewBox };
    },
  };
}

const DICE: Dice[] = [
  {
    word: 'doodle',
    licence: 'CC0-1.0',
    package: 'open-peeps',
    viewBox: '0 0 704 704',
    bust: true,
    parts: {
      head: {
        afro: 'an afro',
        bun: 'a bun',
        buns: 'two buns',
        long: 'long hair',
        longCurly: 'long curly hair',
        hatBeanie: 'a beanie',
        hatHip: 'a hat',
        hijab: 'a hijab',
        turban: 'a turban',
        mohawk: 'a mohawk',
        noHair1: 'a bald head',
        flatTop: 'a flat top',
        bear: 'a bear hat',
        cornrows: 'cornrows',
        dreads1: 'dreadlocks',
        bangs: 'bangs',
        short1: 'short hair',
        short4: 'short hair',
      },
      accessories: { glasses: 'glasses', glasses2: 'glasses', sunglasses: 'sunglasses', eyepatch: 'an eyepatch' },
      facialHair: { full: 'a beard', full2: 'a beard', moustache1: 'a moustache', goatee1: 'a goatee' },
      skinColor: SKINS,
    },
    optional: { accessories: 25, facialHair: 20 },
    colours: { clothingColor: '+% shirt' },
    expressions: {
      happy: { face: 'smile' },
      laughing: { face: 'smileLOL' },
      sad: { face: 'concerned' },
      angry: { face: 'veryAngry' },
      surprised: { face: 'awe' },
      loving: { face: 'lovingGrin1' },
      serious: { face: 'serious' },
      tired: { face: 'tired' },
      scared: { face: 'fear' },
      calm: { face: 'calm' },
    },
  },
  {
    word: 'persona',
    licence: 'CC-BY-4.0',
    package: 'personas',
    viewBox: '6 8 52 56',
    bust: true,
    parts: {
      hair: {
        long: 'long % hair',
        shortCombover: 'short % hair',
        curlyHighTop: 'curly % hair',
        bobCut: '+% bob',
        curly: 'big curly % hair',
        pigtails: '% pigtails',
        curlyBun: '+% curly bun',
        bald: 'a bald head',
        cap: 'a cap',
        beanie: 'a beanie',
        straightBun: '+% bun',
        extraLong: 'very long % hair',
        mohawk: '+% mohawk',
      },
      hairColor: HAIR_COLOURS,
      facialHair: { beardMustache: '+% beard', walrus: '+% moustache', goatee: '+% goatee' },
      skinColor: SKINS,
      body: { squared: '', rounded: '', checkered: '' },
    },
    optional: { facialHair: 15 },
    colours: { clothingColor: '+% shirt' },
    expressions: {
      happy: { eyes: 'open', mouth: 'bigSmile' },
      sad: { eyes: 'open', mouth: 'frown' },
      surprised: { eyes: 'open', mouth: 'surprise' },
      winking: { eyes: 'wink', mouth: 'smirk' },
      sleeping: { eyes: 'sleep', mouth: 'smile' },
    },
  },
  {
    word: 'portrait',
    licence: 'CC-BY-4.0',
    package: 'micah',
    viewBox: '20 0 320 360',
    bust: true,
    parts: {
      hair: {
        fonze: 'slicked-back % hair',
        mrT: '+% mohawk',
        mrClean: 'a bald head',
        dannyPhantom: 'short % hair',
        full: 'long % hair',
        turban: '+% turban',
        pixie: 'shoulder-length % hair',
      },
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
      happy: { mouth: 'smile', eyes: 'eyes' },
      laughing: { mouth: 'laughing', eyes: 'smiling' },
      sad: { mouth: 'sad', eyes: 'eyes' },
      surprised: { mouth: 'surprised', eyes: 'round' },
      nervous: { mouth: 'nervous', eyes: 'eyes' },
    },
  },
  {
    word: 'big smile',
    licence: 'CC-BY-4.0',
    package: 'big-smile',
    viewBox: '0 0 480 480',
    bust: false,
    parts: {
      hair: {
        shortHair: 'short % hair',
        mohawk: '+% mohawk',
        wavyBob: '+% wavy bob',
        bowlCutHair: '+% bowl cut',
        curlyBob: '+% curly bob',
        straightHair: 'long % hair',
        braids: '% braids',
        shavedHead: 'shaved % hair',
        bunHair: '+% bun',
        bangs: '% bangs',
        curlyShortHair: 'curly % hair',
      },
      hairColor: HAIR_COLOURS,
      accessories: {
        catEars: 'cat ears',
        glasses: 'glasses',
        clownNose: 'a clown nose',
        sunglasses: 'sunglasses',
        mustache: 'a moustache',
      },
      skinColor: { ffe4c0: 'light', e2ba87: 'tan', a47539: 'brown', '643d19': 'dark' },
    },
    optional: { accessories: 25 },
    colours: {},
    expressions: {
      happy: { eyes: 'cheery', mouth: 'openedSmile' },
      sad: { eyes: 'sad', mouth: 'openSad' },
      angry: { eyes: 'angry', mouth: 'unimpressed' },
      winking: { eyes: 'winking', mouth: 'teethSmile' },
      tired: { eyes: 'sleepy', mouth: 'kawaii' },
    },
  },
  {
    word: 'toon',
    licence: 'CC-BY-4.0',
    package: 'toon-head',
    viewBox: '100 0 568 768',
    bust: true,
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
      happy: { eyes: 'happy', mouth: 'smile', eyebrows: 'happy' },
      laughing: { eyes: 'bow', mouth: 'laugh', eyebrows: 'happy' },
      sad: { eyes: 'humble', mouth: 'sad', eyebrows: 'sad' },
      angry: { eyes: 'wide', mouth: 'angry', eyebrows: 'angry' },
      surprised: { eyes: 'wide', mouth: 'agape', eyebrows: 'raised' },
      winking: { eyes: 'wink', mouth: 'smile', eyebrows: 'happy' },
    },
  },
];

/** All makers that are installed. */

export const DICE_MAKERS: readonly Maker[] = dicebear ? DICE.map(maker) : [];
