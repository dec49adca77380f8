// The layered model as a family: what the pipeline asks for (family.ts), and its layers besides. A picture's parts are its objects'
// frames, their thumbnails and the canvas; how many objects there are is read from the prompt.
import { peelFitter } from '../../adapters/peel.ts';
import { withoutTriggers } from '../../adapters/triggers.ts';
import { withoutGround } from '../../image/ground.ts';
import { fastestPrecision } from '../../quant/precision.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { consistency } from '../../sampling/sampler.ts';
import { times } from '../../sampling/schedule.ts';
import type { Ability, Condition, Encoder, Family, ModelAbout, OpenedModel, Painter, PainterOptions } from '../family.ts';
import { adaptable } from './adaptable.ts';
import { PATCH, THUMBNAIL } from './config.ts';
import { isLayers, packLayers, storedLayers, type LayersModel } from './file.ts';
import { canonical, knownOf } from './known.ts';
import { layoutOf, partsOf, pictureParts, tokenCount } from './layout.ts';
import { openLayerNetworks, type LayerNetworks } from './networks.ts';
import { mergePeels } from './merge.ts';
import { drawingOf, layersOf } from './paint.ts';
import { sharpened } from './sharpen.ts';
import { encodeThumbnail, type Basis } from './thumbnail.ts';
import { remembered } from '../remember.ts';

/** A layered model of which a file is open. */
export interface OpenedLayers extends OpenedModel {
  readonly layers: LayersModel;
}

export const layers = {
  name: 'layers',
  recognises: ({ metadata }) => isLayers(metadata),
  open(file, source): OpenedLayers {
    const model = storedLayers(file, source);
    const { name, version, preset } = model.manifest;
    const weights = () => adaptable(model.config);
    return {
      layers: model,
      id: { name, version, preset },
      about: aboutOf(model),
      painter: (runtime, options) => openPainter(model, runtime, options),
      peels: {
        fitter: (base) => peelFitter(weights, base),
        own: {
          adaptable: weights,
          merged(stack, name) {
            const copy = mergePeels(model, stack, name);
            return { ...packLayers(copy, copy.plan), licence: copy.manifest.licence };
          },
        },
      },
    };
  },
} as const satisfies Family;

const abilitiesOf = ({ manifest }: LayersModel): Ability[] => ['peels', 'transparent', 'layers', ...(manifest.abilities ?? [])];

function aboutOf(model: LayersModel): ModelAbout {
  const { styles, steps } = model.manifest;
  const abilities = abilitiesOf(model);
  return {
    family: 'layers',
    abilities,
    styles,
    steps: [...steps].sort((a, b) => a - b),
    defaultSteps: Math.max(...steps),
    guidance: 1,
    tokens: tokenCount(layoutOf({ width: 512, height: 512 }, 1, false)),
    promptTokens: model.config.text.length,
    referencePixels: abilities.includes('references') ? REFERENCE : 0,
  };
}

/** Side of the square that a subject is read as, of which what is visible becomes a thumbnail. */
const REFERENCE = 4 * THUMBNAIL;
/** Words by which a prompt asks for nothing behind its objects, in the languages of the captions. */
const TRANSPARENT = /\btranspar[ae]nte?n?\b/i;

/** Makes a model ready on a runtime. Throws InputError when the weights do not fit the preset. */
export async function openPainter(
  model: LayersModel,
  runtime: Runtime,
  { hash, precision: asked, training }: PainterOptions,
): Promise<Painter> {
  const { config, plan, blocks, weights, tokenizer, manifest, basis } = model;
  const { name, version, preset } = manifest;
  const about = aboutOf(model);
  const precision = asked ?? (await fastestPrecision(runtime, plan));
  const networks = openLayerNetworks(runtime, config, weights, { precision, plan, blocks, ...(training && { accuracy: 0 }) });
  if (!training) await warm(networks);
  const idsOf = (text: string) => {
    const { ids, count } = tokenizer.encode(text, config.text.length);
    return [...ids.subarray(0, count)];
  };
  const tokensOf = remembered(({ image }) => encodeThumbnail(canonical(withoutGround(image)), basis));
  return {
    info: { ...about, name, version, hash, preset, runtime: runtime.name, precision },
    tokensIn(text) {
      const { count, truncated } = tokenizer.encode(text, config.text.length);
      return count + truncated;
    },
    async read(text, pictures, peels): Promise<Condition> {
      const peeled = networks.withPeels(peels);
      const references = pictures.map((one) => ({ slot: one.slot, tokens: tokensOf(one) }));
      const condition = await peeled.condition(idsOf(text), references);
      const plain = withoutTriggers(text, peels); // a Peel's words say nothing of how many things there are
      const { objects: said } = plain === text ? condition : await networks.condition(idsOf(plain));
      const transparent = TRANSPARENT.test(text);
      return {
        layout(size, _, { least, more, canvas = !transparent } = { least: 0, more: true }) {
          const objects = more ? Math.max(least, pictures.length, said) : least; // each subject is a thing
          return partsOf(layoutOf(size, objects, !canvas), config.channels);
        },
        states: condition.cache,
        velocity: (parts, { signal }) => peeled.velocity(condition, parts, signal),
      };
    },
    sampler: consistency,
    times,
    ...(about.abilities.includes('image') && { encoder: encoderOf(basis) }),
    layering: {
      known: (layers, parts, size) => knownOf(layers, parts, size, basis),
      sharpen: (small) => sharpened(networks, small),
    },
    decode: async (latent, parts) => drawingOf(networks, layersOf(latent, parts, basis)),
    fitPeel: peelFitter(() => adaptable(config), { name, version, preset, hash }),
    release: networks.release,
  };
}

/** A picture to start from is a canvas alone; how much detail is asked for changes nothing, as of any canvas. */
const encoderOf = (basis: Basis): Encoder => ({
  pixels: PATCH,
  layout: (size) => pictureParts(size, basis.channels),
  async encode({ shape: [, height = 0, width = 0], data }) {
    return encodeThumbnail({ width, height, pixels: Float32Array.from(data as Float32Array, (v) => (v + 1) * 127.5) }, basis);
  },
});

/** One object through every stage: sessions are made and first runs done before anyone waits for a picture. */
async function warm(networks: LayerNetworks): Promise<void> {
  const condition = await networks.condition([0]);
  const parts = partsOf({ objects: 1 }, networks.config.channels);
  const size = parts.reduce((sum, { rows, columns, channels }) => sum + rows * columns * channels, 0);
  await networks.velocity(condition, parts)(new Float32Array(size), 1);
  const [maps] = await networks.maps([{ pixels: new Float32Array(4), width: 1, height: 1 }], { exact: false, around: 'nothing' });
  networks.pixels(maps!, { x: 0, y: 0, width: 8, height: 8 }, 8);
}
