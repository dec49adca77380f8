// The U-Nets of the models of this family against diffusers: each as it differs from the others, in small.
import { expect, test } from 'vitest';
import { evaluate } from '../../graph/evaluate.ts';
import { graph, input } from '../../graph/value.ts';
import { rootScope, type Specs } from '../../nn/scope.ts';
import { checkpointWeights } from '../../quant/checkpoint.ts';
import { configOf, errorOf, tensorsOf, textOf, weightsOf } from '../../../test/open-weights.ts';
import { settingsOf } from './settings.ts';
import { unet, type UnetInputs } from './unet.ts';
import { unetConfig, type UnetConfig } from './unet-config.ts';

const golden = tensorsOf('unet.safetensors');

/** Symbolic inputs as a network with these levels takes them. */
function inputsOf({ levels, inChannels, context, guidance, added }: UnetConfig): UnetInputs {
  const scale = 2 ** (levels.length - 1);
  return {
    x: input('x', ['B', inChannels, `${scale}*h`, `${scale}*w`]),
    time: input('time', ['B']),
    context: input('context', ['B', 'M', context]),
    ...(guidance && { guidance: input('guidance', ['B']) }),
    ...(added && { pooled: input('pooled', ['B', added.pooled]), sizes: input('sizes', ['B', 6]) }),
  };
}

test.each(['sd1', 'lcm', 'turbo', 'sdxl', 'sdxs'])('%s: predicts as diffusers does, with every weight in the file', async (model) => {
  const weights = await weightsOf(`${model}/unet/diffusion_pytorch_model.safetensors`);
  const config = unetConfig(configOf(`${model}/unet`));
  const specs: Specs = new Map();
  const inputs = inputsOf(config);
  const y = unet(rootScope(specs).declare({ turned: true }), inputs, config);
  const g = graph('unet', { y }, Object.values(inputs));
  expect([...specs.keys()].sort()).toEqual([...weights.names].sort());
  const feeds = Object.fromEntries(Object.keys(inputs).map((name) => [name, golden[name]!]));
  const found = evaluate(g, { ...feeds, ...(await checkpointWeights(g, specs, weights)) });
  expect(errorOf(found.y!, golden[`${model}/unet`]!)).toBeLessThan(1e-4);
});

test('a config of another network is refused, not drawn wrongly', () => {
  const sd1 = JSON.parse(textOf('sd1/unet/config.json')) as object;
  const changed = (change: object) => () => unetConfig(settingsOf(JSON.stringify({ ...sd1, ...change }), 'unet/config.json'));
  expect(changed({ class_embed_type: 'timestep' })).toThrow(
    'unet/config.json: "class_embed_type" is "timestep"; only a U-Net with null is drawn',
  );
  expect(changed({ addition_embed_type: 'image' })).toThrow('"addition_embed_type" is "image", expected one of none, text_time');
  expect(changed({ down_block_types: ['DownBlock2D'] })).toThrow('expected 2 words of DownBlock2D, CrossAttnDownBlock2D');
  expect(changed({ layers_per_block: [1, 2, 3] })).toThrow('"layers_per_block" is [1,2,3], expected a number or 2');
});
