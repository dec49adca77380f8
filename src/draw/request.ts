// The request: all that a picture can be asked for, each option once, with what it may be, what is used when it is left out, and how the
// command and other tools call it. From these rows come the type, the check, the flags of the command with their help, the JSON schema of
// a server and the table in the docs. What belongs together is checked in check.ts; what a model can do, in able.ts.
// A new option is a row here, and whatever draws by it.
import { PEEL_NAME } from '../adapters/info.ts';
import { WEIGHT_MAX } from '../adapters/stack.ts';
import { OBJECTS } from '../models/layout.ts';
import type { StyleWord } from '../models/style-words.ts';
import { SLOTS } from '../tokenizer/words.ts';
import { objectsOf } from './object-options.ts';
import { checked } from './refusal.ts';
import { among, choice, decimal, flag, isObject, listOf, matching, object, picture, someOf, text, whole, type Given } from './option.ts';

/** Width to height, as users write them. */
export const ASPECTS = ['1:1', '3:2', '2:3', '3:4', '4:3', '4:5', '5:4', '9:16', '16:9', '21:9', '1:4', '4:1', '1:8', '8:1'] as const;
export type Aspect = (typeof ASPECTS)[number];
export const BACKGROUNDS = ['white', 'transparent'] as const;
export type Background = (typeof BACKGROUNDS)[number];
/** A style that a model knows: those of the models in this package are known to editors, others are as good. */
export type Style = StyleWord | (string & {});

/** Longest prompt, in characters: some thirty times what a model reads. */
export const PROMPT_MAX = 2000;
export const SIDE_MIN = 64;
export const SIDE_MAX = 4096;
/** Side of the picture whose area is used when only an aspect ratio is given. */
export const BASE = 512;
/** Steps that any model may draw in; which ones, each model says. */
export const STEPS: readonly number[] = Array.from({ length: 100 }, (_, i) => i + 1);
export const DEFAULT_PREVIEW = 128;
export const PREVIEW_MAX = 1024;
export const DETAIL_MIN = 1 / 16;
/** Strengths when none is given: a mask should fill with something new that still knows its surroundings. */
export const STRENGTH = 0.6;
export const STRENGTH_MASKED = 0.9;
const COUNT_MAX = 1000;
const GUIDANCE_MAX = 20;
export const PEELS_MAX = 8;
const PICTURE_BYTES = 4 * 2 ** 26;

export const LIMIT = {
  /** Longest side of a picture to draw, in pixels. */
  side: { ...whole(BASE, SIDE_MAX, ' of pixels'), about: 'longest side of a picture to draw', code: 'options.limits', default: SIDE_MAX },
  /** Most pixels of a picture to draw. */
  pixels: { ...whole(BASE ** 2, SIDE_MAX ** 2), about: 'most pixels of a picture to draw', code: 'options.limits', default: SIDE_MAX ** 2 },
  /** Most pictures of a request. */
  count: { ...whole(1, COUNT_MAX), about: 'most pictures of a request', code: 'options.limits', default: COUNT_MAX },
  /** Numbers of steps that may be asked for. */
  steps: { ...someOf(STEPS), about: 'numbers of steps that may be asked for', code: 'options.limits', otherwise: 'all of them' },
  /** Most bytes of a picture that is given, as pixels: 4 a pixel. In JSON, of its file. */
  pictureBytes: {
    ...whole(4, PICTURE_BYTES),
    about: 'most bytes of a picture that is given',
    code: 'options.limits',
    default: PICTURE_BYTES,
  },
};

/** How much a request may ask for. */
export interface Limits extends Readonly<Required<Given<typeof LIMIT>>> {}

export const LIMITS: Limits = { side: SIDE_MAX, pixels: SIDE_MAX ** 2, count: COUNT_MAX, steps: STEPS, pictureBytes: PICTURE_BYTES };

/** The limits, some of them narrower. Throws InputError `options.limits` for one that is wider than what can be drawn. */
export const narrowed = (limits: Partial<Limits> = {}): Limits => ({
  ...LIMITS,
  ...checked(LIMIT, limits, { name: 'limits', example: '{ count: 4 }' }),
});

