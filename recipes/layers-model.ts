// Recipe of the layered model: a model's file from a teacher's checkpoint, the renderer and the bank's basis.
//   npx tsx recipes/layers-model.ts --preset pico [--run runs/layers-pico] [--bits 4]
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { DATA } from '../src/data/dataset.ts';
import { readSafetensors, writeSafetensors } from '../src/disk/files.ts';
import { layersPreset } from '../src/models/layers/config.ts';
import { layersSpecs, packLayers } from '../src/models/layers/file.ts';
import type { Basis } from '../src/models/layers/thumbnail.ts';
import { SEAL, sealedWords } from '../src/models/seal.ts';
import { planOf } from '../src/quant/plan.ts';
import { encodeSafetensors } from '../src/tensor/safetensors.ts';
import type { Tensors } from '../src/tensor/tensor.ts';
import { tokenizerFromJSON } from '../src/tokenizer/tokenizer.ts';

const { values } = parseArgs({
  options: {
    preset: { type: 'string', default: 'pico' },
    run: { type: 'string' },
    bits: { type: 'string', default: '4' },
    checkpoint: { type: 'string' },
    out: { type: 'string' },
  },
});
const { preset: name, run = `runs/layers-${name}` } = values;
const config = layersPreset(name);
const { tensors: state, metadata: facts } = await readSafetensors(values.checkpoint ?? join(run, 'teacher-run', 'checkpoint.safetensors'));
const { tensors: renderer } = await readSafetensors(join(run, 'renderer.safetensors'));
const { tensors: bank } = await readSafetensors(join(run, 'bank.safetensors'));
const numbers = (key: string) => bank[key]!.data as Float32Array;
const basis: Basis = {
  channels: config.channels,
  mean: numbers('basis.mean'),
  matrix: numbers('basis.matrix'),
  scale: numbers('basis.scale')[0]!,
};
const specs = layersSpecs(config);
const all: Tensors = { ...renderer, 'transformer.variance': bank.variance! };
const weights = Object.fromEntries([...specs.keys()].map((path) => [path, (all[path] ?? state[`ema/${path}`])!]));
const tokenizer = tokenizerFromJSON(await readFile(join(run, 'tokenizer.json'), 'utf8'), 'tokenizer.json');
const step = Math.round(Number(state.step!.data[0]));
const manifest = {
  name: `${name}-layers`,
  version: '0.1.0',
  preset: name,
  styles: DATA.layers.scope.styles,
  steps: [1, 2, 4],
  licence: 'MIT',
  training: `teacher, ${step} steps in ${Math.round(Number(facts.seconds))} s; drawings of ${DATA.layers.scope.concepts} concepts: Fluent Emoji (MIT), Noto Emoji (Apache-2.0)`,
};
const plan = values.bits === '4' ? planOf(specs) : planOf(specs, 8);
const { tensors, metadata } = packLayers({ config, weights, basis, tokenizer, manifest }, plan);
const hash = createHash('sha256').update(sealedWords(metadata, Object.entries(tensors)));
for (const bytes of encodeSafetensors(tensors).slice(1)) hash.update(bytes);
const out = values.out ?? join(run, `${name}-layers.safetensors`);
await writeSafetensors(out, tensors, { ...metadata, [SEAL]: hash.digest('hex') });
console.error(`${out}: step ${step}`);
