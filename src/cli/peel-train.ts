// `banana peel train FOLDER --out FILE`: from pictures to a Peel, its curve and its samples. Runs in this process, stops between
// two steps, and goes on from there when it is called again. The three files are written at the end, each whole.
import { extname } from 'node:path';
import { Command } from 'commander';
import { nameFrom } from '../adapters/peel.ts';
import { openTrainable } from '../node/load.ts';
import { modelPath } from '../node/models.ts';
import {
  checkTrainOptions,
  clearTraining,
  PEEL_DEFAULTS,
  stepsMade,
  trainPeel,
  type TrainedPeel,
  type TrainPeelEvent,
  type TrainPeelOptions,
} from '../train/peel/train.ts';
import { openRuntime, type RuntimeName } from '../runtime/select.ts';
import { encodeImage, loadSharp } from '../disk/codec.ts';
import { folderStore, writeFileWhole } from '../disk/files.ts';
import { labelledSheet } from '../disk/sheet.ts';
import { curveSvg } from '../disk/curve.ts';
import { LAYERS, type LayerGroup } from '../train/peel/program.ts';
import { readPictures, type TrainingPicture } from '../disk/pictures.ts';
import { InputError } from '../util/errors.ts';
import { progressLine, type Io } from './io.ts';
import { decimal, whole } from './options.ts';
import { checkPlace } from './output.ts';
import { LOADING } from '../node/options.ts';
import { withFlags } from './flags.ts';
import { stoppable, withModel } from './shared.ts';
import { bytes, quoted, several } from './text.ts';

interface Flags extends Omit<TrainPeelOptions, 'name' | 'layers'> {
  out: string;
  name?: string;
  layers?: string;
  preset?: string;
  model?: string;
  runtime?: RuntimeName | 'auto';
  threads?: number;
  json?: boolean;
}

export function trainCommand(io: Io): Command {
  const d = PEEL_DEFAULTS;
  const command = new Command('train')
    .description('make a Peel from a folder of pictures')
    .argument('<folder>', 'PNG, JPEG, WebP and SVG files; captions from captions.jsonl, a .txt beside each, or the file names')
    .requiredOption('-o, --out <file>', '.safetensors file to write; its curve and samples come beside it')
    .option('--name <name>', "what a prompt calls it; default the file's name")
    .option('--trigger <words>', 'words that call it up; default "NAME style", "" for none')
    .option('--description <text>', 'a line about it')
    .option('--licence <name>', `its licence, such as CC0-1.0; default ${d.licence}`)
    .option('--author <name>', 'who made it')
    .option('--steps <n>', `training ends after this many steps; default ${d.steps}, or as many as --seconds allows`, whole)
    .option('--seconds <n>', 'or after this many seconds', decimal)
    .option('--rank <n>', `1 to 128: more can learn more; default ${d.rank}`, whole)
    .option('--layers <list>', `some of ${LAYERS.join(', ')}; default ${d.layers.join(',')}`)
    .option('--batch <n>', `pictures in a step; default ${d.batch}`, whole)
    .option('--prior <n>', `of them, pictures of the base, so that it forgets nothing; default ${d.prior}`, whole)
    .option('--rate <x>', `learning rate; default ${d.rate}`, decimal)
    .option('--seed <n>', `whole number from 0; default ${d.seed}`, whole)
    .option('--flips', 'show pictures mirrored too')
    .option('--no-samples', 'draw no samples')
    .option('--no-held-out', 'hold no pictures out: learn from all of them, to the end')
    .option('--json', 'print one JSON object on standard output')
    .action((folder: string, flags: Flags) => train(folder, flags, io));
  return withFlags(withModel(command), LOADING, ['runtime', 'threads']);
}

async function train(
  folder: string,
  { out, preset, model: given = preset, runtime = 'auto', threads, layers, json = false, ...rest }: Flags,
  io: Io,
): Promise<void> {
  if (extname(out) !== '.safetensors') throw new InputError('output.path', `cannot write ${out}: the name must end in .safetensors`);
  const stem = out.slice(0, -extname(out).length);
  const options: TrainPeelOptions = {
    ...rest,
    name: rest.name ?? nameFrom(out),
    ...(layers !== undefined && { layers: layers.split(',').map((l) => l.trim()) as LayerGroup[] }),
  };
  checkTrainOptions(options);
  const files = { path: out, curve: `${stem}.curve.png`, ...(options.samples !== false && { sheet: `${stem}.samples.png` }) };
  for (const path of Object.values(files)) await checkPlace(path);
  modelPath(given);
  const pictures = await readPictures(folder, { warn: (line) => io.err(`warning: ${line}\n`) });
  await stoppable(io, (signal) => learn(pictures, options, { given, files, work: `${stem}.training`, runtime, threads, json, signal }, io));
}

interface TrainingRun {
  /** The base model's name or file. */
  readonly given: string | undefined;
  readonly files: { readonly path: string; readonly curve: string; readonly sheet?: string };
  /** The folder of a training that was stopped. */
  readonly work: string;
  readonly runtime: RuntimeName | 'auto';
  readonly threads: number | undefined;
  readonly json: boolean;
  readonly signal: AbortSignal;
}