const peelsOf = () => ({
  /** Its name in the library, or among those that were added. */
  name: {
    ...matching(PEEL_NAME, 'letters, digits, - and _, at most 64, beginning with a letter or digit', 'cannot name a Peel'),
    about: 'its name in the library',
    code: 'peel.name',
  },
  /** Its file (Node). Only the program itself can name one: a request from elsewhere could probe for files with it. */
  path: { ...text(), about: 'its file', code: 'options.peels', wire: 'never' as const },
  /** The bytes of its file. */
  bytes: {
    ...object<Uint8Array>('the bytes of a file', (x) => x instanceof Uint8Array),
    about: 'the bytes of its file',
    code: 'options.peels',
  },
  /** 1, the default, is as trained; -4 to 4. */
  weight: {
    ...decimal(-WEIGHT_MAX, WEIGHT_MAX),
    about: 'how much of it: 1 is as trained, 0 nothing, below 0 its opposite',
    code: 'peel.weight',
    default: 1,
  },
  /** Takes one that was made for another model, as far as it fits. */
  force: { ...flag(), about: 'takes one that was made for another model, as far as it fits', code: 'options.peels' },
});

const referencesOf = ({ pictureBytes }: Limits) => ({
  /** 1 to 5: the prompt says <1> to <5>. */
  slot: {
    ...whole(1, SLOTS.length),
    needed: true as const,
    about: 'its number: the prompt calls it <1> to <5>',
    code: 'references.slot',
    refuse: (_: string, slot: number) => `reference slot ${slot}: expected 1 to ${SLOTS.length}`,
  },
  /** Of any size; the subject alone, on white or transparent, works best. */
  image: {
    ...picture(pictureBytes),
    needed: true as const,
    about: 'its picture; the subject alone, on white or transparent, works best',
    code: 'image.size',
  },
});

const isSignal = (x: unknown) =>
  isObject(x) && typeof x.aborted === 'boolean' && typeof x.throwIfAborted === 'function' && typeof x.addEventListener === 'function';

