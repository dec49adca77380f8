// The tiny autoencoder against diffusers.
import { expect, test } from 'vitest';
import { evaluate } from '../../graph/evaluate.ts';
import { graph, input } from '../../graph/value.ts';
import { rootScope, type Specs } from '../../nn/scope.ts';
import { checkpointWeights } from '../../quant/checkpoint.ts';
import { configOf, errorOf, tensorsOf, weightsOf } from '../../../test/open-weights.ts';
import { settingsOf } from './settings.ts';
import { tinyAutoencoderConfig, tinyDecoder, tinyEncoder } from './tiny-autoencoder.ts';

test('it decodes and encodes as diffusers does, with every weight in the file', async () => {
  const { latent, image, decoded, encoded } = tensorsOf('vae.safetensors');
  const weights = await weightsOf('sdxs/vae/diffusion_pytorch_model.safetensors');
  const config = tinyAutoencoderConfig(configOf('sdxs/vae'));
  const specs: Specs = new Map();
  const s = rootScope(specs);
  const inputs = [input('latent', ['B', 4, 'h', 'w']), input('image', ['B', 3, '8*h2', '8*w2'])] as const;
  const g = graph('tiny', { decoded: tinyDecoder(s, inputs[0], config), encoded: tinyEncoder(s, inputs[1], config) }, inputs);
  expect([...specs.keys()].sort()).toEqual([...weights.names].sort());
  const found = evaluate(g, { latent: latent!, image: image!, ...(await checkpointWeights(g, specs, weights)) });
  expect(errorOf(found.decoded!, decoded!)).toBeLessThan(1e-5);
  expect(errorOf(found.encoded!, encoded!)).toBeLessThan(1e-5);
});

test('one that is computed otherwise is refused', () => {
  const config = (text: string) => () => tinyAutoencoderConfig(settingsOf(text, 'vae/config.json'));
  expect(config('{"act_fn":"silu"}')).toThrow('vae/config.json: "act_fn" is "silu", expected one of relu');
  expect(config('{"upsample_fn":"bilinear"}')).toThrow('"upsample_fn" is "bilinear", expected one of nearest');
  expect(config('{"num_decoder_blocks":[1,2]}')).toThrow('"num_decoder_blocks" is [1,2], expected a number or 4');
});
