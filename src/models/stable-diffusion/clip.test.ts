// CLIP's text encoders against transformers.
import { expect, test } from 'vitest';
import { evaluate } from '../../graph/evaluate.ts';
import { graph, input } from '../../graph/value.ts';
import { rootScope, type Specs } from '../../nn/scope.ts';
import { checkpointWeights } from '../../quant/checkpoint.ts';
import { int64 } from '../../tensor/tensor.ts';
import type { Weights } from '../../tensor/weights.ts';
import { clipConfig, clipFeatures, clipPooled, clipProjected, clipRoot } from './clip.ts';
import { configOf, errorOf, tensorsOf, weightsOf } from '../../../test/open-weights.ts';
import { settingsOf } from './settings.ts';

const golden = tensorsOf('text.safetensors');
const ids = int64(golden.ids!.shape, [...(golden.ids!.data as Int32Array)]);
const MODELS = ['sd1/text_encoder', 'turbo/text_encoder', 'sdxl/text_encoder_2'];

/** All that a text encoder gives, and the weights that it asked for. */
async function run(model: string, weights: Weights) {
  const config = clipConfig(configOf(model));
  const specs: Specs = new Map();
  const root = rootScope(specs).declare({ turned: true });
  const s = clipRoot(root, weights.names);
  const x = input('ids', ['B', ids.shape[1]!], 'int64');
  const last = clipFeatures(s, x, config);
  const pooled = clipPooled(last, x, config);
  const projects = weights.names.includes('text_projection.weight');
  const before = clipFeatures(s, x, config, { skip: 1, normed: false });
  const g = graph('clip', { last, before, pooled: projects ? clipProjected(root, pooled, config) : pooled }, [x]);
  return { specs, outputs: evaluate(g, { ids, ...(await checkpointWeights(g, specs, weights)) }) };
}

test.each(MODELS)('%s: every feature as transformers has it, of every weight in the file', async (model) => {
  const weights = await weightsOf(`${model}/model.safetensors`);
  const { specs, outputs } = await run(model, weights);
  expect([...specs.keys()].sort()).toEqual([...weights.names].sort());
  for (const [name, found] of Object.entries(outputs)) expect(errorOf(found, golden[`${model}.${name}`]!), name).toBeLessThan(1e-5);
});

test('names without "text_model.", as transformers 5 writes them, are the same model', async () => {
  const weights = await weightsOf('sd1/text_encoder/model.safetensors');
  const short: Weights = {
    ...weights,
    names: weights.names.map((name) => name.replace('text_model.', '')),
    outline: (name) => weights.outline(`text_model.${name}`),
    read: (name) => weights.read(`text_model.${name}`),
  };
  const { outputs } = await run('sd1/text_encoder', short);
  expect(errorOf(outputs.last!, golden['sd1/text_encoder.last']!)).toBeLessThan(1e-5);
});

test('a config that cannot be is refused by name', () => {
  const config = (text: string) => () => clipConfig(settingsOf(text, 'text_encoder/config.json'));
  expect(config('<html>')).toThrow('text_encoder/config.json: is no JSON object, but begins with "<html>"');
  expect(config('{"hidden_act":"relu"}')).toThrow('"hidden_act" is "relu", expected one of quick_gelu, gelu, gelu_new');
  expect(config('{"num_hidden_layers":"12"}')).toThrow('"num_hidden_layers" is "12", expected a number');
});