const tableOf = (limits: Limits) => ({
  /**
   * What to draw, 1 to 2000 characters. A model reads a number of tokens (ModelInfo.promptTokens): pico 32, some 25 English words.
   * Of a longer prompt the end is not seen; what `style`, `background` and Peels add always is.
   */
  prompt: {
    ...text(),
    range: `a text of 1 to ${PROMPT_MAX} characters`,
    needed: true as const,
    about: 'what to draw; <peel:NAME:WEIGHT> in it draws with a Peel',
    code: 'prompt.empty',
    missing: 'there is no prompt: say what to draw',
    words: ['text', 'caption'],
    hint: (x: unknown) => (Array.isArray(x) ? 'make a request for each prompt' : undefined),
  },
  /** What is not to be there, of a model that is guided away from it (ability 'negative'); with a guidance above 1. */
  negative: {
    ...text(),
    range: `a text of at most ${PROMPT_MAX} characters`,
    about: 'what is not to be there, of a model with guidance',
    otherwise: 'nothing in particular',
    code: 'options.negative',
    flag: '--negative <text>',
    words: ['negativeprompt'],
  },
  /** A style word of the model, such as "flat". */
  style: {
    ...text<Style>(),
    about: 'a style that the model knows, such as "flat"',
    code: 'prompt.style',
    flag: '--style <word>',
    words: ['stylepreset'],
  },
  /** 'white' or 'transparent'; the prompt, or else the model, decides when left out. */
  background: {
    ...choice('background', BACKGROUNDS, '; for another, say it in the prompt'),
    about: 'what is behind what is drawn',
    otherwise: 'the prompt, or else the model, decides',
    code: 'prompt.background',
    flag: '--background <kind>',
  },
  /** Pixels, 64 to 4096. */
  width: {
    ...whole(SIDE_MIN, limits.side, ' of pixels'),
    about: 'width of the picture',
    otherwise: `${BASE}, or what follows from the other side`,
    code: 'size.side',
    flag: '-W, --width <pixels>',
  },
  /** Pixels, 64 to 4096. */
  height: {
    ...whole(SIDE_MIN, limits.side, ' of pixels'),
    about: 'height of the picture',
    otherwise: `${BASE}, or what follows from the other side`,
    code: 'size.side',
    flag: '-H, --height <pixels>',
  },
  /** Width to height, one of ASPECTS. */
  aspect: {
    ...choice('aspect ratio', ASPECTS),
    about: 'width to height of the picture',
    otherwise: '1:1, or that of the picture to start from',
    code: 'size.aspect',
    flag: '--aspect <ratio>',
    words: ['aspectratio'],
  },
  /**
   * A picture of any size to start from. Its middle is used where its shape is not that of the picture to draw. It is looked at once:
   * other pixels are to be another object.
   */
  image: {
    ...picture(limits.pictureBytes, 'the picture'),
    about: 'picture to start from (.png, .jpg, .webp, .svg)',
    code: 'image.size',
    flag: '--image <file>',
    words: ['initimage', 'inputimage', 'imageurl'],
  },
  /** How much of `image` may change, from 0 (nothing) to 1 (all of it); 0.6, or 0.9 inside a mask, when left out. */
  strength: {
    ...decimal(0, 1),
    about: 'how much of the picture may change',
    otherwise: `${STRENGTH}, with a mask ${STRENGTH_MASKED}`,
    code: 'options.strength',
    flag: '--strength <x>',
    words: ['denoise', 'denoisingstrength', 'imagestrength'],
  },
  /** Where to repaint: white is drawn anew, black (or transparent) is kept as it is in `image`. The shape of `image`, any size. */
  mask: {
    ...picture(limits.pictureBytes, 'the mask'),
    about: 'picture that is white where to repaint, and black where not',
    code: 'image.size',
    flag: '--mask <file>',
    words: ['maskimage'],
  },
  /** A whole number from 0; picture i uses seed + i. Drawn at random, and reported, when left out. */
  seed: {
    ...whole(0, Number.MAX_SAFE_INTEGER - 1),
    range: 'a whole number from 0',
    about: 'the same seed gives the same picture; picture i has seed + i',
    otherwise: 'one at random',
    code: 'options.seed',
    flag: '--seed <n>',
    words: ['generator', 'manualseed'],
  },
  /** Those that the model draws in (ModelInfo.steps): 1, 2 or 4 for the models in this package. */
  steps: {
    ...among(limits.steps),
    about: 'steps of the sampler: more is finer and slower',
    otherwise: "the model's own",
    code: 'options.steps',
    flag: '--steps <n>',
    words: ['numinferencesteps', 'inferencesteps', 'samplingsteps', 'numsteps', 'samplesteps'],
  },
  /** Pictures, 1 to 1000. */
  count: {
    ...whole(1, limits.count),
    about: 'pictures, with seeds that count up',
    default: 1,
    code: 'options.count',
    flag: '-n, --count <n>',
    words: ['n', 'num', 'numimages', 'numoutputs', 'numimagesperprompt', 'batchsize', 'batchcount'],
  },
  /** How closely to follow the prompt, 0 to 20; the model's own choice when left out. */
  guidance: {
    ...decimal(0, GUIDANCE_MAX),
    about: 'how closely to follow the prompt',
    otherwise: "the model's own",
    code: 'options.guidance',
    flag: '--guidance <x>',
    words: ['guidancescale', 'cfg', 'cfgscale'],
  },
  /** Longer side in pixels of the preview after each step; 0 for none. */
  preview: {
    ...whole(0, PREVIEW_MAX, ' of pixels'),
    about: 'longer side of the preview after each step, 0 for none',
    default: DEFAULT_PREVIEW,
    code: 'options.preview',
  },
  /** Share of the model's latent tokens to draw with, 1/16 to 1: less is faster and coarser. Default 1. */
  detail: {
    ...decimal(DETAIL_MIN, 1),
    about: "share of the model's latent tokens to draw with: less is faster and coarser",
    default: 1,
    code: 'options.detail',
  },
  /** Gives each layer of the picture besides, of a model that draws in layers: ImageEvent.layers. */
  layers: {
    ...flag(),
    about: 'each layer of the picture besides, of a model that draws in layers',
    otherwise: 'the picture alone',
    code: 'options.separate',
  },
  /** What is known of the things in the picture, of a model that draws in layers. At least as many are drawn as the highest slot says, and no more where one is kept. */
  objects: {
    ...listOf(objectsOf(limits.pictureBytes), OBJECTS + 1, '{ slot: 1, box: [0.1, 0.4, 0.3, 0.3] }', 'objects'),
    about: 'what is known of the things in the picture, of a model that draws in layers: where one stands, what it is, what is kept',
    code: 'objects.count',
    flag: '--objects <json>',
    words: ['regions', 'boxes', 'boundingboxes'],
  },
  /** false: files get neither their recipe nor the mark that a model made them. Default true. */
  metadata: {
    ...flag(),
    about: 'the recipe inside each file, and the mark that a model made it',
    otherwise: 'true',
    code: 'options.type',
    flag: '--no-metadata',
    words: ['embedmetadata', 'savemetadata', 'enablepnginfo'],
  },
  /** Pictures of the subjects that the prompt calls <1> to <5>. */
  references: {
    ...listOf(referencesOf(limits), SLOTS.length, '{ slot: 1, image }', 'reference pictures'),
    about: 'pictures of the subjects that the prompt calls <1> to <5>',
    code: 'references.count',
    flag: '--subject <n=file>',
    words: ['subjects', 'referenceimages'],
  },
  /** Peels to draw with; a prompt may name some too, as <peel:name:0.8>. */
  peels: {
    ...listOf(peelsOf(), PEELS_MAX, 'an object with one of name, path and bytes', 'Peels'),
    about: 'Peels to draw with; a prompt may name some too',
    code: 'options.peels',
    words: ['lora', 'loras', 'adapters', 'peel'],
  },
  /** Cancels it. */
  signal: {
    ...object<AbortSignal>('an AbortSignal', isSignal, (x) => (isObject(x) && 'signal' in x ? "give the controller's signal" : undefined)),
    about: 'cancels it',
    code: 'options.signal',
    words: ['abortsignal'],
  },
});

