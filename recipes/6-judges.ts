// Recipe 6: the judges of the house suite, trained on real renders and measured on others (src/eval). A classifier in two
// stages, a detector, a reader of characters; then their accuracy; then one file. Every part is resumable: the same command goes on
// where it was stopped, and a part with more steps than before goes on from what it has.
//   npx tsx recipes/6-judges.ts [--preset NAME] [--run FOLDER] [--only PARTS] [--steps SHARE] [--seconds N] [--renders SHARE] [--threads N]
//                                 [--out FILE] [--report FILE]
//   npx tsx recipes/6-judges.ts --within PRESET --out FILE [--run FOLDER] [--report FILE]
// PARTS: classifier, detector, reader, measure, comma separated; what is left out is taken as it is. --preset: the scope (default
// nano: all concepts, all styles); --steps, --renders: shares of the usual steps, and of the usual renders to measure on; --seconds: at
// most so long a part. Written: FOLDER/judges.safetensors (default runs/judges), --out, a copy, and --report, what was measured as JSON.
// --within: the trained judges in the world of a preset that knows less, where only its concepts and styles can be seen, measured there.
import { realpathSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { describeMachine, provenance } from '../bench/machine.ts';
import { DATA, type DataPreset } from '../src/data/dataset.ts';
import type { Scope } from '../src/data/sprites.ts';
import { classesOf } from '../src/eval/cases.ts';
import { traitClasses } from '../src/eval/judges/characters.ts';
import { measureJudges, type Amounts } from '../src/eval/judges/measure.ts';
import { loadJudges, openJudges, saveJudges, within, type JudgeAccuracy, type JudgesFile } from '../src/eval/judges/judges.ts';
import { trainReader } from '../src/eval/judges/train-characters.ts';
import { trainClassifier, type JudgeTraining } from '../src/eval/judges/train-classifier.ts';
import { trainDetector } from '../src/eval/judges/train-detector.ts';
import { ortNode } from '../src/runtime/ort-node.ts';
import type { Runtime } from '../src/runtime/runtime.ts';
import { readSafetensors, writeFileWhole } from '../src/disk/files.ts';
import type { Tensors } from '../src/tensor/tensor.ts';
import { BananaError, InputError } from '../src/util/errors.ts';

const PARTS = ['classifier', 'detector', 'reader', 'measure'] as const;
type Part = (typeof PARTS)[number];

/** Steps and batches, scenes and figures to draw, renders to measure on. */
const AMOUNTS = {
  tiny: {
    contrast: 60,
    classifier: 40,
    detector: 60,
    reader: 40,
    batch: 32,
    scenes: 100,
    figures: 100,
    measured: { scenes: 40, singles: 60, coloured: 40 },
  },
  full: {
    contrast: 400,
    classifier: 10_500,
    detector: 700,
    reader: 1500,
    batch: 128,
    scenes: 3000,
    figures: 3000,
    measured: { scenes: 400, singles: 1000, coloured: 400 },
  },
} as const;
const RATE = 0.004;

interface Options {
  preset: string;
  run: string;
  parts: readonly Part[];
  share: number;
  renders: number;
  seconds?: number;
  threads: number;
  out?: string;
  report?: string;
  within?: string;
}

const say = (line: string) => process.stderr.write(`${line}\n`);

const scaled = (amounts: Amounts, share: number): Amounts => ({
  scenes: Math.ceil(amounts.scenes * share),
  singles: Math.ceil(amounts.singles * share),
  coloured: Math.ceil(amounts.coloured * share),
});

/** Judges of a run in the world of a smaller preset. */
async function narrow({ run, within: name, out, report, threads, renders }: Options): Promise<void> {
  const data = DATA[name as DataPreset];
  if (!data || out === undefined)
    throw new InputError('judges.within', `--within ${name}: expected one of ${Object.keys(DATA).join(', ')}, and --out FILE`);
  const { concept, style } = classesOf(data);
  const file = within(await loadJudges(join(run, 'judges.safetensors')), concept, style);
  await measured(file, data.scope, scaled(AMOUNTS.full.measured, renders), [out], report, await ortNode({ threads, spinning: false }));
}

/** Measures judges, and writes them with what was measured; that alone to `report`. */
async function measured(
  file: Omit<JudgesFile, 'accuracy'>,
  scope: Scope,
  amounts: Amounts,
  paths: readonly string[],
  report: string | undefined,
  runtime: Runtime,
): Promise<JudgeAccuracy> {
  const opened = await openJudges(runtime, { ...file, accuracy: undefined as never });
  const made = { ...provenance('npx tsx recipes/6-judges.ts'), machine: describeMachine() };
  const accuracy = await measureJudges(opened, scope, amounts, say);
  await opened.release();
  for (const path of paths) {
    await saveJudges(path, { ...file, accuracy });
    say(`written: ${path}`);
  }
  if (report !== undefined) {
    const { concept, style, background, drawings } = file.classes;
    const known = { concepts: concept.length, styles: style.length, backgrounds: background.length, drawings: drawings.length };
    await writeFileWhole(report, `${JSON.stringify({ ...made, known, training: file.training, accuracy }, null, 2)}\n`);
    say(`written: ${report}`);
  }
  return accuracy;
}

export async function judges({
  preset: name,
  run,
  parts,
  share,
  renders,
  seconds,
  threads,
  out,
  report,
}: Options): Promise<JudgeAccuracy | undefined> {
  const data = DATA[name as DataPreset];
  if (!data) throw new InputError('judges.preset', `--preset ${name}: choose from ${Object.keys(DATA).join(', ')}`);
  const amounts = name === 'tiny' ? AMOUNTS.tiny : AMOUNTS.full;
  await mkdir(run, { recursive: true });
  const runtime = await ortNode({ threads, spinning: false });
  const { concept, labels, style, background } = classesOf(data);
  const attributes = traitClasses();
  const training = (part: 'classifier' | 'detector' | 'reader', seed: number, batch: number): JudgeTraining => ({
    runtime,
    seed,
    batch,
    rate: RATE,
    log: say,
    logFile: join(run, `${part}.jsonl`),
    checkpoint: join(run, `${part}.state.safetensors`),
    // A part that is left out has no steps to go: its weights are read, or are those that it begins with.
    steps: parts.includes(part) ? Math.round(amounts[part] * share) : 0,
    ...(seconds !== undefined && { seconds }),
  });
  const contrast = {
    steps: parts.includes('classifier') ? Math.round(amounts.contrast * share) : 0,
    ...(seconds !== undefined && { seconds }),
  };
  const { weights, drawings } = await trainClassifier(data.scope, contrast, training('classifier', 910_001, amounts.batch));
  const found: Tensors[] = [
    weights,
    await trainDetector({ scope: data.scope }, background, amounts.scenes, training('detector', 910_002, 32)),
    await trainReader(attributes, amounts.figures, training('reader', 910_003, 64)),
  ];
  const done = async (state: string) => (await readSafetensors(join(run, state))).tensors.step!.data[0] as number;
  const file: Omit<JudgesFile, 'accuracy'> = {
    classes: { concept, labels, style, background, attributes, drawings },
    weights: Object.assign({}, ...found) as Tensors,
    training: {
      classifier: `${drawings.length} drawings, ${await done('classifier-contrast.safetensors')} and ${await done('classifier.state.safetensors')} steps of ${amounts.batch} crops`,
      detector: `${amounts.scenes} scenes, ${await done('detector.state.safetensors')} steps of 32`,
      reader: `${amounts.figures} figures, ${await done('reader.state.safetensors')} steps of 64`,
    },
  };
  if (!parts.includes('measure')) return undefined;
  return measured(
    file,
    data.scope,
    scaled(amounts.measured, renders),
    [join(run, 'judges.safetensors'), ...(out === undefined ? [] : [out])],
    report,
    runtime,
  );
}

function parse(): Options {
  const text = { type: 'string' } as const;
  const { values: v } = parseArgs({
    options: {
      preset: text,
      run: text,
      only: text,
      steps: text,
      seconds: text,
      threads: text,
      out: text,
      within: text,
      renders: text,
      report: text,
    },
  });
  const number = (key: 'steps' | 'seconds' | 'threads' | 'renders', otherwise: number) => {
    const given = v[key] === undefined ? otherwise : Number(v[key]);
    if (!(given > 0)) throw new InputError('judges.option', `--${key} ${v[key]}: expected a number above 0`);
    return given;
  };
  const parts = (v.only?.split(',') ?? PARTS) as readonly Part[];
  for (const p of parts) if (!PARTS.includes(p)) throw new InputError('judges.part', `--only ${p}: choose from ${PARTS.join(', ')}`);
  const name = v.preset ?? 'nano';
  return {
    preset: name,
    parts,
    run: v.run ?? (v.preset === undefined ? 'runs/judges' : `runs/${name}`),
    share: number('steps', 1),
    renders: number('renders', 1),
    threads: number('threads', 1),
    ...(v.seconds !== undefined && { seconds: number('seconds', Infinity) }),
    ...(v.out !== undefined && { out: v.out }),
    ...(v.report !== undefined && { report: v.report }),
    ...(v.within !== undefined && { within: v.within }),
  };
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    const options = parse();
    await (options.within === undefined ? judges(options) : narrow(options));
  } catch (error) {
    console.error(error instanceof BananaError || (error instanceof Error && 'code' in error) ? `judges: ${error.message}` : error);
    process.exitCode = 1;
  }
}
