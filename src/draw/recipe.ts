// The recipe of a picture: all that is needed to make it again, and how it travels inside a file. A PNG: our JSON under
// `banana`, the `parameters` text that other tools read, and XMP that marks the picture as made by a model. A JPEG or WebP:
// the same XMP with our JSON in it, `parameters` as the EXIF comment. No dates, no paths, no names of people: the same
// recipe gives the same bytes.
// https://www.iptc.org/std-dev/photometadata/documentation/userguide/ (digital source type)
import * as z from 'zod/mini';
import { peelText } from '../adapters/syntax.ts';
import { readPngText, writePngText, XMP } from '../image/png-text.ts';
import { InputError } from '../util/errors.ts';
import { escapeXml, unescapeXml } from '../util/xml.ts';
import type { UsedObject } from './object-options.ts';
import type { UsedPeel } from './peels.ts';
import { pathOf } from './refusal.ts';
import type { UsedReference } from './subjects.ts';

/** Version of this package; a test holds it to package.json. */
export const VERSION = '0.1.0';

/** Which weights drew a picture. */
export interface ModelId {
  readonly name: string;
  readonly version: string;
  /** SHA-256 of the file, the first 16 hexadecimal digits; '' for weights that never were in a file. */
  readonly hash: string;
}

export interface Recipe {
  readonly prompt: string;
  /** What was not to be there. */
  readonly negative?: string;
  readonly style?: string;
  readonly background?: string;
  readonly seed: number;
  readonly steps: number;
  readonly guidance: number;
  readonly width: number;
  readonly height: number;
  /** Share of the model's latent tokens that it was drawn with, when not all. */
  readonly detail?: number;
  /** What it was drawn from: SHA-256 of the pixels, the first 16 hexadecimal digits, so that the same picture can be found again. */
  readonly image?: { readonly hash: string; readonly strength: number; readonly mask?: string };
  /** The subjects of the prompt, each by the hash of its picture. */
  readonly references?: readonly UsedReference[];
  /** What was known of its things before it was drawn. */
  readonly objects?: readonly UsedObject[];
  /** Peels that it was drawn with. */
  readonly peels?: readonly UsedPeel[];
  readonly model: ModelId;
  /** Version of banana-sdk. */
  readonly sdk: string;
}

/** What a file tells of how its picture came to be: `text` is the prompt as the model saw it, and nothing at all where `metadata` is false. */
interface Told {
  readonly recipe: Recipe;
  readonly text: string;
  readonly metadata?: false;
}

const KEY = 'banana';
const NAMESPACE = 'urn:banana-sdk:recipe:1';
/** https://cv.iptc.org/newscodes/digitalsourcetype/: all of it was made by a model, or (with a mask) a part of a given picture. */
const SOURCE_TYPE = 'http://cv.iptc.org/newscodes/digitalsourcetype/';
const sourceType = (recipe?: Recipe): string =>
  `${SOURCE_TYPE}${recipe?.image?.mask === undefined ? 'trainedAlgorithmicMedia' : 'compositeWithTrainedAlgorithmicMedia'}`;

/** The `parameters` text of AUTOMATIC1111's web interface: the prompt, then a line of settings. `text` is the prompt as the model saw it. */
export function parametersOf(
  { negative, seed, steps, guidance, width, height, image, peels = [], model, sdk }: Recipe,
  text: string,
): string {
  const settings = {
    Steps: steps,
    Sampler: 'LCM',
    'CFG scale': guidance,
    Seed: seed,
    Size: `${width}x${height}`,
    ...(image && { 'Denoising strength': image.strength }),
    ...(peels.length > 0 && { 'Peel hashes': `"${peels.map(({ name, hash }) => `${name}: ${hash}`).join(', ')}"` }),
    ...(model.hash && { 'Model hash': model.hash.slice(0, 10) }),
    Model: `${model.name}-${model.version}`,
    Version: `banana-sdk ${sdk}`,
  };
  return `${[text, ...peels.map(peelText)].join(' ')}\n${negative ? `Negative prompt: ${negative}\n` : ''}${Object.entries(settings)
    .map(([key, value]) => `${key}: ${value}`)
    .join(', ')}`;
}