/** Trains, and writes the files. */
async function learn(
  pictures: TrainingPicture[],
  options: TrainPeelOptions,
  { given, files, work, json, signal, threads, ...rest }: TrainingRun,
  io: Io,
): Promise<void> {
  const { model, base, close } = await openTrainable(given);
  const progress = progressLine(io);
  const say = (line: string) => (progress.clear(), io.err(`${line}\n`));
  const runtime = await openRuntime({ name: rest.runtime, ...(threads !== undefined && { threads }) });
  const from = performance.now();
  try {
    const training = trainPeel({ model, base, runtime, pictures, store: folderStore(work), signal }, options);
    let trained: TrainedPeel | undefined;
    try {
      while (!trained) {
        const { done, value } = await training.next();
        if (done) trained = value;
        else tell(value, { progress, say });
        if (!done) signal.throwIfAborted();
      }
    } catch (error) {
      await training.return(undefined as never);
      const steps = signal.aborted ? await stepsMade(folderStore(work)) : 0;
      if (steps > 0) say(`cancelled after step ${steps}: the state is kept in ${quoted(work)}, the same command goes on from there`);
      throw error;
    }
    progress.clear();
    const seconds = (performance.now() - from) / 1000;
    const size = trained.chunks.reduce((sum, c) => sum + c.length, 0);
    await writeFileWhole(files.curve, await curveOf(trained));
    if (files.sheet) await writeFileWhole(files.sheet, await sheetOf(trained));
    await writeFileWhole(files.path, trained.chunks);
    await clearTraining(folderStore(work));
    const { name, rank, triggers } = trained.info;
    const heldOut = heldOutOf(trained);
    if (json)
      io.out(
        `${JSON.stringify({ name, ...files, bytes: size, rank, triggers, base, pictures: pictures.length, steps: trained.steps, keptStep: trained.keptStep, stopped: trained.stopped, ...(heldOut && { heldOut }), seconds: Number(seconds.toFixed(2)), peakRssBytes: process.resourceUsage().maxRSS * 1024 })}\n`,
      );
    else {
      io.out(
        `${files.path}  ${bytes(size)}  rank ${rank}  ${several(trained.keptStep, 'step')}  ${seconds.toFixed(1)} s${heldOut ? `  held-out loss ${heldOut.base.toPrecision(3)} -> ${heldOut.kept.toPrecision(3)}` : ''}\n`,
      );
      for (const path of [files.curve, files.sheet]) if (path) io.out(`${path}\n`);
      io.out(`use it: banana peel add ${quoted(files.path)} && banana "a fox <peel:${name}>"\n`);
    }
  } finally {
    progress.clear();
    await runtime.release?.();
    close();
  }
}

/** One event as a line: in place what comes often, for good what comes seldom. */
function tell(event: TrainPeelEvent, { progress, say }: { progress: { show(text: string): void }; say(line: string): void }): void {
  if (event.type === 'prepare') progress.show(`looking at the pictures and the base: ${event.done} of ${event.total}`);
  else if (event.type === 'pictures')
    say(
      `${several(event.pictures, 'picture')} to learn from, ${event.heldOut || 'none'} held out, ${several(event.buckets.length, 'shape')}`,
    );
  else if (event.type === 'step')
    progress.show(
      `${(100 * event.done).toFixed(0)} %  step ${event.step}  ${event.seconds.toFixed(0)} s  loss ${event.loss.toPrecision(4)}`,
    );
  else if (event.type === 'heldOut')
    say(`step ${event.step}: held-out loss ${event.loss.toPrecision(4)} (base ${event.base.toPrecision(4)})`);
}

/** Held-out loss of the base and of what was kept; undefined where nothing was held out. */
function heldOutOf({ curve, keptStep }: TrainedPeel): { base: number; kept: number } | undefined {
  const points = curve.filter((p) => p.heldOut !== undefined);
  const kept = points.findLast((p) => p.step === keptStep);
  return points[0] && kept ? { base: points[0].heldOut!, kept: kept.heldOut! } : undefined;
}

async function curveOf({ info, curve, keptStep }: TrainedPeel): Promise<Uint8Array> {
  const points = (key: 'loss' | 'heldOut') => curve.flatMap((p): [number, number][] => (p[key] === undefined ? [] : [[p.step, p[key]!]]));
  const svg = curveSvg(
    info.name,
    [
      { label: 'loss', colour: '#b0b0b0', points: points('loss') },
      { label: 'held-out loss', colour: '#d97706', points: points('heldOut') },
    ],
    { mark: keptStep },
  );
  const sharp = await loadSharp();
  return sharp(Buffer.from(svg)).png().toBuffer();
}

/** A row for each stage that was drawn. */
async function sheetOf({ samples }: TrainedPeel): Promise<Uint8Array> {
  const columns = samples.filter(({ stage }) => stage === 'before').length;
  return encodeImage(
    await labelledSheet(
      samples.map((s) => s.image),
      samples.map((s) => `${s.stage}: ${s.label}`),
      { columns: Math.max(1, columns), cell: 160 },
    ),
    'png',
  );
}
