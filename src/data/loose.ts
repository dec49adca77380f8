// Captions as people type them: what is asked for stands somewhere among words that say nothing of the picture, without its article,
// with a slip of the pen. A model that has read such captions looks for the thing instead of the place where a grammar has it.
import type { Random } from '../util/random.ts';

const words = (text: string): readonly string[] => text.split(' ');

/** Words that say nothing of a picture; none is a thing, a colour, a number or a place of our tables. */
const CHATTER = {
  en: {
    before: words(
      'please pls draw make me a picture of can you could we i want need would like an icon for logo sticker badge with my our your his her their the this that some here is look at show it has show another lovely nice cute pretty favourite best new just really very simple good great for app website page shop team about think something like called named who wants',
    ),
    after: words(
      'please for my your our website app page shop blog friend mother father brother sister teacher boss in the end that i like love so much today tomorrow tonight yesterday every day again always never which is was very nice good great funny happy busy working playing waiting sleeping running coming going looking at us them me from here there when while because and then it all thanks now soon with you',
    ),
  },
  nl: {
    before: words(
      'teken maak eens graag wil ik zou willen kun je even een plaatje van icoon voor logo sticker met mijn onze jouw zijn haar de het dit dat hier is kijk leuk mooie lieve schattige nieuwe gewoon heel erg goede fijne voor de app site pagina winkel iets zoals die heet',
    ),
    after: words(
      'alsjeblieft voor mijn jouw onze site app winkel vriend moeder vader broer zus juf baas die ik leuk vind zo mooi vandaag morgen vanavond gisteren elke dag weer altijd nooit en toen was is heel erg fijn grappig blij druk aan het werken spelen wachten slapen rennen komt gaat kijkt naar ons mij hier daar toen omdat nu straks bedankt met jou',
    ),
  },
} as const;

const DUTCH = /\b(een|twee|drie|vier|vijf|zes|stijl|achtergrond|naast|boven|onder)\b/;
const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
/** Most words on either side, and the shares of captions without their article and with a slip. */
const MOST = 4;
const BARE = 0.35;
const SLIP = 0.2;
/** Shortest word with a slip: shorter ones become others. */
const SHORTEST = 5;

/** One letter left out, doubled, exchanged with its neighbour, or another, of one long word. Numbered subjects stay. */
function slipped(caption: string, rng: Random): string {
  const parts = caption.split(' ');
  const long = parts.flatMap((word, i) => (word.length >= SHORTEST && /^\p{L}+$/u.test(word) ? [i] : []));
  if (long.length === 0) return caption;
  const at = rng.pick(long);
  const word = parts[at]!;
  const i = 1 + rng.integer(word.length - 2);
  const [before, one, next, after] = [word.slice(0, i), word[i]!, word[i + 1]!, word.slice(i + 2)];
  const wrong = rng.pick([before + next + after, before + one + one + next + after, before + next + one + after]);
  parts[at] = rng.uniform() < 0.75 ? wrong : before + LETTERS[rng.integer(LETTERS.length)] + next + after;
  return parts.join(' ');
}

/** A caption as somebody else would type it: the same picture is right. */
export function loosely(caption: string, rng: Random): string {
  const { before, after } = CHATTER[DUTCH.test(caption) ? 'nl' : 'en'];
  const some = (list: readonly string[]) => Array.from({ length: rng.integer(MOST + 1) }, () => rng.pick(list));
  const bare = rng.uniform() < BARE ? caption.replace(/^(an?|een) /, '') : caption;
  const text = rng.uniform() < SLIP ? slipped(bare, rng) : bare;
  return [...some(before), text, ...some(after)].join(' ');
}
