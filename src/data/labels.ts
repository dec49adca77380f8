// English nouns for the concepts that have no hand-written entry in nouns.ts: Unicode's labels, mended where they are not
// nouns that a sentence can hold ("locked with key"), cannot be counted ("butter") or are plural already ("skis").

/** Labels that are said differently; "-" before the noun: it stands without an article. */
const SAID: Record<string, string> = {
  locked: 'lock',
  unlocked: 'open lock',
  'locked with pen': 'lock with a pen',
  'locked with key': 'lock with a key',
  dizzy: '-dizzy stars',
  collision: 'bang',
  'dashing away': 'puff of wind',
  ZZZ: '-ZZZ',
  'hundred points': '-100 points',
  cooking: 'fried egg in a pan',
  'shallow pan of food': 'pan of food',
  construction: 'construction barrier',
  camping: 'tent in the woods',
  foggy: 'city in the fog',
  fog: '-fog',
  'night with stars': 'city at night',
  cityscape: 'city skyline',
  'cityscape at dusk': 'city at dusk',
  'hot springs': 'hot spring',
  wedding: 'wedding chapel',
  'building construction': 'construction site',
  'airplane departure': 'departing airplane',
  'airplane arrival': 'landing airplane',
  seat: 'airplane seat',
  'american football': 'American football',
  bowling: 'bowling ball with pins',
  'cricket game': 'cricket bat and ball',
  'field hockey': 'field hockey stick and ball',
  'ice hockey': 'ice hockey stick and puck',
  lacrosse: 'lacrosse stick and ball',
  'ping pong': 'ping pong paddle and ball',
  badminton: 'badminton racket and shuttlecock',
  tennis: 'tennis ball',
  'martial arts uniform': 'judo uniform',
  'flag in hole': 'golf flag',
  'performing arts': '-theatre masks',
  link: 'chain link',
  'chart increasing': 'rising chart',
  'chart decreasing': 'falling chart',
  'chart increasing with yen': 'rising yen chart',
  'speaker low volume': 'quiet speaker',
  'speaker medium volume': 'speaker',
  'speaker high volume': 'loud speaker',
  'bell with slash': 'crossed-out bell',
  'leaf fluttering in wind': '-leaves in the wind',
  mate: '-mate tea',
  'pouring liquid': 'glass being filled',
  dna: 'DNA strand',
  'hammer and pick': '-hammer and pick',
  'hammer and wrench': '-hammer and wrench',
  'fork and knife': '-fork and knife',
  'mount fuji': '-Mount Fuji',
  'Tokyo tower': '-Tokyo Tower',
  'Statue of Liberty': '-Statue of Liberty',
  kaaba: '-Kaaba',
  'hourglass not done': 'running hourglass',
  'snowman without snow': 'plain snowman',
  'pool 8 ball': 'billiard ball',
  'cut of meat': 'steak',
  'meat on bone': 'meat on a bone',
  'flower playing cards': '-flower playing cards',
  'horse racing': 'jockey on a horse',
  'people wrestling': '-wrestlers',
  selfie: 'hand taking a selfie',
  'nail polish': 'hand with nail polish',
  'folded hands': '-folded hands',
  fireworks: '-fireworks',
};

/** Nouns that cannot be counted. */
const MASS = new Set([
  'butter',
  'salt',
  'soap',
  'thread',
  'yarn',
  'ice',
  'wood',
  'coral',
  'sake',
  'oden',
  'fondue',
  'cooked rice',
  'curry rice',
  'green salad',
  'canned food',
  'shaved ice',
  'ginger root',
]);

/** Words that end in -s and are singular. */
const SINGULAR = /(ss|us|lens)$/;

/** The noun of a label, and whether it stands without an article. */
export function nounOf(label: string): { noun: string; bare: boolean } {
  const said = SAID[label];
  if (said?.startsWith('-')) return { noun: said.slice(1), bare: true };
  if (said) return { noun: said, bare: false };
  const clock = /^(\w+)(?: o’clock|-thirty)$/.exec(label);
  if (clock) return { noun: `clock showing ${label}`, bare: false };
  const noun = label
    .replace(/^(man|woman|person|men|women): bald$/, 'bald $1')
    .replace(/^(man|woman|person|men|women): (red|blond|white|curly) hair$/, '$1 with $2 hair')
    .replace(/^(man|woman|person|men|women): beard$/, '$1 with a beard')
    .replace(/^(man|woman|person) (?:gesturing) (NO|OK)$/, '$1 gesturing $2');
  const head = noun.replace(/ (?:with|of|in|on|without|showing|wearing|holding|facing) .*$/, '');
  const bare = MASS.has(noun) || /^(?:men|women|people) /.test(noun) || (/s$/.test(head) && !SINGULAR.test(head));
  return { noun, bare };
}
