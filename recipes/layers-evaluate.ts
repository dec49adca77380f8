// The house suite on a layered model: house GenEval, and concept and style of single things, in the world that it was trained in.
//   npx tsx recipes/layers-evaluate.ts --model FILE [--judges models/judges.safetensors] [--prompts 8,6,3,3,0] [--cases 30] [--pictures 4] [--steps N] [--json FILE]
// Prompts a task for each of SETS, in their order. What the judges saw is kept in RUN/evaluation/sights.jsonl.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { describeMachine, machineLine } from '../bench/machine.ts';
import { DATA } from '../src/data/dataset.ts';
import { renderPool } from '../src/data/render.ts';
import { readFileWhole, writeFileWhole } from '../src/disk/files.ts';
import { conceptCases, SETS } from '../src/eval/cases.ts';
import { measureConcepts } from '../src/eval/concepts.ts';
import { measureGenEval, promptsOf, TASK_NAMES } from '../src/eval/geneval.ts';
import { loadJudges, openJudges } from '../src/eval/judges/judges.ts';
import { openLedger } from '../src/eval/ledger.ts';
import type { Suite, Variant } from '../src/eval/suite.ts';
import { imageToTensor } from '../src/image/image.ts';
import { loadPipeline } from '../src/node/load.ts';
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
    steps: { type: 'string' },
    run: text('runs/layers-pico'),
    json: { type: 'string' },
  },
});
const started = performance.now();
const pipeline = await loadPipeline({ model: values.model! });
const { hash } = pipeline.model;
const steps = values.steps === undefined ? pipeline.model.defaultSteps : Number(values.steps);
const main: Variant = {
  name: `${steps} steps`,
  key: { model: hash, steps, side: SIDE },
  async draw(prompt, seed, { width = SIDE, height = SIDE } = {}) {
    for await (const event of pipeline.generate({
      prompt,
      seed,
      steps,
      width,
      height,
      preview: 0,
      ...(prompt.includes('transparent') && { background: 'transparent' as const }),
    }))
      if (event.type === 'image') return imageToTensor(event.image);
    throw new Error('no picture came');
  },
};
const data = DATA.layers;
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
  };
  const page = `${JSON.stringify(found, (_, v: unknown) => (typeof v === 'number' ? Number(v.toPrecision(4)) : v), 1)}\n`;
  process.stdout.write(page);
  if (values.json) await writeFileWhole(values.json, page);
} finally {
  pool.close();
  await pipeline.release();
}
