// Llama as a text encoder and its tokenizer against transformers and tokenizers.
import { expect, test } from 'vitest';
import { errorOf, fixturesOf } from '../../../test/open-weights.ts';
import { evaluate } from '../../graph/evaluate.ts';
import { graph, input } from '../../graph/value.ts';
import { embedding } from '../../nn/layers.ts';
import { rootScope, type Specs } from '../../nn/scope.ts';
import { checkpointWeights } from '../../quant/checkpoint.ts';
import { float32, int64 } from '../../tensor/tensor.ts';
import { settingsOf } from '../stable-diffusion/settings.ts';
import { llamaConfig, llamaFeatures, llamaRoot } from './llama.ts';
import { llamaTokenizer } from './llama-tokenizer.ts';

const { textOf, configOf, tensorsOf, weightsOf } = fixturesOf('nitro');

test('features as transformers has them, of padding too, by every weight in the file', async () => {
  const golden = tensorsOf('text.safetensors');
  const weights = await weightsOf('text_encoder/model.safetensors');
  const config = llamaConfig(configOf('text_encoder'));
  const specs: Specs = new Map();
  const s = llamaRoot(rootScope(specs).declare({ turned: true }), weights.names);
  const shape = golden.ids!.shape as [number, number];
  const [ids, seen] = [input('ids', ['B', shape[1]], 'int64'), input('seen', ['B', shape[1]])];
  const x = embedding(s.in('embed_tokens'), ids, config.vocabulary, config.width, undefined, 'weight');
  const g = graph('llama', { features: llamaFeatures(s, x, seen, config) }, [ids, seen]);
  expect([...specs.keys()].sort()).toEqual([...weights.names].sort());
  const feeds = {
    ids: int64(shape, [...(golden.ids!.data as Int32Array)]),
    seen: float32(shape, Float32Array.from(golden.seen!.data as Int32Array)),
  };
  const found = evaluate(g, { ...feeds, ...(await checkpointWeights(g, specs, weights)) });
  expect(errorOf(found.features!, golden.features!)).toBeLessThan(1e-5);
});

test('a config as transformers 5 writes it is the same; one of another network is refused', () => {
  const old = JSON.parse(textOf('text_encoder/config.json')) as Record<string, unknown>;
  const config = (change: object) => llamaConfig(settingsOf(JSON.stringify({ ...old, ...change }), 'text_encoder/config.json'));
  const rope = { ...(old['rope_scaling'] as object), rope_theta: old['rope_theta'] };
  expect(config({ rope_scaling: undefined, rope_theta: undefined, rope_parameters: rope })).toEqual(config({}));
  expect(config({ rope_scaling: null }).turns).not.toEqual(config({}).turns);
  expect(() => config({ rope_scaling: { rope_type: 'yarn' } })).toThrow(
    'rope_scaling: "rope_type" is "yarn", expected one of default, llama3',
  );
  expect(() => config({ attention_bias: true })).toThrow('text_encoder/config.json: "attention_bias" is not read');
  expect(() => config({ hidden_act: 'gelu' })).toThrow('"hidden_act" is "gelu", expected one of silu');
});

const file = textOf('tokenizer/tokenizer.json');

test('texts have the tokens that tokenizers gives them', () => {
  const { tokens } = llamaTokenizer(file, 'tokenizer.json');
  for (const [text, ids] of JSON.parse(textOf('tokens.json')) as [string, number[]][]) expect(tokens(text), text).toEqual(ids);
});

test('other tokenizers are refused', () => {
  const open = (change: object) => () => llamaTokenizer(JSON.stringify({ ...JSON.parse(file), ...change }), 'tokenizer.json');
  expect(() => llamaTokenizer('<html>', 'tokenizer.json')).toThrow(/^tokenizer.json: is no JSON/);
  expect(open({ model: { type: 'Unigram' } })).toThrow('is no tokenizer of Llama 3');
  expect(open({ pre_tokenizer: { type: 'Split', pattern: { Regex: '\\w+' } } })).toThrow('is no tokenizer of Llama 3');
  expect(open({ added_tokens: [] })).toThrow('lacks "<|begin_of_text|>"');
});