/** An XMP packet that says: made by a trained model. `within`: it holds the recipe too, where a file has no other place for it. */
function xmpOf(recipe?: Recipe, within = false): string {
  const [open, close] = within
    ? [` xmlns:banana="${NAMESPACE}">`, `<banana:recipe>${escapeXml(JSON.stringify(recipe))}</banana:recipe></rdf:Description>`]
    : ['/>', ''];
  return [
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>',
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">',
    '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"',
    ` Iptc4xmpExt:DigitalSourceType="${sourceType(recipe)}" xmp:CreatorTool="banana-sdk ${recipe?.sdk ?? VERSION}"${open}`,
    `${close}</rdf:RDF></x:xmpmeta>`,
    '<?xpacket end="r"?>',
  ].join('\n');
}

/** The PNG with its recipe inside. `text` is the prompt as the model saw it. */
export function writeRecipe(png: Uint8Array, recipe: Recipe, text: string): Uint8Array<ArrayBuffer> {
  return writePngText(png, { parameters: parametersOf(recipe, text), [KEY]: JSON.stringify(recipe), [XMP]: xmpOf(recipe) });
}

/** The PNG of a drawn picture as a file: with its recipe, unless it was asked for without. */
export function withRecipe(png: Uint8Array, { recipe, text, metadata }: Told): Uint8Array<ArrayBuffer> {
  return metadata === false ? new Uint8Array(png) : writeRecipe(png, recipe, text);
}

/** What an encoder of JPEG or WebP is to write beside the pixels of a drawn picture. */
export function recipeMetadata({ recipe, text, metadata }: Told): { xmp?: string; comment?: string } {
  return metadata === false ? {} : { xmp: xmpOf(recipe, true), comment: parametersOf(recipe, text) };
}

/** The same for what is made of drawn pictures and has no recipe of its own, such as a layer or a contact sheet: the mark alone. */
export const markOf = ({ metadata }: Pick<Told, 'metadata'>): { xmp?: string } => (metadata === false ? {} : { xmp: xmpOf() });

/** The recipe's JSON in a file: by the texts of a PNG; in a JPEG, a WebP or an SVG by its XMP, which is plain UTF-8 there. */
function recipeText(file: Uint8Array): string | undefined {
  const begins = (at: number, text: string) => [...text].every((c, i) => file[at + i] === c.charCodeAt(0));
  if (!begins(0, '\xff\xd8\xff') && !begins(0, '<svg ') && !(begins(0, 'RIFF') && begins(8, 'WEBP'))) return readPngText(file)[KEY];
  const found = /<banana:recipe>([^<]*)<\/banana:recipe>/.exec(new TextDecoder().decode(file));
  return found ? unescapeXml(found[1]!) : undefined;
}

/** What a recipe is read as; what a later version adds stays in it. A function, so that what reads none does without. */
function schema() {
  const [text, whole] = [z.string(), z.int().check(z.gte(0))];
  return z.looseObject({
    prompt: text,
    negative: z.optional(text),
    style: z.optional(text),
    background: z.optional(text),
    seed: whole,
    steps: whole,
    guidance: z.number(),
    width: whole,
    height: whole,
    detail: z.optional(z.number()),
    image: z.optional(z.looseObject({ hash: text, strength: z.number(), mask: z.optional(text) })),
    references: z.optional(z.array(z.looseObject({ slot: whole, hash: text }))),
    objects: z.optional(
      z.array(
        z.looseObject({
          slot: whole,
          prompt: z.optional(text),
          box: z.optional(z.tuple([z.number(), z.number(), z.number(), z.number()])),
          z: z.optional(z.number()),
          keep: z.optional(text),
          reference: z.optional(text),
        }),
      ),
    ),
    peels: z.optional(z.array(z.looseObject({ name: text, weight: z.number(), hash: text }))),
    model: z.looseObject({ name: text, version: text, hash: text }),
    sdk: text,
  });
}

/** The recipe inside a PNG, JPEG, WebP or SVG; undefined when it was not made here. Throws InputError when it is no such file or its recipe is damaged. */
export function readRecipe(file: Uint8Array): Recipe | undefined {
  const text = recipeText(file);
  if (text === undefined) return undefined;
  const damaged = (cause: unknown, at = '') =>
    new InputError('recipe.damaged', `the recipe inside this picture is damaged${at}`, { cause });
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch (cause) {
    throw damaged(cause);
  }
  const { success, data, error } = z.safeParse(schema(), found);
  if (!success) throw damaged(error, ` at ${pathOf(error.issues[0]!.path) || 'its beginning'}`);
  return data satisfies Recipe;
}
