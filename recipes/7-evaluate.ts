// Recipe 7: the evaluation, the house suite. House GenEval; concept, style and background of single things; subjects from reference
// pictures; the autoencoder at 512 px and at 4K against the SVGs; fewer steps and fewer bits. One page, one JSON file, one sheet of the
// worst pictures. Everything that the judges saw is kept in RUN/evaluation/*.jsonl, so that a second run goes on where one was stopped.
//   npm run evaluate -- [--quick|--full] [--preset NAME] [--model FILE] [--json FILE] [--out FOLDER] [--only PARTS] [--run FOLDER]
//                       [--steps N] [--guidance X] [--precision NAME] [--teacher STEPS] [--judges FILE]
// PARTS: geneval, concepts, identity, autoencoder, steps, comma separated. --precision: float32, int8 or int4 products (default: as the SDK
// draws). The judges are RUN/judges.safetensors, models/PRESET-judges.safetensors, or those of everything that recipe 7-judges trains
// (runs/judges/judges.safetensors, models/judges.safetensors). Without --model it takes models/PRESET.safetensors, else the run's model,
// else what the run has so far. --out takes evaluate.md, evaluate.json and worst.webp (default RUN/evaluation; docs/results to publish).
import { createHash } from 'node:crypto';
import { existsSync, realpathSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { describeMachine, machineLine, provenance } from '../bench/machine.ts';
import { DATA, type DataPreset } from '../src/data/dataset.ts';
import type { DataOptions } from '../src/data/sample.ts';
import { renderPool, type RenderPool } from '../src/data/render.ts';
import { classesOf, conceptCases, SETS } from '../src/eval/cases.ts';
import { measureConcepts } from '../src/eval/concepts.ts';
import { measureGenEval, promptsOf, TASK_NAMES, type Prompt } from '../src/eval/geneval.ts';
import { measureIdentity, subjectScenes } from '../src/eval/identity.ts';
import { openLedger } from '../src/eval/ledger.ts';
import { loadJudges, openJudges, type Judges } from '../src/eval/judges/judges.ts';
import { measureReconstruction } from '../src/eval/reconstruction.ts';
import { markdown, type Evaluation } from '../src/eval/report.ts';
import { measureSteps } from '../src/eval/steps.ts';
import { renderOf, worstOf, type Miss, type Suite, type Variant } from '../src/eval/suite.ts';
import { ENCODER_PIXELS, preset } from '../src/models/banana/config.ts';
import type { Runtime } from '../src/runtime/runtime.ts';
import { ortNode } from '../src/runtime/ort-node.ts';
import { encodeImage } from '../src/disk/codec.ts';
import { readFileWhole, writeFileWhole } from '../src/disk/files.ts';
import { tensorToImage, type Color, type Image } from '../src/image/image.ts';
import { labelledSheet } from '../src/disk/sheet.ts';
import { PRECISIONS, type Precision } from '../src/quant/names.ts';
import { fastestPrecision } from '../src/quant/precision.ts';
import { BananaError, InputError } from '../src/util/errors.ts';
import { openEvaluated, waysOf, type Evaluated, type Ways } from '../src/eval/ways.ts';
import { judgesOf, pathsOf } from '../src/train/paths.ts';

const PARTS = ['geneval', 'concepts', 'identity', 'autoencoder', 'steps'] as const;
type Part = (typeof PARTS)[number];
/** Side in pixels of the pictures that are judged. */
const SIDE = 256;
/** Behind what is transparent, on the sheet. */
const PALE: Color = [225, 225, 235];
const SEED = 920_000;
/** Pictures of each prompt, as GenEval has it. */
const PICTURES = 4;
const WORST = 24;

/** How much of each part. */
export interface Amounts {
  /** House GenEval: prompts a task, for each of SETS. */
  readonly prompts: readonly number[];
  /** Single things, for each of SETS. */
  readonly cases: number;
  /** Scenes for each number of subjects. */
  readonly scenes: number;
  /** Of the autoencoder: scenes, and pieces of pictures of each size. */
  readonly reconstructed: number;
  readonly pieces: number;
  readonly sizes: readonly number[];
  /** Prompts a task that every number of steps and bits draws. */
  readonly lite: number;
}

const AMOUNTS = {
  quick: { prompts: [8, 6, 3, 3, 0], cases: 30, scenes: 8, reconstructed: 12, pieces: 6, sizes: [4096], lite: 6 },
  full: { prompts: [60, 60, 30, 30, 30], cases: 300, scenes: 40, reconstructed: 100, pieces: 40, sizes: [2048, 4096], lite: 40 },
} as const satisfies Record<string, Amounts>;
/** Steps of the teacher where nothing is said. */
const TEACHER = { quick: 16, full: 50 } as const;

export interface Options {
  preset: string;
  mode: keyof typeof AMOUNTS;
  amounts: Amounts;
  parts: readonly Part[];
  run: string;
  out: string;
  json?: string;
  model?: string;
  steps?: number;
  guidance?: number;
  precision?: Precision;
  teacher: number;
  judges?: string;
}

/** What every part works with. */
interface Work {
  readonly options: Options;
  readonly data: DataOptions;
  readonly subject: Evaluated;
  readonly runtime: Runtime;
  readonly pool: RenderPool;
  readonly ways: Ways;
  /** The way in which pictures are drawn where nothing else is said. */
  readonly main?: Variant;
  /** Undefined where there are no judges. */
  readonly suite?: Suite;
  readonly progress: Suite['progress'];
  readonly misses: Miss[];
}

const say = (line: string) => process.stderr.write(`${line}\n`);

/** One line that is written again and again; on its own lines, and seldom, where nobody looks. */
function progressLine(stopped: () => boolean): Suite['progress'] {
  let [part, began, last] = ['', 0, 0];
  return (name, done, total) => {
    if (stopped()) throw new InputError('evaluate.stopped', 'stopped; what was judged is kept: the same command goes on from here');
    const now = performance.now();
    if (name !== part) [part, began, last] = [name, now, 0];
    const terminal = process.stderr.isTTY === true;
    if (now - last < (terminal ? 100 : 10_000) && done < total) return;
    last = now;
    const seconds = (now - began) / 1000;
    const line = `${name} ${done}/${total}  ${seconds.toFixed(0)} s, ${((seconds / done) * (total - done)).toFixed(0)} s to go`;
    process.stderr.write(terminal ? `\r${line}\x1b[K${done === total ? '\n' : ''}` : `${line}\n`);
  };
}

/** House GenEval's prompts: `counts` a task for each set. */
function genevalPrompts(data: DataOptions, counts: readonly number[]): Prompt[] {
  return SETS.flatMap((set, i) => TASK_NAMES.flatMap((task) => promptsOf(data, task, set, counts[i]!, SEED)));
}

type Drawing = Work & { readonly main: Variant; readonly suite: Suite };

/** The parts that look at drawn pictures. */
const DRAWN: Readonly<Record<Exclude<Part, 'autoencoder'>, (work: Drawing) => Promise<Partial<Evaluation>>>> = {
  async geneval({ suite, main, data, options, misses }) {
    const found = await measureGenEval(suite, main, genevalPrompts(data, options.amounts.prompts), PICTURES);
    misses.push(...found.misses);
    return { geneval: found.result, pictures: PICTURES };
  },
  async concepts({ suite, main, data, options, misses }) {
    const cases = SETS.flatMap((set) => conceptCases(data, set, options.amounts.cases, SEED));
    const found = await measureConcepts(suite, main, cases);
    misses.push(...found.misses);
    return { concepts: found.result };
  },
  async identity({ suite, main, data, subject, options, misses }) {
    if (!subject.references) return { notes: ['identity: the model was not trained with references'] };
    const found = await measureIdentity(suite, main, subjectScenes(data, options.amounts.scenes, SEED), data, SEED);
    misses.push(...found.misses);
    return { identity: found.result };
  },
  async steps({ suite, main, ways, data, options }) {
    const { lite } = options.amounts;
    const taught = await ways.teacher(options.teacher);
    const variants = [
      ...(taught ? [taught] : []),
      ...[1, 2, 4].map((steps) => ways.student({ steps })),
      ...PRECISIONS.filter((p) => p !== ways.precision).map((precision) => ways.student({ precision })),
    ];
    const stepsAndBits = await measureSteps(suite, main, variants, genevalPrompts(data, [lite, 0, 0, 0, 0]), PICTURES);
    return { stepsAndBits, ...(!taught && { notes: [`teacher: ${options.run} holds none of this model`] }) };
  },
};

async function autoencoder({ subject, ways, data, pool, options, progress }: Work): Promise<Partial<Evaluation>> {
  const { reconstructed: scenes, pieces, sizes } = options.amounts;
  const networks = ways.networks();
  const encode = async (picture: Parameters<typeof networks.encode>[0]) => {
    const features = await networks.features(await networks.encode(picture));
    return (tile: Parameters<typeof networks.render>[1], size: { width: number; height: number }) => networks.render(features, tile, size);
  };
  const side = (512 / subject.config.latentPixels) * ENCODER_PIXELS;
  const ledger = openLedger(join(options.run, 'evaluation', 'autoencoder.jsonl'));
  const key = { model: subject.hash, precision: ways.precision };
  return {
    autoencoder: await measureReconstruction({ data, pool, ledger, key, side, encode, scenes, pieces, sizes, seed: SEED, progress }),
  };
}

/** The judges: given, the run's, shipped for the preset, or those of everything. Throws InputError where they do not know the preset's world. */
async function findJudges({ preset: name, run, judges }: Options, runtime: Runtime): Promise<{ judges: Judges; hash: string } | undefined> {
  const places = [...judgesOf(name, run), 'runs/judges/judges.safetensors', 'models/judges.safetensors'];
  const path = judges ?? places.find(existsSync);
  if (path === undefined) return undefined;
  const file = await loadJudges(path);
  const { concept, style } = classesOf(DATA[name as DataPreset]);
  const unknown = [...concept.filter((c) => !file.classes.concept.includes(c)), ...style.filter((s) => !file.classes.style.includes(s))];
  if (unknown.length > 0)
    throw new InputError(
      'evaluate.judges',
      `${path}: these judges do not know ${unknown.length} concepts or styles of preset ${name} (${unknown.slice(0, 3).join(', ')}): give others with --judges FILE`,
    );
  const hash = createHash('sha256')
    .update(await readFileWhole(path))
    .digest('hex')
    .slice(0, 16);
  return { judges: await openJudges(runtime, file), hash };
}

/** The worst pictures, each beside the real render of its prompt. */
async function worstSheet(worst: readonly Miss[], { suite, main }: Drawing): Promise<Uint8Array> {
  const [images, labels]: [Image[], string[]] = [[], []];
  for (const { caption, seed, svg, why, references = [], ...size } of worst) {
    const truth = await renderOf(suite, svg, size);
    const known = await Promise.all(references.map(async ({ slot, svg: own }) => ({ slot, picture: await renderOf(suite, own) })));
    const given = known.flatMap(({ slot, picture }) => (picture ? [{ slot, picture }] : []));
    if (!truth || given.length < known.length) continue;
    images.push(
      tensorToImage(await main.draw(caption, seed, { references: given, ...size }), { background: PALE }),
      tensorToImage(truth, { background: PALE }),
    );
    labels.push(caption, `a real render; drawn: ${why}`);
  }
  return encodeImage(await labelledSheet(images, labels, { columns: 8, cell: 160, lines: 3 }), 'webp');
}

/** Evaluates; writes page, JSON and sheet into `out`. */
export async function evaluate(options: Options, stopped: () => boolean = () => false): Promise<Evaluation> {
  const started = performance.now();
  const subject = await openEvaluated(options);
  const { hash, config, guidance } = subject;
  const runtime = await ortNode({ spinning: false }); // several sessions are live at once
  const precision = options.precision ?? (await fastestPrecision(runtime, subject.plan)); // as the SDK draws
  const ways = waysOf(subject, runtime, {
    side: SIDE,
    precision,
    ...(options.steps !== undefined && { steps: options.steps }),
    ...(options.guidance !== undefined && { guidance: options.guidance }),
    run: options.run,
    preset: options.preset,
  });
  const pool = renderPool({ processes: 2 });
  const progress = progressLine(stopped);
  const [misses, notes]: [Miss[], string[]] = [[], []];
  let result: Partial<Evaluation> = {};
  let sheet: Uint8Array | undefined;
  try {
    const found = options.parts.some((p) => p !== 'autoencoder') ? await findJudges(options, runtime) : undefined;
    const ledger = openLedger(join(options.run, 'evaluation', 'sights.jsonl'));
    const suite: Suite | undefined = found && {
      judges: found.judges,
      judgesKey: { judges: found.hash },
      pool,
      side: SIDE,
      ledger,
      progress,
    };
    const main = guidance === undefined ? undefined : ways.student({});
    const work: Work = {
      options,
      data: DATA[config.name as DataPreset],
      subject,
      runtime,
      pool,
      ways,
      progress,
      misses,
      ...(main && { main }),
      ...(suite && { suite }),
    };
    if (found) {
      const { accuracy, training, classes } = found.judges;
      result = {
        judges: {
          hash: found.hash,
          accuracy,
          training,
          concepts: classes.concept.length,
          styles: classes.style.length,
          backgrounds: classes.background.length,
        },
      };
    }
    for (const part of options.parts) {
      if (part === 'autoencoder') result = { ...result, ...(await autoencoder(work)) };
      else if (!suite || !main)
        notes.push(`${part}: ${main ? 'there are no judges (npx tsx recipes/7-judges.ts)' : 'there is no transformer yet'}`);
      else {
        const { notes: more = [], ...measured } = await DRAWN[part]({ ...work, suite, main });
        notes.push(...more);
        result = { ...result, ...measured };
      }
    }
    const worst = worstOf(misses, WORST);
    if (suite && main && worst.length > 0) sheet = await worstSheet(worst, { ...work, suite, main });
    result = { ...result, worst: worst.map(({ part, caption, seed, why, nearness }) => ({ part, caption, seed, why, nearness })) };
    await found?.judges.release();
  } finally {
    pool.close();
    await ways.release();
  }
  const evaluation: Evaluation = {
    ...provenance('npm run evaluate --'),
    machine: machineLine(describeMachine()),
    preset: config.name,
    model: subject.name,
    file: subject.file,
    hash,
    mode: options.mode,
    seconds: (performance.now() - started) / 1000,
    steps: ways.steps,
    guidance: ways.guidance,
    precision,
    side: SIDE,
    ...result,
    notes,
  };
  await publish(evaluation, sheet, options);
  return evaluation;
}

async function publish(evaluation: Evaluation, sheet: Uint8Array | undefined, { out, json }: Options): Promise<void> {
  const text = `${JSON.stringify(evaluation, (_, v: unknown) => (typeof v === 'number' ? Number(v.toPrecision(6)) : v), 2)}\n`;
  const page = markdown(evaluation, sheet && 'worst.webp');
  await writeFileWhole(join(out, 'evaluate.md'), page);
  await writeFileWhole(join(out, 'evaluate.json'), text);
  if (sheet) await writeFileWhole(join(out, 'worst.webp'), sheet);
  if (json !== undefined) await writeFileWhole(json, text);
  process.stdout.write(page);
  say(`written: ${join(out, 'evaluate.md')}, evaluate.json${sheet ? ', worst.webp' : ''}`);
}

function parse(): Options {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values: v } = parseArgs({
    options: {
      preset: text,
      model: text,
      json: text,
      out: text,
      only: text,
      run: text,
      steps: text,
      guidance: text,
      precision: text,
      teacher: text,
      judges: text,
      quick: flag,
      full: flag,
    },
  });
  const number = (name: 'steps' | 'guidance' | 'teacher', whole: boolean) => {
    const given = v[name];
    if (given !== undefined && !(Number(given) > 0 && (!whole || Number.isInteger(Number(given)))))
      throw new InputError('evaluate.option', `--${name} ${given}: expected a ${whole ? 'whole ' : ''}number above 0`);
    return given === undefined ? undefined : Number(given);
  };
  if (v.quick && v.full) throw new InputError('evaluate.mode', 'choose one of --quick and --full');
  const name = v.preset ?? 'pico';
  preset(name); // throws for an unknown one
  const parts = (v.only?.split(',') ?? PARTS) as readonly Part[];
  for (const p of parts) if (!PARTS.includes(p)) throw new InputError('evaluate.part', `--only ${p}: choose from ${PARTS.join(', ')}`);
  const precision = v.precision as Precision | undefined;
  if (precision !== undefined && !PRECISIONS.includes(precision))
    throw new InputError('evaluate.precision', `--precision ${precision}: choose from ${PRECISIONS.join(', ')}`);
  const [steps, guidance, teacher] = [number('steps', true), number('guidance', false), number('teacher', true)];
  const mode = v.full ? 'full' : 'quick';
  const { run } = pathsOf({ preset: name, ...(v.run !== undefined && { run: v.run }) });
  return {
    preset: name,
    mode,
    amounts: AMOUNTS[mode],
    parts,
    run,
    out: v.out ?? join(run, 'evaluation'),
    teacher: teacher ?? TEACHER[mode],
    ...(steps !== undefined && { steps }),
    ...(guidance !== undefined && { guidance }),
    ...(precision !== undefined && { precision }),
    ...(v.json !== undefined && { json: v.json }),
    ...(v.model !== undefined && { model: relative(process.cwd(), v.model) }),
    ...(v.judges !== undefined && { judges: v.judges }),
  };
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  let stopped = false;
  process.once('SIGINT', () => {
    stopped = true; // at the next case; a second Ctrl-C ends it at once, and loses nothing either
  });
  try {
    await evaluate(parse(), () => stopped);
  } catch (error) {
    console.error(error instanceof BananaError || (error instanceof Error && 'code' in error) ? `evaluate: ${error.message}` : error);
    process.exitCode = stopped ? 130 : 1;
  }
}
