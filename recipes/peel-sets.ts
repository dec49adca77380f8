// The pictures that the four shipped Peels are trained from: SVGs drawn from openly licensed icon sets that no model of this project
// is trained on, and those of a brand made up for the purpose (peel-brand.ts). An SVG's file name is its caption. The licences are
// those that the packages state; NOTICE repeats them. Not here: training, scores (8-peels.ts).
import { mkdir, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { writeFileWhole } from '../src/disk/files.ts';
import { InputError } from '../src/util/errors.ts';
import { brandPictures } from './peel-brand.ts';

export interface PeelSet {
  /** What a prompt calls the Peel. */
  readonly name: string;
  readonly description: string;
  /** Of the Peel, which has to name the art's. */
  readonly licence: string;
  readonly author: string;
  /** SVGs by caption. */
  pictures(): Promise<Map<string, string>>;
}

export const PEEL_SETS: readonly PeelSet[] = [
  {
    name: 'outline',
    description: 'Bold black outlines, filled with one blue: a style that the base has never seen',
    licence: 'Apache-2.0',
    author: 'banana-sdk; from IconPark, (c) ByteDance (Apache-2.0)',
    pictures: () => iconPark(THINGS, (body) => svg('-3 -3 54 54', body)),
  },
  {
    name: 'architecture',
    description: 'Houses, towers, bridges and temples, as blueprints: white lines on blue',
    licence: 'Apache-2.0',
    author: 'banana-sdk; from IconPark, (c) ByteDance (Apache-2.0)',
    pictures: () =>
      iconPark(BUILDINGS, (body) => svg('-6 -6 60 60', `<rect x="-6" y="-6" width="60" height="60" fill="#1d4f9c"/>${blueprint(body)}`)),
  },
  {
    name: 'health',
    description: 'Medicine, the body and care, as teal signs on mint',
    licence: 'MIT',
    author: 'banana-sdk; from Health Icons by Resolve to Save Lives (MIT)',
    pictures: () =>
      healthIcons(HEALTH, (body) =>
        svg(
          '0 0 48 48',
          `<rect x="2" y="2" width="44" height="44" rx="10" fill="#d3f3e8"/><g color="#0b7a6f" transform="translate(7 7) scale(.7083)">${body}</g>`,
        ),
      ),
  },
  {
    name: 'brand',
    description: 'The house style of Moonfig, a brand that does not exist: paper, ink and coral, printed a little askew',
    licence: 'CC0-1.0',
    author: 'banana-sdk',
    pictures: async () => brandPictures(),
  },
];

/** Icons by what they show: a word alone is called by its own name with "a" before it. */
const THINGS = `airplane=an airplane;apple-one=an apple;banana;bear;bike=a bicycle;bird;butterfly;cake-three=a cake;camera;car;
  cherry=two cherries;crab;tea=a cup;deer;dog;dolphin;duck;eagle=an eagle;elephant=an elephant;fish-one=a fish;frog;ghost;gift;hamburger;
  icecream=an ice cream;lemon;moon;owl=an owl;pear;pig;rabbit;rocket;sailboat;star;tomato;train;tree;umbrella=an umbrella;watermelon;whale`;

const BUILDINGS = `arc-de-triomphe=a triumphal arch;bridge-one=a bridge;bridge-two=a stone bridge;brdige-three=a suspension bridge;building-four=a workshop;building-three=a tower block;
  building-one=a skyscraper;castle;chinese-pavilion=a pavilion;church-one=a church;church-two=a cathedral;circle-house=a round house;city=an apartment building;city-gate;city-one=an office building;
  clock-tower;dome;eiffel-tower=the Eiffel tower;factory-building=a factory;future-build-one=a glass tower;future-build-two=a tall building;garage;gate;great-wall=a city wall;green-house=a greenhouse;
  home=a house;home-two=a barn;hospital-four=a hospital;hotel;light-house=a lighthouse;museum-one=a museum;pagoda;palace=a temple;pyramid;school;shop;
  signal-tower-one=a radio mast;taj-mahal=the Taj Mahal;tower-of-pisa=a leaning tower;windmill-one=a windmill`;

const HEALTH = `ambulance=an ambulance;asthma-inhaler=an inhaler;bacteria=bacteria;bandage-adhesive=a plaster;blood-drop=a drop of blood;cast=a leg in a cast;crutches=a crutch;
  dna=DNA;doctor;doctor-female=a woman doctor;ear=an ear;eye=an eye;foot;health=a shield with a cross;heart;heart-organ=a human heart;
  helicopter;hospital;intravenous-bag=a drip;kidneys=kidneys;lungs=lungs;medicine-bottle=a jar of pills;medicines=medicine;microscope;
  nurse;ppe-face-mask=a face mask;ppe-goggles=goggles;pill-1=a pill;pills-2=two pills;skeleton;skull;spine;stethoscope;stomach;
  syringe;test-tubes=test tubes;thermometer;tooth;virus;wheelchair`;

const require = createRequire(import.meta.url);
const svg = (viewBox: string, inside: string) => `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${viewBox}">${inside}</svg>`;

/** IconPark's black, blue and light blue as white lines, pale and paler fills. */
const blueprint = (body: string) => body.replaceAll('#000', '#fff').replaceAll('#2F88FF', '#4c7fc4').replaceAll('#43CCF8', '#8fb8ea');

const iconPark = (list: string, frame: (body: string) => string) => icons('@iconify-json/icon-park', list, frame);
const healthIcons = (list: string, frame: (body: string) => string) => icons('@iconify-json/healthicons', list, frame);

async function icons(from: string, list: string, frame: (body: string) => string): Promise<Map<string, string>> {
  const set = JSON.parse(await readFile(require.resolve(`${from}/icons.json`), 'utf8')) as { icons: Record<string, { body: string }> };
  const pictures = new Map<string, string>();
  for (const entry of list.split(';').map((one) => one.trim())) {
    const [icon, caption = `a ${icon!.replaceAll('-', ' ')}`] = entry.split('=') as [string, string?];
    const body = set.icons[icon]?.body;
    if (!body || pictures.has(caption))
      throw new InputError('peels.set', body ? `two pictures of "${caption}"` : `${from} has no icon "${icon}"`);
    pictures.set(caption, frame(body));
  }
  return pictures;
}

/** Writes a set's pictures, or `most` of them spread over it, into an empty folder of that name; returns how many. */
export async function writePeelSet(set: PeelSet, folder: string, most = Infinity): Promise<number> {
  const all = [...(await set.pictures())];
  const share = Math.min(1, most / all.length);
  const pictures = new Map(all.filter((_, i) => Math.floor((i + 1) * share) > Math.floor(i * share)));
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (const [caption, picture] of pictures) await writeFileWhole(join(folder, `${caption.replaceAll(' ', '-')}.svg`), picture);
  return pictures.size;
}
