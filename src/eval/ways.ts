// The ways in which an evaluated model draws: steps and precision. Each precision is a pipeline as the SDK has it, opened when it is first
// used; all live until the end. Used by recipe 7.
import { imageToTensor, tensorToImage } from '../image/image.ts';
import type { ModelInfo } from '../models/family.ts';
import { loadPipeline } from '../node/load.ts';
import type { Pipeline } from '../draw/text-to-image.ts';
import type { Precision } from '../quant/names.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { RuntimeError } from '../util/errors.ts';
import type { Box } from './rule.ts';
import type { Draw, Variant } from './suite.ts';

export interface WaysOptions {
  /** Side in pixels of pictures of which nothing else is said. */
  readonly side: number;
  /** Default: as the SDK draws. */
  readonly precision?: Precision;
  readonly steps?: number;
}

export interface Ways {
  readonly model: ModelInfo;
  /** What pictures are drawn with where a way does not say. */
  readonly steps: number;
  readonly precision: Precision;
  way(options?: { steps?: number; precision?: Precision }): Variant;
  release(): Promise<void>;
}

/** The ways of the model at a path. Throws InputError when it is missing or damaged. */
export async function openWays(path: string, { side, precision, steps }: WaysOptions): Promise<Ways> {
  const main = await loadPipeline({ model: path, ...(precision && { precision }) });
  const { model } = main;
  const { precision: taken = 'float32' } = model;
  const usual = { steps: steps ?? model.defaultSteps, precision: taken };
  const opened = new Map<Precision, Promise<Pipeline>>([[taken, Promise.resolve(main)]]);
  const open = (of: Precision) => opened.get(of) ?? opened.set(of, loadPipeline({ model: path, precision: of })).get(of)!;
  return {
    model,
    ...usual,
    way({ steps: count = usual.steps, precision: of = usual.precision } = {}) {
      return {
        name: `${count} step${count === 1 ? '' : 's'}${of === usual.precision ? '' : `, ${of}`}`,
        key: { model: model.hash, steps: count, precision: of, side },
        draw: async (...asked) => (await drawn(await open(of), count, side, asked)).picture,
        ...(model.abilities.includes('layers') && { place: async (...asked) => drawn(await open(of), count, side, asked, true) }),
      };
    },
    async release() {
      for (const pipeline of opened.values()) await (await pipeline).release();
      opened.clear();
    },
  };
}

/** The picture of a prompt, as a request of the SDK draws it, and the boxes of its objects where `layers` are asked for. */
async function drawn(
  pipeline: Pipeline,
  steps: number,
  side: number,
  [prompt, seed, more = {}]: Parameters<Draw>,
  layers = false,
): Promise<{ picture: Tensor; boxes: Box[] }> {
  const { references = [], width = side, height = side } = more;
  const request = {
    ...{ prompt, seed, steps, width, height, preview: 0 },
    ...(layers && { layers }),
    ...(references.length > 0 && { references: references.map(({ slot, picture }) => ({ slot, image: tensorToImage(picture) })) }),
    ...(prompt.includes('transparent') && { background: 'transparent' as const }),
  };
  for await (const event of pipeline.generate(request))
    if (event.type === 'image') {
      const objects = (event.layers ?? []).filter(({ slot }) => slot > 0);
      return { picture: imageToTensor(event.image), boxes: objects.map(({ box }): Box => box) };
    }
  throw new RuntimeError('engine.empty', 'the engine drew no picture');
}
