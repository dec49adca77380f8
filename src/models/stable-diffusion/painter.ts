// Stable Diffusion's U-Nets as a family (family.ts): SD 1 and 2, SDXL, and those distilled to few steps, in diffusers' folders or single
// files. What a model is decides how it is drawn with: its scheduler, guidance, number of steps.
import type { PeelStack } from '../../adapters/stack.ts';
import type { Size } from '../../image/image.ts';
import { planOf } from '../../quant/plan.ts';
import { fastestPrecision } from '../../quant/precision.ts';
import { checkpoint } from '../../runtime/engine.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { float32, zeros, type Tensor, type Tensors } from '../../tensor/tensor.ts';
import type { Ability, Condition, Family, ModelAbout, ModelFile, OpenedModel, Painter, PainterOptions } from '../family.ts';
import { glancer } from '../glance.ts';
import { rasterDrawing } from '../raster.ts';
import { canvasOf, latentGrid, tokensOf, type Layout } from '../layout.ts';
import { componentsOf, isOneStep, isStableDiffusion } from './components.ts';
import { guided, velocityOf } from './denoiser.ts';
import { hasEncoder, openNetworks, type Networks, type TextFeatures } from './networks.ts';
import type { Components } from './part.ts';
import { partsOf, roundable } from './parts.ts';
import { peelsFor } from './peels.ts';
import { relaid } from './relaid.ts';
import { samplerOf } from './sampler.ts';
import { scheduleOf, type Schedule } from './schedule.ts';
import { isSingleFile } from './single-file.ts';
import { pixelsOf, unetStage, unitOf } from './stages.ts';

export const stableDiffusion = {
  name: 'stable-diffusion',
  recognises: isStableDiffusion,
  open(file: ModelFile, source: string): OpenedModel {
    const components = componentsOf(file, source);
    const preset = presetOf(components);
    const id = { ...nameOf(source, preset), preset };
    return {
      id,
      about: aboutOf(components),
      parts: () => partsOf(components),
      roundable: () => roundable(components),
      ...(isSingleFile(file.tensors) && { relaid: () => relaid(components, file, source) }),
      peels: { fitter: (base) => peelsFor(components, base) },
      painter: (runtime, options) => openPainter(components, id, runtime, options),
    };
  },
} as const satisfies Family;

/** Which models share weights' shapes, so that an adapter for one fits the others. */
const presetOf = ({ texts, unet }: Components): string => (texts.length > 1 ? 'sdxl' : unet.config.context === 1024 ? 'sd2' : 'sd1');

/** org/name and the commit of one that was pulled; else the name of its folder or file. */
function nameOf(source: string, preset: string): { name: string; version: string } {
  const [, organisation, name, commit] = /models--([^/\\]+?)--([^/\\]+)[/\\]snapshots[/\\]([0-9a-f]{40})/.exec(source) ?? [];
  if (commit) return { name: `${organisation}/${name}`, version: commit.slice(0, 12) };
  const own = source.split(/[/\\]/).filter(Boolean).at(-1) ?? source;
  return { name: own.replace(/\.safetensors$/, ''), version: preset };
}

/** Numbers of steps of models that were distilled, and of others. */
const FEW = [1, 2, 3, 4, 5, 6, 8];
const MANY = [10, 12, 15, 20, 25, 30, 35, 40, 50];

/** How a model is drawn with when nothing is asked for; guidance 1 is none. */
function manner({ schedule, unet, texts }: Components): Pick<ModelAbout, 'steps' | 'defaultSteps' | 'guidance'> {
  if (isOneStep(unet.config)) return { steps: [1], defaultSteps: 1, guidance: 1 };
  const distilled = schedule.kind !== 'euler' || schedule.spacing === 'trailing';
  if (distilled) return { steps: [...FEW, ...MANY], defaultSteps: 4, guidance: unet.config.guidance ? 8.5 : 1 };
  return { steps: [4, 6, 8, ...MANY], defaultSteps: 20, guidance: texts.length > 1 ? 5 : 7.5 };
}

async function openPainter(
  components: Components,
  id: OpenedModel['id'],
  runtime: Runtime,
  { hash, precision: asked }: PainterOptions,
): Promise<Painter> {
  const { texts, unet, pictures, schedule: config } = components;
  const precision = asked ?? (await fastestPrecision(runtime, planOf(unetStage(unet.config).specs, 8)));
  const networks = await openNetworks(runtime, components, { precision });
  const schedule = scheduleOf(config);
  const layout = layoutOf(components);
  const glance = glancer(unet.config.inChannels, networks.decode);
  return {
    info: { ...aboutOf(components), ...id, hash, precision, runtime: runtime.name },
    tokensIn: (text) => Math.max(...texts.map(({ tokenizer }) => tokenizer.tokens(text).length + 2)),
    read: reader(components, networks, schedule, layout),
    sampler: samplerOf(config.kind, schedule),
    times: schedule.times,
    ...(hasEncoder(pictures) && {
      encoder: { pixels: pixelsOf(pictures), layout, encode: async (picture) => (await networks.encode(withoutAlpha(picture))).data },
    }),
    decode: async (latent, [{ rows, columns } = { rows: 1, columns: 1 }]) =>
      rasterDrawing(await networks.decode(float32([1, rows, columns, unet.config.inChannels], latent))),
    glance: async (latent, [grid = { rows: 1, columns: 1 }]) => rasterDrawing(await glance(latent, grid)),
    fitPeel: peelsFor(components, { ...id, hash }),
    release: networks.release,
  };
}

