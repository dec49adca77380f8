// Sentences that no grammar of ours makes: as people type them, in English, Dutch, and a mixture with slips of the pen and words that
// training has not. Each with the main thing that a right picture shows, as our tables name it. Written down before anything was measured.
import type { DataOptions } from '../data/sample.ts';
import { inScope } from '../data/sprites.ts';
import { sightOfDrawn, type Suite, type Variant } from './suite.ts';

const ENGLISH: readonly (readonly [sentence: string, thing: string])[] = [
  ['my dog loves to sleep in the sun', 'dog'],
  ['can you draw me a cute little kitten', 'cat'],
  ['something to unlock the front door with', 'key'],
  ['an icon for the settings page, a cog', 'gear'],
  ['the king of the jungle', 'lion'],
  ['a slice of pepperoni pizza please', 'pizza'],
  ['logo for a bakery: warm bread', 'bread'],
  ['our school bus arrives every morning', 'bus'],
  ['it is raining, bring an umbrella', 'umbrella'],
  ['a spooky ghost for the halloween party', 'ghost'],
  ['I would like a birthday cake with candles', 'cake'],
  ['a tiny mouse hiding from us', 'mouse'],
  ['send me an envelope with love', 'envelope'],
  ['a big old whale swims across the ocean', 'whale'],
  ['grandma is baking a pie', 'pie'],
  ['the rocket lifts off', 'rocket'],
  ['take a photo with your camera', 'camera'],
  ['a bunny with long ears', 'rabbit'],
  ['sticker of a smiling avocado or a pineapple', 'pineapple'],
  ['he plays the violin in an orchestra', 'violin'],
  ['an honey bee collecting pollen', 'bee'],
  ['the bike that I ride to work', 'bicycle'],
  ['a snake slithers through the desert', 'snake'],
  ['an app badge with a golden trophy', 'trophy'],
  ['she wears her favourite red dress', 'dress'],
  ['winter is here, look at that snowman', 'snowman'],
  ['a pirate ship on stormy seas', 'ship'],
  ['pumpkins are gone but here is a mushroom', 'mushroom'],
  ['the farmer drives his tractor', 'tractor'],
  ['a lonely cactus', 'cactus'],
];

const DUTCH: typeof ENGLISH = [
  ['mijn hond slaapt graag in de zon', 'dog'],
  ['teken eens een schattig poesje', 'cat'],
  ['een sleutel om de voordeur mee open te maken', 'key'],
  ['de koning van de jungle is een leeuw', 'lion'],
  ['het regent, neem een paraplu mee', 'umbrella'],
  ['een verjaardagstaart met kaarsjes', 'cake'],
  ['de schoolbus komt elke ochtend', 'bus'],
  ['ik fiets elke dag naar mijn werk', 'bicycle'],
  ['een spook voor het griezelfeest', 'ghost'],
  ['wij gingen met het vliegtuig op vakantie', 'airplane'],
  ['een lekkere rode aardbei uit de tuin', 'strawberry'],
  ['de boer melkt zijn koe', 'cow'],
  ['een vlinder fladdert over de wei', 'butterfly'],
  ['de brandweerwagen staat klaar', 'fire engine'],
  ['een uil zit op een tak', 'owl'],
];

const MIXED: typeof ENGLISH = [
  ['doggo chilling', 'dog'],
  ['a elefant with big eers', 'elephant'],
  ['strawbery icon', 'strawberry'],
  ['pls draw giraf', 'giraffe'],
  ['a feline', 'cat'],
  ['some footwear: sneakers!!', 'sneaker'],
  ['spectacles', 'glasses'],
  ['an automobile from the fifties', 'car'],
  ['the thing you light a room with, a bulb', 'light bulb'],
  ['a set of wheels for two: motorbike', 'motorcycle'],
  ['robots are taking over', 'robot'],
  ['HEDGEHOG', 'hedgehog'],
  ['kasteel van een prinses, flat style', 'castle'],
  ['lemonade stand with lemons', 'lemon'],
  ['crowned', 'crown'],
];

export const FREE_SENTENCES = { English: ENGLISH, Dutch: DUTCH, mixed: MIXED } as const;

/** Shares of pictures that show the thing. */
export interface FreeScore {
  readonly count: number;
  /** An object is first of all taken for it; it is among the five that one is taken for. */
  readonly shown: number;
  readonly shown5: number;
  /** Sentences whose pictures do not show it. */
  readonly misses: readonly string[];
}

/** Draws each sentence once, from seed 0. */
export async function measureFree(
  suite: Suite,
  variant: Variant,
  { scope }: DataOptions,
): Promise<Record<keyof typeof FREE_SENTENCES, FreeScore>> {
  const { concepts } = inScope(scope);
  const codeOf = (thing: string) => concepts.find(({ label, core }) => (core?.noun ?? label) === thing)!.hex;
  const score = async (list: typeof ENGLISH): Promise<FreeScore> => {
    const sights = [];
    for (const [sentence, thing] of list) {
      const { objects } = await sightOfDrawn(suite, variant, sentence, 0);
      const code = codeOf(thing);
      sights.push({ sentence, first: objects.some((o) => o.concepts[0] === code), five: objects.some((o) => o.concepts.includes(code)) });
    }
    return {
      count: list.length,
      shown: sights.filter(({ first }) => first).length / list.length,
      shown5: sights.filter(({ five }) => five).length / list.length,
      misses: sights.filter(({ first }) => !first).map(({ sentence }) => sentence),
    };
  };
  return { English: await score(ENGLISH), Dutch: await score(DUTCH), mixed: await score(MIXED) };
}
