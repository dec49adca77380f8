// A contact sheet of a checkpoint's weights: fixed prompts, first seeds.
//   npx tsx recipes/sheet.ts CHECKPOINT OUT.webp [--run runs/pico] [--steps 4] [--seed 0]
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { encodeImage } from '../src/disk/codec.ts';
import { readSafetensors, writeFileWhole } from '../src/disk/files.ts';
import { labelledSheet } from '../src/disk/sheet.ts';
import { tensorToImage } from '../src/image/image.ts';
import { GRID, layersPreset } from '../src/models/layers/config.ts';
import { partsOf } from '../src/models/layers/layout.ts';
import { numbersOf } from '../src/models/layout.ts';
import { openLayerNetworks } from '../src/models/layers/networks.ts';
import { drawingOf, layersOf } from '../src/models/layers/paint.ts';
import { ortNode } from '../src/runtime/ort-node.ts';
import { consistency, euler } from '../src/sampling/sampler.ts';
import { times } from '../src/sampling/schedule.ts';
import { tokenizerFromJSON } from '../src/tokenizer/tokenizer.ts';
import { storedBasis } from '../src/train/layers/basis.ts';
import { random } from '../src/util/random.ts';
import { averaged } from './stage.ts';

const ALONE =
  `a red apple, flat style|a fox in soft gradient style|a blue car, 3D style|a green key, flat style|a mushroom, shaded cartoon style|a purple hammer, flat style|a mug|an owl, flat style
a yellow umbrella in flat style|a lion, 3D style|a pink heart|a guitar, flat style|een rode vos, platte stijl|a rocket, soft gradient style|a banana|a bicycle, flat style
a blue whale, shaded cartoon style|a house|a cactus, 3D style|an orange balloon, flat style|a turtle, soft gradient style|a black cat, flat style|a pizza, 3D style|a tree
a green fish, flat style|a crown, 3D style|a penguin|een gele ballon|a bell, flat style|a strawberry, 3D style|a purple butterfly, soft gradient style|a camera`.split(
    /[|\n]/,
  );
const SCENES =
  `two red apples, flat style|a cat next to a dog, flat style|a blue car left of a red house, flat style|three stars on a blue background|a fox in the snow|a rocket in space, flat style|a sun above a tree|a green frog below a yellow duck, flat style
four mushrooms in a meadow|a whale under water, flat style|a pear on the left|a camel in the desert, soft gradient style|an owl at night|a key, a bell and a gift, flat style|a purple book beside an orange cup, 3D style|a bus in the city
a pink flower on a white background|two penguins in the snow, 3D style|a yellow banana to the right of a red apple|a horse in a meadow, shaded cartoon style|five blue balloons|a crab on the beach, flat style|a dragon and a castle, soft gradient style|een kat op het gras
a spider at the top|a big elephant, flat style|a small mouse, flat style|a guitar at sunset|a lemon, a cherry and a pear|a green umbrella over a brown bear|an airplane above a house, 3D style|a snowman in winter`.split(
    /[|\n]/,
  );

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    run: { type: 'string', default: 'runs/pico' },
    preset: { type: 'string', default: 'pico' },
    steps: { type: 'string', default: '4' },
    seed: { type: 'string', default: '0' },
    sampler: { type: 'string', default: 'euler' },
  },
});
const config = layersPreset(values.preset);
const [checkpoint, out] = positionals as [string, string];
const { tensors: bank } = await readSafetensors(join(values.run, 'bank.safetensors'));
const { tensors: renderer } = await readSafetensors(join(values.run, 'renderer.safetensors'));
const basis = storedBasis(bank, config.channels);
const networks = openLayerNetworks(await ortNode(), config, {
  ...(await averaged(checkpoint)),
  ...renderer,
  'transformer.variance': bank.variance!,
});
const tokenizer = tokenizerFromJSON(await readFile(join(values.run, 'tokenizer.json'), 'utf8'), 'tokenizer.json');
const images = [];
const labels = [];
for (const [i, [prompt, alone]] of [...ALONE.map((p) => [p, true] as const), ...SCENES.map((p) => [p, false] as const)].entries()) {
  const { ids, count } = tokenizer.encode(prompt, config.text.length);
  const condition = await networks.condition(Array.from(ids).slice(0, count));
  const parts = partsOf(alone ? { objects: 1 } : { objects: condition.objects, canvas: { rows: GRID, columns: GRID } }, config.channels);
  const rng = random(Number(values.seed)).split(i);
  let latent = rng.normals(numbersOf(parts));
  const sampler = values.sampler === 'euler' ? euler : consistency;
  for await (const step of sampler(networks.velocity(condition, parts), latent, times(Number(values.steps)), rng)) latent = step.latent;
  const whole = { x: 0, y: 0, width: 160, height: 160 };
  const picture = await (await drawingOf(networks, layersOf(latent, parts, basis))).render(whole, whole);
  images.push(tensorToImage(picture, { background: alone ? [235, 235, 235] : [255, 255, 255] }));
  labels.push(alone ? prompt : `${condition.objects}: ${prompt}`);
}
await networks.release();
await writeFileWhole(
  out,
  await encodeImage(await labelledSheet(images, labels, { columns: 8, cell: 160, lines: 2 }), out.endsWith('png') ? 'png' : 'webp'),
);
