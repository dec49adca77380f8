// Recipe 5: a model's file in 4 bits from the student's checkpoint, or where there is none (or with
// `--part teacher`) the teacher's, the renderer and the bank's basis.
//   npx tsx recipes/5-model.ts --preset pico [--run runs/pico] [--part teacher|student] [--without image,references]
// `--without`: what its rooms were to teach and it does not do well enough yet; look at docs/characters.webp first.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { layeredData } from '../src/data/layered.ts';
import { readSafetensors } from '../src/disk/files.ts';
import { layersPreset } from '../src/models/layers/config.ts';
import { layersSpecs, packLayers } from '../src/models/layers/file.ts';
import { saveSealed } from '../src/node/models.ts';
import { planOf } from '../src/quant/plan.ts';
import type { Tensors } from '../src/tensor/tensor.ts';
import { tokenizerFromJSON } from '../src/tokenizer/tokenizer.ts';
import type { RecipeOptions } from '../src/train/paths.ts';
import { storedBasis } from '../src/train/layers/basis.ts';
import { roomAbilities } from '../src/train/layers/rows.ts';
import { averaged } from './stage.ts';
import { main } from './recipe.ts';

/** Writes the model's file of a run; returns its path. `bits`: 4, or 8 for all large matrices. */
export async function makeModel(
  { preset: name, run = `runs/${name}`, part, without = [], log = () => {} }: RecipeOptions,
  bits: 4 | 8 = 4,
): Promise<string> {
  const config = layersPreset(name);
  const checkpoint = (stage: string) => join(run, `${stage}-run`, 'checkpoint.safetensors');
  const stage = part ?? (existsSync(checkpoint('student')) ? 'student' : 'teacher');
  const { tensors: state, metadata: facts } = await readSafetensors(checkpoint(stage));
  const renderer = existsSync(checkpoint('renderer'))
    ? await averaged(checkpoint('renderer'))
    : (await readSafetensors(join(run, 'renderer.safetensors'))).tensors;
  const { tensors: bank } = await readSafetensors(join(run, 'bank.safetensors'));
  const basis = storedBasis(bank, config.channels);
  const specs = layersSpecs(config);
  const all: Tensors = { ...renderer, 'transformer.variance': bank.variance! };
  const weights = Object.fromEntries([...specs.keys()].map((path) => [path, (all[path] ?? state[`ema/${path}`])!]));
  const tokenizer = tokenizerFromJSON(await readFile(join(run, 'tokenizer.json'), 'utf8'), 'tokenizer.json');
  const step = Math.round(Number(state.step!.data[0]));
  const { concepts, styles } = layeredData(name).scope;
  const training = `${stage}, ${step} steps in ${Math.round(Number(facts.seconds))} s; drawings of ${concepts} concepts and figures: Fluent Emoji, BigHeads, React Kawaii (MIT), Noto Emoji (Apache-2.0), Open Peeps (CC0)`;
  const { parts } = JSON.parse(await readFile(join(run, 'teacher', 'plan.json'), 'utf8')) as { parts: { name: string }[] };
  const abilities = roomAbilities(parts.map((room) => room.name)).filter((ability) => !without.includes(ability));
  const said = { name, version: '0.1.0', preset: name, styles, steps: [1, 2, 4], licence: 'MIT', training };
  const manifest = { ...said, abilities };
  const out = join(run, `${name}.safetensors`);
  await saveSealed(out, packLayers({ config, weights, basis, tokenizer, manifest }, bits === 4 ? planOf(specs) : planOf(specs, 8)));
  log(`${out}: ${stage}, step ${step}`);
  return out;
}

await main(import.meta.url, (options) => makeModel(options));
