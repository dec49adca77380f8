// The house style of Moonfig, a brand that does not exist, as scene code: everyday things from a table of plain shapes, each drawn
// with the same thick ink line over a colour that is printed a little askew, before a disc of mint or sun, on paper. All pictures are square
// and opaque. Nothing is taken from anywhere.

/** Five colours and a line: the brand. */
const [PAPER, INK, CORAL, MINT, SUN] = ['#fff1de', '#2a2150', '#ff6a4d', '#7fd3b5', '#ffc94a'] as const;
const LINE = 5;
/** How far the colour lies beside its line. */
const ASKEW = 4;

/** Things in a box of 100 by 100: filled shapes as paths, circles "x,y,r" and boxes "x,y,w,h"; and lines that are only drawn. */
const THINGS: Readonly<Record<string, { fill: readonly string[]; line?: readonly string[] }>> = {
  'a house': { fill: ['M18 48 L50 20 L82 48 Z', '26,48,48,34'], line: ['44,60,14,22'] },
  'a tree': { fill: ['50,38,24'], line: ['M50 44 V84', 'M50 60 L62 48'] },
  'a fish': { fill: ['M20 50 C32 28 58 28 70 50 C58 72 32 72 20 50 Z', 'M68 50 L86 34 V66 Z'], line: ['36,46,2'] },
  'a bird': {
    fill: ['M20 52 C26 30 52 28 60 46 L82 40 L66 58 C60 76 28 76 20 52 Z'],
    line: ['34,46,2', 'M20 52 L10 56', 'M42 72 V84', 'M52 72 V84'],
  },
  'a cup': { fill: ['M26 36 H66 V66 C66 78 26 78 26 66 Z'], line: ['M66 42 C84 40 84 62 66 60', 'M38 26 V16', 'M52 26 V16'] },
  'a car': { fill: ['M14 66 V52 L30 50 L40 36 H64 L74 50 L86 54 V66 Z', '30,68,8', '70,68,8'], line: ['M52 38 V50'] },
  'a boat': { fill: ['M16 62 H84 L72 80 H28 Z', 'M52 18 L78 54 H52 Z'], line: ['M52 18 V62'] },
  'a heart': { fill: ['M50 80 C10 52 20 22 38 24 C46 25 50 34 50 38 C50 34 54 25 62 24 C80 22 90 52 50 80 Z'] },
  'a star': { fill: ['M50 18 L59 40 L83 42 L65 58 L71 82 L50 69 L29 82 L35 58 L17 42 L41 40 Z'] },
  'a moon': { fill: ['M60 18 C34 24 30 66 58 82 C20 86 12 26 60 18 Z'] },
  'an apple': {
    fill: ['M50 36 C30 22 14 44 26 68 C34 84 44 82 50 78 C56 82 66 84 74 68 C86 44 70 22 50 36 Z'],
    line: ['M50 36 C50 28 54 20 62 18'],
  },
  'a pear': { fill: ['M50 26 C38 26 42 46 32 56 C18 72 34 84 50 84 C66 84 82 72 68 56 C58 46 62 26 50 26 Z'], line: ['M50 26 V14'] },
  'a flower': { fill: ['50,30,12', '70,44,12', '62,66,12', '38,66,12', '30,44,12'], line: ['50,50,9'] },
  'a mushroom': { fill: ['M16 52 C20 14 80 14 84 52 Z', 'M40 52 H60 L64 82 H36 Z'], line: ['40,38,3', '60,40,3'] },
  'a balloon': { fill: ['M50 16 C24 16 26 54 50 64 C74 54 76 16 50 16 Z'], line: ['M50 64 C44 74 56 78 50 88'] },
  'a letter': { fill: ['18,30,64,42'], line: ['M18 30 L50 54 L82 30'] },
  'a book': {
    fill: ['M50 32 C38 24 26 24 16 28 V74 C26 70 38 70 50 78 C62 70 74 70 84 74 V28 C74 24 62 24 50 32 Z'],
    line: ['M50 32 V78'],
  },
  'a lamp': { fill: ['M34 22 H66 L78 52 H22 Z'], line: ['M50 52 V82', 'M34 82 H66'] },
  'a key': { fill: ['32,50,16'], line: ['M48 50 H84', 'M72 50 V62', 'M82 50 V60', '32,50,5'] },
  'a bottle': { fill: ['M42 16 H58 V34 C66 40 66 46 66 54 V84 H34 V54 C34 46 34 40 42 34 Z'], line: ['M34 58 H66', 'M34 70 H66'] },
  'a hat': { fill: ['M30 58 V30 C30 22 70 22 70 30 V58 Z', 'M14 58 H86 V68 H14 Z'], line: ['M30 48 H70'] },
  'a cat': {
    fill: ['M24 22 L40 34 H60 L76 22 V58 C76 88 24 88 24 58 Z'],
    line: ['40,52,2', '60,52,2', 'M46 64 L50 68 L54 64', 'M22 62 L10 60', 'M78 62 L90 60'],
  },
  'a dog': {
    fill: ['M30 28 H70 V60 C70 84 30 84 30 60 Z', 'M30 28 C12 26 12 52 22 58 L30 46 Z', 'M70 28 C88 26 88 52 78 58 L70 46 Z'],
    line: ['42,48,2', '58,48,2', '50,62,5'],
  },
  'a cake': {
    fill: ['20,50,60,32', 'M20 50 C20 38 80 38 80 50 V58 C70 66 60 52 50 60 C40 66 30 54 20 58 Z'],
    line: ['M50 42 V26', '50,20,3'],
  },
  'a kite': { fill: ['M50 14 L76 42 L50 70 L24 42 Z'], line: ['M50 14 V70', 'M24 42 H76', 'M50 70 C40 78 60 82 50 92'] },
  'a snail': {
    fill: ['54,46,22', 'M14 52 C22 48 22 64 32 68 H84 C84 80 74 80 64 80 H30 C16 80 12 66 14 52 Z'],
    line: ['54,46,10', 'M16 52 L10 36', 'M22 54 L24 38'],
  },
  'a rocket': {
    fill: ['M50 12 C68 28 66 52 64 70 H36 C34 52 32 28 50 12 Z', 'M36 50 L20 72 H36 Z', 'M64 50 L80 72 H64 Z'],
    line: ['50,40,7', 'M44 78 V88', 'M56 78 V88'],
  },
  'a leaf': { fill: ['M20 80 C14 34 46 16 82 18 C86 56 62 84 20 80 Z'], line: ['M14 88 L64 36', 'M40 60 V42', 'M44 58 H62'] },
  'a bell': { fill: ['M50 18 C30 18 34 46 26 68 H74 C66 46 70 18 50 18 Z'], line: ['M20 68 H80', '50,78,6'] },
  'an umbrella': {
    fill: ['M14 52 C18 12 82 12 86 52 C76 44 66 44 62 52 C58 44 42 44 38 52 C34 44 24 44 14 52 Z'],
    line: ['M50 50 V78 C50 88 36 88 36 78'],
  },
};