const aboutOf = (components: Components): ModelAbout => ({
  ...{ family: 'stable-diffusion', styles: [], ...manner(components) },
  abilities: abilitiesOf(components),
  tokens: tokensOf(layoutOf(components)({ width: 512, height: 512 }, 1)),
  promptTokens: Math.min(...components.texts.map(({ config }) => config.length)),
  referencePixels: 0,
});

/** A network that is told the guidance is not guided away from anything. */
const abilitiesOf = ({ unet, pictures }: Components): Ability[] => [
  'peels',
  ...(hasEncoder(pictures) ? (['image'] as const) : []),
  ...(isOneStep(unet.config) ? [] : unet.config.guidance ? (['guidance'] as const) : (['guidance', 'negative'] as const)),
];

/** The share of the cells that it was trained on below which nothing can be made out any more. */
const LEAST = 1 / 4;

/**
 * Cells as the size asks for, but no fewer than the model was trained on, nor more than twice as many: smaller and larger pictures come
 * out of it wrong, and are those of its own size resampled. The sides are multiples of what its coarsest level needs.
 */
const layoutOf =
  ({ side, unet, pictures }: Components) =>
  (size: Size, detail: number): Layout => {
    const [unit, trained] = [unitOf(unet.config), side ** 2];
    const asked = (size.width * size.height) / pixelsOf(pictures) ** 2;
    const cells = Math.max(LEAST * trained, detail * Math.min(2 * trained, Math.max(trained, asked)));
    const { rows, columns } = latentGrid(size, cells / unit ** 2);
    return canvasOf({ rows: rows * unit, columns: columns * unit }, unet.config.inChannels);
  };

function reader(components: Components, networks: Networks, schedule: Schedule, layout: ReturnType<typeof layoutOf>): Painter['read'] {
  const { texts, unet, zeros: nothing, schedule: how } = components;
  const features = (text: string, peels: PeelStack) =>
    networks.text(
      texts.map(({ tokenizer, config }) => tokenizer.encode(text, config.length)),
      peels,
    );
  let last: { words: string; peels: PeelStack; features: Promise<TextFeatures> } | undefined;
  const without = (words: string, peels: PeelStack) => {
    if (last?.words !== words || last.peels !== peels)
      last = { words, peels, features: features(words, peels).then((found) => (nothing && !words ? silenced(found) : found)) };
    return last.features;
  };
  return async (text, _references, peels, negative = ''): Promise<Condition> => {
    const found = await features(text, peels);
    return {
      states: { context: found.context, ...(found.pooled && { pooled: found.pooled }) },
      layout,
      velocity([{ rows, columns } = { rows: 1, columns: 1 }], { guidance, signal }) {
        const { inChannels, guidance: told } = unet.config;
        const shape = [1, rows, columns, inChannels];
        const seen = (read: () => Promise<TextFeatures>) =>
          velocityOf(
            async (z, step) => {
              await checkpoint(signal);
              return networks.predict(float32(shape, z), step, toldOf(components, await read(), { rows, columns, guidance }), peels);
            },
            schedule,
            how.kind,
            how.prediction,
          );
        const conditional = seen(async () => found);
        return guidance > 1 && !told
          ? guided(
              conditional,
              seen(() => without(negative, peels)),
              guidance,
            )
          : conditional;
      },
    };
  };
}

const silenced = ({ context, pooled }: TextFeatures): TextFeatures => ({
  context: zeros('float32', context.shape),
  pooled: pooled && zeros('float32', pooled.shape),
});

/** What the U-Net reads besides the latent and the time. */
function toldOf(
  { unet: { config }, pictures }: Components,
  { context, pooled }: TextFeatures,
  { rows, columns, guidance }: { rows: number; columns: number; guidance: number },
): Tensors {
  const [height, width] = [rows * pixelsOf(pictures), columns * pixelsOf(pictures)];
  return {
    context,
    ...(config.guidance && { guidance: float32([1], [guidance]) }),
    ...(config.added && { pooled: pooled!, sizes: float32([1, 6], [height, width, 0, 0, height, width]) }),
  };
}

function withoutAlpha({ shape, data }: Tensor): Tensor {
  const pixels = data as Float32Array;
  const out = new Float32Array((pixels.length / 4) * 3);
  for (let i = 0, o = 0; i < pixels.length; i += 4, o += 3) out.set(pixels.subarray(i, i + 3), o);
  return float32([...shape.slice(0, 3), 3], out);
}
