// A sheet of scenes with reference subjects, in several shapes, that training never saw: a row each with up to three references, the
// picture that the caption came from, and what the teacher or the student draws from caption and references. To look at; the
// house suite (recipe 7) measures. Needs recipe 4 or 5.
//   npx tsx recipes/subjects.ts --preset pico [--part student|teacher] [--steps 4] [--seed 0]
// Writes runs/PRESET/sheets/subjects-PART.png.
import { join } from 'node:path';
import { DATA, sample, type DataPreset } from '../src/data/dataset.ts';
import type { Sample } from '../src/data/sample.ts';
import { renderPool } from '../src/data/render.ts';
import { preset } from '../src/models/banana/config.ts';
import { openNetworks } from '../src/models/banana/networks.ts';
import { openSampler } from '../src/train/sample.ts';
import { ortNode } from '../src/runtime/ort-node.ts';
import { encodeImage } from '../src/disk/codec.ts';
import { readSafetensors, writeFileWhole } from '../src/disk/files.ts';
import { image, imageToTensor, premultipliedToTensor, tensorToImage, WHITE, type Image } from '../src/image/image.ts';
import { labelledSheet } from '../src/disk/sheet.ts';
import { InputError } from '../src/util/errors.ts';
import { DEFAULT_GUIDANCE } from './5-distill.ts';
import { readTokenizer } from '../src/node/models.ts';
import { main } from './recipe.ts';
import { pathsOf, type RecipeOptions } from '../src/train/paths.ts';

const SCENES = 10;
const MOST = 3;
const SIDE = 256;
const GUIDANCE = { student: DEFAULT_GUIDANCE, teacher: 3 } as const;

/** Draws the sheet; returns its path. */
export async function drawSubjects(options: RecipeOptions): Promise<string> {
  const { part = 'student', seed = 0, steps = part === 'teacher' ? 16 : 4, log = () => {} } = options;
  if (part !== 'student' && part !== 'teacher') throw new InputError('recipe.part', `--part ${part}: choose student or teacher`);
  const paths = pathsOf(options);
  const config = preset(options.preset);
  const data = DATA[config.name as DataPreset];
  const weights = { ...(await readSafetensors(paths.autoencoder)).tensors, ...(await readSafetensors(paths[part])).tensors };
  const networks = openNetworks(await ortNode(), config, weights);
  const draw = openSampler(networks, await readTokenizer(pathsOf(options).tokenizer));
  const pool = renderPool();
  const render = async (svg: string, width: number, height: number): Promise<Image | undefined> => {
    const { pixels } = await pool.render({ svg, width, height });
    return pixels && tensorToImage(premultipliedToTensor(width, height, pixels));
  };
  const [images, labels]: [Image[], string[]] = [[], []];
  for (const { caption, subjects, svg, width, height } of scenes(seed, data)) {
    const references = await Promise.all(
      subjects!.map(async ({ slot, referenceSvg }) => ({ slot, image: await render(referenceSvg, SIDE, SIDE) })),
    );
    const truth = await render(svg, width, height);
    const known = references.flatMap(({ slot, image: one }) => (one ? [{ slot, picture: imageToTensor(one) }] : []));
    if (!truth || known.length < references.length) continue; // a drawing that resvg cannot draw
    const pixels = await draw({ prompt: caption, seed, steps, guidance: GUIDANCE[part], kind: part, width, height, references: known });
    const blank = { slot: 0, image: image(SIDE, SIDE) };
    for (const { slot, image: one } of [...references, ...Array<typeof blank>(MOST).fill(blank)].slice(0, MOST)) {
      images.push(one!);
      labels.push(slot > 0 ? `<${slot}>` : '');
    }
    images.push(truth, tensorToImage(pixels, { background: WHITE }));
    labels.push(caption, `${part}, ${steps} steps`);
    log(caption);
  }
  pool.close();
  await networks.release();
  const path = join(paths.run, 'sheets', `subjects-${part}.png`);
  await writeFileWhole(path, await encodeImage(await labelledSheet(images, labels, { columns: MOST + 2, cell: 160, lines: 3 }), 'png'));
  log(path);
  return path;
}

/** Scenes of the test split with one to three subjects, half of them of characters. */
function scenes(seed: number, data: (typeof DATA)[DataPreset]): Sample[] {
  const options = {
    ...data,
    subjects: 1,
    split: 'test',
    mix: { single: 0.25, scene: 0.25, character: data.mix.character > 0 ? 0.5 : 0 },
  } as const;
  const found: Sample[] = [];
  for (let i = 0; found.length < SCENES; i++) {
    const one = sample(seed, i, options);
    if (one.subjects && one.subjects.length <= MOST) found.push(one);
  }
  return found;
}

await main(import.meta.url, drawSubjects);
