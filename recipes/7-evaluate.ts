// Recipe 7: the evaluation, the first stage of the house suite. The autoencoder against the SVGs; a judge of our own, trained on
// real renders when there is none yet; concept, style, background and colour of what the model draws, in 1, 2 and 4 steps, for
// combinations that training has seen and not seen, in English and Dutch. One page, one JSON file, one sheet of the worst.
//   npm run evaluate -- [--preset NAME] [--quick|--full] [--json FILE] [--model FILE] [--out FOLDER] [--only PARTS]
//                       [--guidance X] [--precision NAME] [--teacher STEPS] [--judge FILE] [--judge-seconds N] [--judge-renders N]
// PARTS: autoencoder, pictures, colours, comma separated. --precision: float32, int8 or int4 products. --teacher adds the run's teacher, with that many steps. Without --model
// it takes models/PRESET.safetensors, else the run's model, else what the run in runs/PRESET has so far.
import { existsSync, realpathSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { commitOf, describeMachine, machineLine } from '../bench/machine.ts';
import { DATA, type DataOptions, type DataPreset } from '../src/data/dataset.ts';
import { renderPool } from '../src/data/render.ts';
import { colourCases, conceptCases, SETS } from '../src/eval/cases.ts';
import { loadJudge, openJudge, saveJudge, type JudgeFile } from '../src/eval/judge.ts';
import { measureColours, measurePictures, type PictureResult, type Variant } from '../src/eval/pictures.ts';
import { measureReconstruction } from '../src/eval/reconstruction.ts';
import { markdown, type Evaluation } from '../src/eval/report.ts';
import { trainJudge } from '../src/eval/train-judge.ts';
import { ENCODER_PIXELS, preset, type Config } from '../src/models/config.ts';
import { initialize } from '../src/nn/scope.ts';
import { loadModel, modelPath, specsOf } from '../src/pipeline/model.ts';
import { openNetworks, type Precision } from '../src/pipeline/networks.ts';
import { openSampler } from '../src/pipeline/sample.ts';
import { ortNode } from '../src/runtime/ort-node.ts';
import type { Runtime } from '../src/runtime/runtime.ts';
import { encodeImage } from '../src/tensor/codec.ts';
import { readSafetensors, writeFileWhole } from '../src/tensor/files.ts';
import { premultipliedToTensor, tensorToImage, type Color, type Image } from '../src/tensor/image.ts';
import { labelledSheet } from '../src/tensor/sheet.ts';
import type { Tensors } from '../src/tensor/tensor.ts';
import type { Tokenizer } from '../src/tokenizer/tokenizer.ts';
import { BananaError, InputError } from '../src/util/errors.ts';
import { random } from '../src/util/random.ts';
import { readTokenizer } from './latents.ts';
import { pathsOf } from './recipe.ts';

const PRECISIONS: readonly Precision[] = ['float32', 'int8', 'int4'];
const PARTS = ['autoencoder', 'pictures', 'colours'] as const;
type Part = (typeof PARTS)[number];
const STEPS = [1, 2, 4] as const;
/** Side at which pictures are drawn for the judge, and on the sheet. */
const [DRAWN, SHOWN] = [128, 192];
/** Behind what is transparent, on the sheet. */
const PALE: Color = [225, 225, 235];
const SEED = 920_000;
const WORST = 24;

const AMOUNTS = {
  quick: { scenes: 16, pieces: 10, sizes: [2048], cases: 40, colours: 40 },
  full: { scenes: 100, pieces: 40, sizes: [2048, 4096], cases: 300, colours: 200 },
} as const;

interface Options {
  preset: string;
  mode: keyof typeof AMOUNTS;
  parts: readonly Part[];
  out: string;
  json?: string;
  model?: string;
  guidance?: number;
  precision: Precision;
  teacher?: number;
  judge?: string;
  judgeSeconds: number;
  judgeRenders: number;
}

/** A model, or as much of one as there is: without a transformer only its autoencoder can be measured. */
interface Subject {
  name: string;
  file: string;
  config: Config;
  weights: Tensors;
  /** Undefined while there is no student. */
  guidance?: number;
  tokenizer?: Tokenizer;
  teacher?: Tensors;
}

const say = (line: string) => process.stderr.write(`${line}\n`);

async function openSubject({ preset: name, model, teacher: steps }: Options): Promise<Subject> {
  const paths = pathsOf({ preset: name });
  const teacher = steps !== undefined ? (await readSafetensors(paths.teacher)).tensors : undefined;
  const own = join(paths.run, `${name}.safetensors`);
  const path = model ?? shipped(name) ?? (existsSync(own) ? own : undefined);
  if (path !== undefined) {
    const { name: called, config, weights, tokenizer, manifest } = await loadModel(path);
    if (config.name !== name) throw new InputError('evaluate.preset', `${path} is a model of preset ${config.name}: add --preset ${config.name}`);
    return { name: called, file: path, config, weights, guidance: manifest.guidance, tokenizer, ...(teacher && { teacher }) };
  }
  if (!existsSync(paths.autoencoder)) throw new InputError('evaluate.model', `no model of preset ${name}: give --model FILE, or train one with npm run recipe -- --preset ${name}`);
  const begun = initialize(specsOf(name), random(0));
  const { tensors } = await readSafetensors(paths.autoencoder);
  const tokenizer = teacher && { teacher, tokenizer: await readTokenizer({ preset: name }) };
  return { name: `${name}, unfinished`, file: paths.autoencoder, config: preset(name), weights: { ...begun, ...tensors }, ...tokenizer };
}

function shipped(name: string): string | undefined {
  try {
    return relative(process.cwd(), modelPath(name)); // results are published: no paths of this machine
  } catch (error) {
    if (error instanceof InputError && error.code === 'model.missing') return undefined;
    throw error;
  }
}

/** The judge of a preset's scope: given, cached by an earlier evaluation, shipped, or trained now. */
async function findJudge({ preset: name, judge, judgeSeconds, judgeRenders }: Options, data: DataOptions, runtime: Runtime): Promise<JudgeFile> {
  const { run } = pathsOf({ preset: name });
  const cached = join(run, 'judge.safetensors');
  const found = judge ?? [cached, join('models', `${name}-judge.safetensors`)].find(existsSync);
  if (found !== undefined) return loadJudge(found);
  const amount = name === 'tiny' ? { renders: 800, tests: 100, steps: 60, batch: 32 } : { renders: judgeRenders, tests: 1500, seconds: judgeSeconds };
  const trained = await trainJudge({ data, runtime, ...amount, checkpoint: join(run, 'judge.state.safetensors'), logFile: join(run, 'judge.jsonl'), log: say });
  await saveJudge(cached, trained);
  return trained;
}

/** Every way in which the subject can draw, at the judge's size and at the sheet's. */
function variantsOf({ config, weights, guidance, tokenizer, teacher }: Subject, runtime: Runtime, options: Options): { variants: Variant[]; drawLast: (caption: string, seed: number) => Promise<Image>; release: () => Promise<void> } {
  if (!tokenizer) return { variants: [], drawLast: () => Promise.reject(new Error('nothing draws')), release: async () => {} };
  const { precision } = options;
  const networks = openNetworks(runtime, config, weights, { precision });
  const taught = teacher && openNetworks(runtime, config, { ...weights, ...teacher }, { precision });
  const scale = options.guidance ?? guidance ?? 3.5;
  const ways: { name: string; steps: number; kind: 'student' | 'teacher'; networks: typeof networks }[] = [];
  if (taught) ways.push({ name: `teacher, ${options.teacher} steps`, steps: options.teacher!, kind: 'teacher', networks: taught });
  if (guidance !== undefined) ways.push(...STEPS.map((steps) => ({ name: steps === 1 ? '1 step' : `${steps} steps`, steps, kind: 'student' as const, networks })));
  const drawers = ways.map((way) => {
    const sample = openSampler(way.networks, tokenizer);
    return (side: number) => (prompt: string, seed: number) => sample({ prompt, seed, steps: way.steps, guidance: scale, kind: way.kind, width: side, height: side });
  });
  return {
    variants: ways.map(({ name }, i) => ({ name, draw: drawers[i]!(DRAWN) })),
    drawLast: async (caption, seed) => tensorToImage(await drawers.at(-1)!(SHOWN)(caption, seed), { background: PALE }),
    release: async () => {
      await networks.release();
      await taught?.release();
    },
  };
}

/** The least convincing pictures, each beside the real render of its case. */
async function worstSheet(worst: PictureResult['worst'], draw: (caption: string, seed: number) => Promise<Image>): Promise<Uint8Array> {
  const pool = renderPool();
  const [images, labels]: [Image[], string[]] = [[], []];
  try {
    for (const { case: one, seed, probability, seenAs } of worst) {
      const { pixels } = await pool.render({ svg: one.svg, width: SHOWN, height: SHOWN });
      if (!pixels) continue;
      images.push(await draw(one.caption, seed), tensorToImage(premultipliedToTensor(SHOWN, SHOWN, pixels), { background: PALE }));
      labels.push(one.caption, `right; drawn one seen as ${seenAs}, ${(100 * probability).toFixed(0)} % right`);
    }
  } finally {
    pool.close();
  }
  return encodeImage(await labelledSheet(images, labels, { columns: 8, cell: 160, lines: 3 }), 'png');
}

/** Evaluates; writes page, JSON and sheet into `out`. */
async function evaluate(options: Options): Promise<Evaluation> {
  const started = performance.now();
  const amounts = AMOUNTS[options.mode];
  const data: DataOptions = DATA[options.preset as DataPreset];
  const subject = await openSubject(options);
  const runtime = await ortNode({ spinning: false }); // several sessions are live at once
  let result: Partial<Evaluation> = {};
  let sheet: Uint8Array | undefined;

  if (options.parts.includes('autoencoder')) {
    say(`autoencoder: ${amounts.scenes} scenes, ${amounts.pieces} pieces at ${amounts.sizes.join(' and ')} pixels`);
    const networks = openNetworks(runtime, subject.config, subject.weights, { precision: options.precision });
    const encode = async (picture: Parameters<typeof networks.encode>[0]) => {
      const features = await networks.features(await networks.encode(picture));
      return (tile: Parameters<typeof networks.render>[1], size: { width: number; height: number }) => networks.render(features, tile, size);
    };
    const side = (512 / subject.config.latentPixels) * ENCODER_PIXELS;
    const { scenes, pieces, sizes } = amounts;
    result = { ...result, autoencoder: await measureReconstruction({ data, side, encode, scenes, pieces, sizes, seed: SEED }) };
    await networks.release();
  }

  const { variants, drawLast, release } = variantsOf(subject, runtime, options);
  const judged = options.parts.includes('pictures');
  const judgeFile = judged ? await findJudge(options, data, runtime) : undefined;
  if (judgeFile) {
    const { accuracy, training, classes } = judgeFile;
    result = { ...result, judge: { accuracy, training, concepts: classes.concept.length, styles: classes.style.length, backgrounds: classes.background.length } };
  }
  if (variants.length === 0 && options.parts.some((p) => p !== 'autoencoder')) say('there is no transformer yet: pictures and colours are left out');
  const pool = renderPool();
  try {
    if (judgeFile && variants.length > 0) {
      const judge = await openJudge(runtime, judgeFile);
      const cases = SETS.flatMap((set, i) => conceptCases(data, set, amounts.cases, SEED + 1 + i));
      say(`pictures: ${cases.length} cases, ${variants.map((v) => v.name).join(', ')}`);
      const { sets, agreement, worst } = await measurePictures(judge, pool, cases, variants, (done) => done % 40 === 0 && say(`${done}/${cases.length} cases`));
      sheet = await worstSheet(worst.slice(0, WORST), drawLast);
      result = { ...result, pictures: { sets, agreement }, worst: worst.slice(0, WORST).map(({ case: { caption }, ...rest }) => ({ caption, ...rest })) };
      await judge.release();
    }
    if (options.parts.includes('colours') && variants.length > 0) {
      const cases = (['train', 'test'] as const).flatMap((split) => colourCases(data, split, amounts.colours, SEED));
      say(`colours: ${cases.length} cases`);
      result = { ...result, colours: await measureColours(pool, cases, variants) };
    }
  } finally {
    pool.close();
  }
  await release();

  const evaluation: Evaluation = {
    date: new Date().toISOString(),
    command: `npm run evaluate -- ${process.argv.slice(2).join(' ')}`.trimEnd(),
    commit: commitOf(),
    machine: machineLine(describeMachine()),
    preset: options.preset,
    model: subject.name,
    file: subject.file,
    mode: options.mode,
    seconds: (performance.now() - started) / 1000,
    guidance: options.guidance ?? subject.guidance ?? 3.5,
    precision: options.precision,
    ...result,
  };
  const json = `${JSON.stringify(evaluation, (_, v: unknown) => (typeof v === 'number' ? Number(v.toPrecision(6)) : v), 2)}\n`;
  const page = markdown(evaluation) + (sheet ? '\n![the least convincing, each beside the real render](worst.png)\n' : '');
  await writeFileWhole(join(options.out, 'evaluation.md'), page);
  await writeFileWhole(join(options.out, 'evaluation.json'), json);
  if (options.json !== undefined) await writeFileWhole(options.json, json);
  if (sheet) await writeFileWhole(join(options.out, 'worst.png'), sheet);
  process.stdout.write(page);
  say(`written: ${join(options.out, 'evaluation.md')}, evaluation.json${sheet ? ', worst.png' : ''}`);
  return evaluation;
}

function parse(): Options {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values: v } = parseArgs({
    options: { precision: text, preset: text, json: text, model: text, out: text, only: text, guidance: text, teacher: text, judge: text, 'judge-seconds': text, 'judge-renders': text, quick: flag, full: flag },
  });
  const number = (name: 'guidance' | 'teacher' | 'judge-seconds' | 'judge-renders') => {
    if (v[name] !== undefined && !(Number(v[name]) > 0)) throw new InputError('evaluate.option', `--${name} ${v[name]}: expected a number above 0`);
    return v[name] === undefined ? undefined : Number(v[name]);
  };
  if (v.quick && v.full) throw new InputError('evaluate.mode', 'choose one of --quick and --full');
  const name = v.preset ?? 'pico';
  preset(name); // throws for an unknown one
  const parts = (v.only?.split(',') ?? PARTS) as readonly Part[];
  for (const p of parts) if (!PARTS.includes(p)) throw new InputError('evaluate.part', `--only ${p}: choose from ${PARTS.join(', ')}`);
  const precision = (v.precision ?? 'float32') as Precision;
  if (!PRECISIONS.includes(precision)) throw new InputError('evaluate.precision', `--precision ${precision}: choose from ${PRECISIONS.join(', ')}`);
  const [guidance, teacher] = [number('guidance'), number('teacher')];
  return {
    preset: name,
    mode: v.full ? 'full' : 'quick',
    parts,
    out: v.out ?? join(pathsOf({ preset: name }).run, 'evaluation'),
    judgeSeconds: number('judge-seconds') ?? 300,
    judgeRenders: number('judge-renders') ?? 24_000,
    precision,
    ...(v.json !== undefined && { json: v.json }),
    ...(v.model !== undefined && { model: v.model }),
    ...(v.judge !== undefined && { judge: v.judge }),
    ...(guidance !== undefined && { guidance }),
    ...(teacher !== undefined && { teacher }),
  };
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    await evaluate(parse());
  } catch (error) {
    console.error(error instanceof BananaError || (error instanceof Error && 'code' in error) ? `evaluate: ${error.message}` : error);
    process.exitCode = 1;
  }
}
