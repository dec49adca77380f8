// Our model as a family: its files, and its networks behind what the pipeline asks for (family.ts).
import { peelFitter } from '../../adapters/peel.ts';
import { imageToTensor, type Size } from '../../image/image.ts';
import { merged } from '../../adapters/merge.ts';
import { fastestPrecision } from '../../quant/precision.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { consistency } from '../../sampling/sampler.ts';
import { times } from '../../sampling/schedule.ts';
import type { Ability, Condition, Family, ModelAbout, OpenedModel, Painter, PainterOptions, ReferencePicture } from '../family.ts';
import { canvasOf, latentGrid } from '../layout.ts';
import { adaptable } from './adaptable.ts';
import { baseTokens, ENCODER_PIXELS, type Config } from './config.ts';
import { isModel, packModel, storedModel, type Model, type StoredModel } from './file.ts';
import { openNetworks, type Networks, type Reference } from './networks.ts';
import { remembered } from '../remember.ts';

/** A model of this family of which a file is open. */
export interface OpenedBanana extends OpenedModel {
  readonly model: StoredModel;
}

export const banana = {
  name: 'banana',
  recognises: ({ metadata }) => isModel(metadata),
  open(file, source): OpenedBanana {
    const model = storedModel(file, source);
    const { name, version, preset } = model.manifest;
    const weights = () => adaptable(model.config);
    return {
      model,
      id: { name, version, preset },
      about: aboutOf(model),
      painter: (runtime, options) => openPainter(model, runtime, options),
      peels: {
        fitter: (base) => peelFitter(weights, base),
        own: {
          adaptable: weights,
          merged(stack, name) {
            const copy = merged(model, weights(), stack, name);
            return { ...packModel({ ...model, ...copy }), licence: copy.manifest.licence };
          },
        },
      },
    };
  },
} as const satisfies Family;

const aboutOf = ({ config, manifest }: Pick<Model, 'config' | 'manifest'>): ModelAbout => ({
  ...{ family: 'banana', styles: manifest.styles, guidance: manifest.guidance },
  abilities: abilitiesOf(manifest),
  steps: [...manifest.steps].sort((a, b) => a - b),
  defaultSteps: Math.max(...manifest.steps),
  tokens: baseTokens(config),
  promptTokens: config.text.length,
  referencePixels: manifest.references ? config.referencePixels : 0,
});

const abilitiesOf = ({ references }: Model['manifest']): Ability[] => [
  'image',
  'peels',
  'guidance',
  'transparent',
  ...(references ? (['references'] as const) : []),
];

/** Makes a model ready on a runtime. Throws InputError when the weights do not fit the preset. */
export async function openPainter(
  model: Model | StoredModel,
  runtime: Runtime,
  { hash, precision: asked, training }: PainterOptions,
): Promise<Painter> {
  const { config, plan, blocks, tokenizer, manifest } = model;
  const { name, version, preset } = manifest;
  const precision = asked ?? (await fastestPrecision(runtime, plan));
  const options = { precision, ...(plan && { plan }), ...(blocks && { blocks }), ...(training && { accuracy: 0 as const }) };
  const networks = openNetworks(runtime, config, model.weights, options);
  if (!training) await warm(networks);
  const referencesOf = referenceEncoder(networks);
  return {
    info: { ...aboutOf(model), name, version, hash, preset, runtime: runtime.name, precision },
    tokensIn(text) {
      const { count, truncated } = tokenizer.encode(text, config.text.length);
      return count + truncated;
    },
    async read(text, pictures, peels) {
      const { ids, count } = tokenizer.encode(text, config.text.length);
      return conditionOf(networks.withPeels(peels), [...ids.subarray(0, count)], await referencesOf(pictures));
    },
    sampler: consistency,
    times,
    encoder: { pixels: ENCODER_PIXELS, layout: layoutOf(config), encode: async (picture) => (await networks.encode(picture)).data },
    async decode(data, [{ rows, columns } = { rows: 1, columns: 1 }]) {
      const features = await networks.features({ rows, columns, data });
      return { render: (tile, size) => networks.render(features, tile, size) };
    },
    rest: () => networks.restDecoder(),
    fitPeel: peelFitter(() => adaptable(config), { name, version, preset, hash }),
    release: () => networks.release(),
  };
}

/** About the same number of tokens for every size, in its shape: the model was trained so. */
const layoutOf = (config: Config) => (size: Size, detail: number) =>
  canvasOf(latentGrid(size, baseTokens(config) * detail), config.channels);

async function conditionOf(networks: Networks, ids: readonly number[], references: readonly Reference[]): Promise<Condition> {
  const { config } = networks;
  const condition = await networks.condition(ids, references);
  return {
    states: condition.cache,
    layout: layoutOf(config),
    velocity: ([{ rows, columns } = { rows: 1, columns: 1 }], options) => networks.velocity(condition, { rows, columns }, options),
  };
}

/** One token through every stage of drawing: sessions are made and first runs done before anyone waits for a picture. */
async function warm(networks: Networks): Promise<void> {
  const { channels } = networks.config;
  const condition = await networks.condition([0]);
  const data = await networks.velocity(condition, { rows: 1, columns: 1 }, { guidance: 1 })(new Float32Array(channels), 1);
  const features = await networks.features({ rows: 1, columns: 1, data: Float32Array.from(data, (x) => x + 1) });
  await networks.render(features, { x: 0, y: 0, width: 8, height: 8 }, { width: 8, height: 8 });
}

/** Encodes references. */
export function referenceEncoder({ encode }: Networks): (references: readonly ReferencePicture[]) => Promise<Reference[]> {
  const latentOf = remembered(({ image }) => encode(imageToTensor(image)));
  return (references) => Promise.all(references.map(async (one) => ({ slot: one.slot, latent: await latentOf(one) })));
}