const tables = new WeakMap<Limits, ReturnType<typeof tableOf>>();

/** The options of a request within limits; one table for the same limits. */
export function optionsOf(limits: Limits): ReturnType<typeof tableOf> {
  const table = tables.get(limits) ?? tableOf(limits);
  tables.set(limits, table);
  return table;
}

/** The options of one picture or several. */
export interface GenerateOptions extends Omit<Given<ReturnType<typeof tableOf>>, 'signal'> {}
export type PromptOptions = Pick<GenerateOptions, 'prompt' | 'style' | 'background'>;
export type SizeOptions = Pick<GenerateOptions, 'width' | 'height' | 'aspect'>;
export type PictureOptions = Pick<GenerateOptions, 'image' | 'strength' | 'mask'>;
/** A Peel to use: by its name in the library, by path (Node), or its file's bytes. */
export interface PeelChoice extends Given<ReturnType<typeof peelsOf>> {}
/** A picture of a subject. */
export interface SubjectReference extends Given<ReturnType<typeof referencesOf>> {}

/** A request as it is given: the options of a picture, and what cancels it. */
export interface Request extends Given<ReturnType<typeof tableOf>> {}

/** What other tools take and nothing here does, and what to do. */
export const ELSEWHERE: Readonly<Record<string, string>> = {
  size: 'it is width and height here',
  resolution: 'it is width and height here',
  transparent: "it is background: 'transparent' here",
  model: 'openBanana takes it',
  runtime: 'openBanana takes it',
  threads: 'openBanana takes it',
  precision: 'openBanana takes it',
  limits: 'openBanana takes it',
  sampler: 'the model has one sampler',
  scheduler: 'the model has one sampler',
  samplername: 'the model has one sampler',
  quality: 'encode and save of the picture take it',
  outputformat: 'encode and save of the picture take it',
  responseformat: 'encode and save of the picture take it',
  onprogress: 'generate() yields what is known as it becomes known',
  callback: 'generate() yields what is known as it becomes known',
};

/** Throws InputError unless every key is an option and every value what it may be. */
export const typed = (given: unknown, limits: Limits): Request =>
  checked(optionsOf(limits), given, { name: 'the request', example: "{ prompt: 'a fox' }" }, ELSEWHERE);

const sizeOptions = ({ width, height, aspect }: ReturnType<typeof tableOf>) => ({ width, height, aspect });
const SIZE = sizeOptions(tableOf(LIMITS));

/** The part of a request that says the size, checked. */
export const checkedSize = (given: unknown): SizeOptions => checked(SIZE, given, { name: 'the size', example: '{ width: 640 }' });
