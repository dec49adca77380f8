// The house suite on a layered model: house GenEval, concept and style of single things, and identity of subjects, in the world that it
// was trained in.
//   npx tsx recipes/layers-evaluate.ts --model FILE [--judges models/judges.safetensors] [--prompts 8,6,3,3,0] [--cases 30] [--pictures 4] [--scenes 0] [--free] [--steps N] [--json FILE]
// Prompts a task for each of SETS, in their order; scenes of each number of subjects. What the judges saw is kept in RUN/evaluation/sights.jsonl.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { describeMachine, machineLine } from '../bench/machine.ts';
import { DATA } from '../src/data/dataset.ts';
import { renderPool } from '../src/data/render.ts';
import type { DataOptions } from '../src/data/sample.ts';
import { readFileWhole, writeFileWhole } from '../src/disk/files.ts';
import { FIGURE_STYLES } from '../src/data/figures.ts';
import { conceptCases, SETS } from '../src/eval/cases.ts';
import { measureConcepts } from '../src/eval/concepts.ts';
import { measureFree } from '../src/eval/free-sentences.ts';
import { measureGenEval, promptsOf, TASK_NAMES } from '../src/eval/geneval.ts';
import { measureIdentity, subjectScenes } from '../src/eval/identity.ts';
import { loadJudges, openJudges } from '../src/eval/judges/judges.ts';
import { openLedger } from '../src/eval/ledger.ts';
import type { Box } from '../src/eval/rule.ts';
import type { Draw, Suite, Variant } from '../src/eval/suite.ts';
import { imageToTensor, tensorToImage } from '../src/image/image.ts';
import { loadPipeline } from '../src/node/load.ts';
import type { Tensor } from '../src/tensor/tensor.ts';
import { ortNode } from '../src/runtime/ort-node.ts';

const SEED = 920_000;
const SIDE = 256;
const text = (value: string) => ({ type: 'string', default: value }) as const;
const { values } = parseArgs({
  options: {
    model: { type: 'string' },
    judges: text('models/judges.safetensors'),
    prompts: text('8,6,3,3,0'),
    cases: text('30'),
    pictures: text('4'),
    scenes: text('0'),
    free: { type: 'boolean' },
    steps: { type: 'string' },
    run: text('runs/layers-pico'),
    json: { type: 'string' },
  },
});
const started = performance.now();
const pipeline = await loadPipeline({ model: values.model! });
const { hash } = pipeline.model;
const steps = values.steps === undefined ? pipeline.model.defaultSteps : Number(values.steps);
/** A picture, and the boxes of its objects where `layers` are asked for. */
async function drawn(layers: boolean, ...[prompt, seed, more = {}]: Parameters<Draw>): Promise<{ picture: Tensor; boxes: Box[] }> {
  const { width = SIDE, height = SIDE, references = [] } = more;
  const drawing = pipeline.generate({
    prompt,
    seed,
    steps,
    width,
    height,
    preview: 0,
    layers,
    ...(references.length > 0 && { references: references.map(({ slot, picture }) => ({ slot, image: tensorToImage(picture) })) }),
    ...(prompt.includes('transparent') && { background: 'transparent' as const }),
  });
  for await (const event of drawing)
    if (event.type === 'image')
      return {
        picture: imageToTensor(event.image),
        boxes: (event.layers ?? []).filter(({ slot }) => slot > 0).map(({ box }): Box => box),
      };
  throw new Error('no picture came');
}
const main: Variant = {
  name: `${steps} steps`,
  key: { model: hash, steps, side: SIDE },
  draw: async (...asked) => (await drawn(false, ...asked)).picture,
  place: (...asked) => drawn(true, ...asked),
};
const data = DATA.layers;
// one to four figures in a square, five in a wide picture
const figures: DataOptions = { ...data, aspects: [...data.aspects, [448, 256, 1]] };
const pool = renderPool({ processes: 1 });
const runtime = await ortNode({ spinning: false });
const judges = await openJudges(runtime, await loadJudges(values.judges));
const judgesHash = createHash('sha256')
  .update(await readFileWhole(values.judges))
  .digest('hex')
  .slice(0, 16);
const progress = (part: string, done: number, total: number) =>
  void (done % 20 === 0 && process.stderr.write(`${part} ${done}/${total}\n`));
const suite: Suite = {
  judges,
  judgesKey: { judges: judgesHash },
  pool,
  side: SIDE,
  ledger: openLedger(join(values.run, 'evaluation', 'sights.jsonl')),
  progress,
};
try {
  const counts = values.prompts.split(',').map(Number);
  const prompts = SETS.flatMap((set, i) => TASK_NAMES.flatMap((task) => promptsOf(data, task, set, counts[i] ?? 0, SEED)));
  const geneval = prompts.length > 0 ? (await measureGenEval(suite, main, prompts, Number(values.pictures))).result : undefined;
  const cases = SETS.flatMap((set) => conceptCases(data, set, Number(values.cases), SEED));
  const concepts = cases.length > 0 ? (await measureConcepts(suite, main, cases)).result : undefined;
  const scenes = subjectScenes(figures, Number(values.scenes), SEED, FIGURE_STYLES);
  const identity = scenes.length > 0 ? (await measureIdentity(suite, main, scenes, figures, SEED)).result : undefined;
  const free = values.free ? await measureFree(suite, main, data) : undefined;
  const found = {
    model: pipeline.model.name,
    hash,
    steps,
    side: SIDE,
    judges: judgesHash,
    machine: machineLine(describeMachine()),
    seconds: Math.round((performance.now() - started) / 1000),
    geneval,
    concepts,
    identity,
    free,
  };
  const page = `${JSON.stringify(found, (_, v: unknown) => (typeof v === 'number' ? Number(v.toPrecision(4)) : v), 1)}\n`;
  process.stdout.write(page);
  if (values.json) await writeFileWhole(values.json, page);
} finally {
  pool.close();
  await pipeline.release();
}
