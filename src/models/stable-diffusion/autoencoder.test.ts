// The large autoencoder against diffusers, under its own names and those of older files; and every key of the full-size ones.
import { expect, test } from 'vitest';
import { configOf, errorOf, keyLists, tensorsOf, weightsOf } from '../../../test/open-weights.ts';
import { evaluate } from '../../graph/evaluate.ts';
import { checkpointWeights } from '../../quant/checkpoint.ts';
import { float32, transposed, type Tensor } from '../../tensor/tensor.ts';
import { autoencoderConfig } from './autoencoder.ts';
import type { PicturePart } from './part.ts';
import { settingsOf } from './settings.ts';
import { decodeStage, encodeStage } from './stages.ts';

/** (1, C, h, w) as (1, h, w, C), and back. */
const last = (t: Tensor): Tensor => moved(t, true);
const first = (t: Tensor): Tensor => moved(t, false);
function moved({ shape, data }: Tensor, away: boolean): Tensor {
  const [, a, b, c] = shape as [number, number, number, number];
  const rows = away ? [a, b * c] : [a * b, c];
  const turned = transposed(float32(rows, data as Float32Array));
  return float32(away ? [1, b, c, a] : [1, c, a, b], turned.data);
}

test('it decodes and encodes as diffusers does, with every weight in the file', async () => {
  const golden = tensorsOf('vae.safetensors');
  const weights = await weightsOf('sdxl/vae/diffusion_pytorch_model.safetensors');
  const part: PicturePart = { kind: 'kl', config: autoencoderConfig(configOf('sdxl/vae')), weights };
  const [down, up] = [encodeStage(part), decodeStage(part)];
  expect([...new Set([...down.specs.keys(), ...up.specs.keys()])].sort()).toEqual([...weights.names].sort());
  const decoded = evaluate(up.graph, { latent: last(golden.latent!), ...(await checkpointWeights(up.graph, up.specs, weights)) });
  expect(errorOf(decoded.pixels!, golden['kl.decoded']!)).toBeLessThan(1e-4);
  const encoded = evaluate(down.graph, { pixels: last(golden.image!), ...(await checkpointWeights(down.graph, down.specs, weights)) });
  expect(errorOf(first(encoded.latent!), golden['kl.encoded']!)).toBeLessThan(1e-4);
});

test('the full-size one asks for every key once', async () => {
  const { config, weights } = keyLists()['sd1/vae']!;
  const part: PicturePart = {
    kind: 'kl',
    config: autoencoderConfig(settingsOf(JSON.stringify(config), 'vae')),
    weights: await weightsOf('sd1/vae/diffusion_pytorch_model.safetensors'),
  };
  const asked = new Map([...encodeStage(part).specs, ...decodeStage(part).specs]);
  const shapes = [...asked].map(([name, { shape, turned }]) => [name, shape.length === 2 && turned ? [...shape].reverse() : shape]);
  expect(shapes.sort()).toEqual(weights.map(([name, shape]) => [name, shape]).sort());
});

test('one of another network is refused', () => {
  expect(() => autoencoderConfig(settingsOf('{"latents_mean":[1]}', 'vae/config.json'))).toThrow('of another network than');
});