/** The brand's pictures, SVGs by caption. */
export function brandPictures(): Map<string, string> {
  const pictures = new Map<string, string>();
  Object.entries(THINGS).forEach(([caption, { fill, line = [] }], i) => {
    const ink = `fill="none" stroke="${INK}" stroke-width="${LINE}" stroke-linecap="round" stroke-linejoin="round"`;
    const [x, y] = [i % 2 === 0 ? 60 : 40, i % 3 === 0 ? 42 : 56]; // where the disc is
    const inside = [
      `<rect width="100" height="100" fill="${PAPER}"/>`,
      `<circle cx="${x}" cy="${y}" r="34" fill="${i % 2 === 0 ? MINT : SUN}"/>`,
      `<g fill="${CORAL}" transform="translate(${ASKEW} ${ASKEW})">${fill.map((s) => shape(s)).join('')}</g>`,
      `<g ${ink}>${[...fill, ...line].map((s) => shape(s)).join('')}</g>`,
    ];
    pictures.set(caption, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">${inside.join('')}</svg>`);
  });
  return pictures;
}

function shape(text: string): string {
  if (text.startsWith('M')) return `<path d="${text}"/>`;
  const [x, y, w, h] = text.split(',');
  return h === undefined ? `<circle cx="${x}" cy="${y}" r="${w}"/>` : `<rect x="${x}" y="${y}" width="${w}" height="${h}"/>`;
}
