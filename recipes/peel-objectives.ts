// Which objective a Peel is trained with, by measurement: the same pictures, seed and effort for each, nothing held out (the
// held-out loss would favour what it resembles), and how near what is drawn then comes to the pictures, in 1 and 4 steps:
// a Peel must leave the student few-step. On an idle machine give seconds; where others work, steps: each objective then gets as many
// as cost the same, by the time of a step that was measured side by side.
// The pictures are in runs/peels/objectives.
//   npx tsx recipes/peel-objectives.ts [--set outline] [--seconds 120 | --steps 300] [--rate 0.002] [--only image,velocity] [--model FILE] [--threads 1]
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { NO_PEELS, type PeelStack } from '../src/adapters/stack.ts';
import { openTrainable, trainPeel } from '../src/node/index.ts';
import { loadPainter } from '../src/node/load.ts';
import { familyOf } from '../src/train/peel/families.ts';
import { encodeImage } from '../src/disk/codec.ts';
import { writeFileWhole } from '../src/disk/files.ts';
import type { Image } from '../src/image/image.ts';
import { labelledSheet } from '../src/disk/sheet.ts';
import type { Objective } from '../src/train/peel/program.ts';
import { readPictures } from '../src/disk/pictures.ts';
import { InputError } from '../src/util/errors.ts';
import { OTHERS } from '../src/eval/peels/effect.ts';
import { distancesTo, drawing, featuresOf, stackOf, type Features } from '../src/eval/peels/scores.ts';
import { PEEL_SETS, writePeelSet } from './peel-sets.ts';

/** Time of a step, image = 1: three trainings at once on one machine, one thread each, 420 seconds. */
const COST: Readonly<Record<Objective, number>> = { image: 1, consistency: 1.29, velocity: 1.04 };

/** Steps of the student that is to stay few-step. */
const FEW = [1, 4] as const;

const text = { type: 'string' } as const;
const { values } = parseArgs({
  options: {
    set: { ...text, default: 'outline' },
    seconds: text,
    steps: text,
    rate: text,
    only: text,
    model: text,
    threads: { ...text, default: '1' },
  },
});
const set = PEEL_SETS.find(({ name }) => name === values.set);
if (!set) throw new InputError('peels.option', `--set ${values.set}: expected one of ${PEEL_SETS.map((s) => s.name).join(', ')}`);
const folder = await mkdtemp(join(tmpdir(), 'banana-objectives-')); // of its own: objectives may be measured side by side
await writePeelSet(set, folder);
const pictures = await readPictures(folder);
await rm(folder, { recursive: true });
const { model, base, close } = await openTrainable(values.model);
const { painter, runtime } = await loadPainter({ model: values.model, threads: Number(values.threads), precision: 'float32' });
const truth = pictures.map((p) => featuresOf(p.image));
const prompts = [...pictures.filter((_, i) => i % 5 === 0).map((p) => p.caption), ...OTHERS.slice(0, 6)];
/** Pictures of every prompt, seen. */
const drawn = async (steps: number, stack: PeelStack) => {
  const draw = drawing(painter, { steps });
  const images = [];
  for (const [seed, prompt] of prompts.entries()) images.push(await draw(prompt, seed, stack));
  return { images, seen: images.map(featuresOf) };
};
const plain = new Map<number, Features[]>();
for (const steps of FEW) plain.set(steps, (await drawn(steps, NO_PEELS)).seen);

for (const objective of familyOf(model).objectives.filter((one) => !values.only || values.only.split(',').includes(one))) {
  const amount = values.steps ? { steps: Math.round(Number(values.steps) / COST[objective]) } : { seconds: Number(values.seconds ?? 120) };
  const rate = values.rate ? { rate: Number(values.rate) } : {};
  const training = trainPeel(
    { model, base, runtime, pictures },
    { name: set.name, objective, samples: false, heldOut: false, ...rate, ...amount },
  );
  let made = await training.next();
  while (!made.done) made = await training.next();
  const { info, tensors, steps } = made.value;
  const stack = stackOf([{ info, hash: '', tensors }]);
  const [row, sheet]: [string[], Image[]] = [[], []];
  for (const few of FEW) {
    const { images, seen } = await drawn(few, stack);
    sheet.push(...images);
    const d = distancesTo(truth, plain.get(few)!, { plain: plain.get(few)!, peel: seen });
    row.push(`${few} step${few > 1 ? 's' : ''} ${d.plain.toFixed(3)} -> ${d.peel.toFixed(3)}`);
  }
  await writeFileWhole(
    `runs/peels/objectives/${set.name}-${objective}.png`,
    await encodeImage(
      await labelledSheet(
        sheet,
        FEW.flatMap(() => prompts),
        { columns: prompts.length, cell: 96 },
      ),
      'png',
    ),
  );
  console.log(`${objective}: ${steps} steps; ${row.join('; ')}`);
}
await painter.release();
close();
