// The recipe of a picture: all that is needed to make it again, and how it travels inside a PNG: our JSON under `banana`,
// the `parameters` text that other tools read, and XMP that marks the picture as made by a model. No dates, no paths, no
// names of people: the same recipe gives the same bytes.
// https://www.iptc.org/std-dev/photometadata/documentation/userguide/ (digital source type)
import { readPngText, writePngText } from '../tensor/png.ts';
import { InputError } from '../util/errors.ts';

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
  readonly style?: string;
  readonly background?: string;
  readonly seed: number;
  readonly steps: number;
  readonly guidance: number;
  readonly width: number;
  readonly height: number;
  readonly model: ModelId;
  /** Version of banana-sdk. */
  readonly sdk: string;
}

const KEY = 'banana';
const XMP = 'XML:com.adobe.xmp';
const SOURCE_TYPE = 'http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia';

/** The `parameters` text of AUTOMATIC1111's web interface: the prompt, then a line of settings. `text` is the prompt as the model saw it. */
export function parametersOf({ seed, steps, guidance, width, height, model, sdk }: Recipe, text: string): string {
  const settings = {
    Steps: steps,
    Sampler: 'LCM',
    'CFG scale': guidance,
    Seed: seed,
    Size: `${width}x${height}`,
    ...(model.hash && { 'Model hash': model.hash.slice(0, 10) }),
    Model: `${model.name}-${model.version}`,
    Version: `banana-sdk ${sdk}`,
  };
  return `${text}\n${Object.entries(settings).map(([key, value]) => `${key}: ${value}`).join(', ')}`;
}

/** An XMP packet that says: made by a trained model. */
function xmpOf(sdk: string): string {
  return [
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>',
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">',
    '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"',
    ` Iptc4xmpExt:DigitalSourceType="${SOURCE_TYPE}" xmp:CreatorTool="banana-sdk ${sdk}"/>`,
    '</rdf:RDF></x:xmpmeta>',
    '<?xpacket end="r"?>',
  ].join('\n');
}

/** The PNG with its recipe inside. `text` is the prompt as the model saw it. */
export function writeRecipe(png: Uint8Array, recipe: Recipe, text: string): Uint8Array<ArrayBuffer> {
  return writePngText(png, { parameters: parametersOf(recipe, text), [KEY]: JSON.stringify(recipe), [XMP]: xmpOf(recipe.sdk) });
}

/** The recipe inside a PNG; undefined when it was not made here. Throws InputError when it is no sound PNG or its recipe is damaged. */
export function readRecipe(png: Uint8Array): Recipe | undefined {
  const text = readPngText(png)[KEY];
  if (text === undefined) return undefined;
  const damaged = (cause?: unknown) => new InputError('recipe.damaged', 'the recipe inside this PNG is damaged', { cause });
  let found: Partial<Recipe> | null;
  try {
    found = JSON.parse(text) as Partial<Recipe> | null;
  } catch (cause) {
    throw damaged(cause);
  }
  const numbers = [found?.seed, found?.steps, found?.guidance, found?.width, found?.height];
  if (typeof found?.prompt !== 'string' || !numbers.every(Number.isFinite) || typeof found.model?.name !== 'string') throw damaged();
  return found as Recipe;
}
