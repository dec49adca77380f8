// How near a model's drawings are to those that it was trained on: the nearest drawing of the bank to each, and how near.
//   npx tsx recipes/near.ts --preset pico --from MODEL [--run runs/pico] [--seed 0]
// Prompts are the house suite's, seen and held-out combinations; the first object of each picture is compared as a thumbnail.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { layeredData } from '../src/data/layered.ts';
import { readSafetensors } from '../src/disk/files.ts';
import { conceptCases, SETS } from '../src/eval/cases.ts';
import { GRID } from '../src/models/layers/config.ts';
import { storedLayers, type LayersModel } from '../src/models/layers/file.ts';
import { partsOf } from '../src/models/layers/layout.ts';
import { openLayerNetworks, type LayerNetworks } from '../src/models/layers/networks.ts';
import { layersOf } from '../src/models/layers/paint.ts';

import { numbersOf } from '../src/models/layout.ts';
import { openModelFiles } from '../src/node/model-files.ts';
import { ortNode } from '../src/runtime/ort-node.ts';
import { consistency } from '../src/sampling/sampler.ts';
import { times } from '../src/sampling/schedule.ts';
import { bytesOf } from '../src/train/layers/remade.ts';
import type { RecipeOptions } from '../src/train/paths.ts';
import { InputError } from '../src/util/errors.ts';
import { random, type Random } from '../src/util/random.ts';
import { main } from './recipe.ts';

/** Prompts of a set. */
const PROMPTS = 60;
/** From here on, in dB, two thumbnails are told apart by looking closely only. */
const COPY = 25;

/** The thumbnail of the first object that a prompt is drawn with. */
async function firstObject(networks: LayerNetworks, model: LayersModel, prompt: string, rng: Random): Promise<Uint8Array> {
  const { ids, count } = model.tokenizer.encode(prompt, model.config.text.length);
  const condition = await networks.condition([...ids.subarray(0, count)]);
  const parts = partsOf({ objects: condition.objects, canvas: { rows: GRID, columns: GRID } }, model.config.channels);
  let latent = rng.normals(numbersOf(parts));
  const steps = Math.max(...model.manifest.steps);
  for await (const step of consistency(networks.velocity(condition, parts), latent, times(steps), rng)) latent = step.latent;
  return bytesOf(Float32Array.from(layersOf(latent, parts, model.basis).find(({ slot }) => slot === 1)!.pixels));
}

/** The nearest of a table's thumbnails, and how near it is in dB. */
function nearest(one: Uint8Array, table: Uint8Array): { row: number; psnr: number } {
  let best = { row: -1, sum: Infinity };
  for (let row = 0; row * one.length < table.length; row++) {
    let sum = 0;
    for (let i = 0, at = row * one.length; i < one.length && sum < best.sum; i++) sum += (one[i]! - table[at + i]!) ** 2;
    if (sum < best.sum) best = { row, sum };
  }
  return { row: best.row, psnr: 10 * Math.log10(255 ** 2 / (best.sum / one.length)) };
}

const quantile = (values: readonly number[], q: number) => values.toSorted((a, b) => a - b)[Math.floor(q * (values.length - 1))]!;

/** Prints, set by set, how near the drawings are. */
export async function measureNearness({ preset: name, run = `runs/${name}`, from, seed = 0, log = () => {} }: RecipeOptions) {
  if (from === undefined) throw new InputError('recipe.option', '--from is missing: the file of the model that is to be looked at');
  const files = await openModelFiles(from);
  const model = storedLayers(files, from);
  const { config, weights, plan, blocks } = model;
  const networks = openLayerNetworks(await ortNode(), config, weights, { precision: 'int4', plan, blocks });
  const { tensors } = await readSafetensors(join(run, 'bank.safetensors'));
  const table = tensors['drawings.pixels']!.data as Uint8Array;
  const { drawings } = JSON.parse(await readFile(join(run, 'bank.json'), 'utf8')) as { drawings: string[] };
  for (const set of SETS.slice(0, 2)) {
    const found: { psnr: number; asked: boolean }[] = [];
    for (const [i, { caption, truth }] of conceptCases(layeredData(name), set, PROMPTS, seed).entries()) {
      const near = nearest(await firstObject(networks, model, caption, random(seed).split(i)), table);
      found.push({ psnr: near.psnr, asked: drawings[near.row]!.startsWith(`${truth.concept} `) });
    }
    const psnr = found.map((one) => one.psnr);
    const share = (fits: (one: (typeof found)[number]) => boolean) => `${Math.round((100 * found.filter(fits).length) / found.length)} %`;
    log(
      `${set.name}: ${found.length} prompts; the nearest training drawing is at ${quantile(psnr, 0.5).toFixed(1)} dB (median; ` +
        `a tenth above ${quantile(psnr, 0.9).toFixed(1)}), of the concept asked for in ${share((one) => one.asked)}, ` +
        `at ${COPY} dB or more in ${share((one) => one.psnr >= COPY)}`,
    );
  }
  await networks.release();
  files.close();
}

await main(import.meta.url, measureNearness);
