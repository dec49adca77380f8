// Recipe 8: the four Peels that are shipped, from pictures to scores, for one base model. Each is trained by the product's own
// command, some at once with few threads each, then measured on the quantized base and drawn beside it.
//   npm run peels -- [--model FILE] [--seconds 240] [--only outline,brand] [--measure|--sheets] [--judges FILE] [--cases 100]
//                    [--pictures 12] [--at-once 2] [--threads 1] [--out FOLDER]
// Writes peels/NAME.safetensors, docs/peels/NAME.webp (base beside Peel) and NAME.curve.png, docs/results/peels.json. --measure trains
// nothing and measures what is in peels/; --sheets trains and draws the sheets, and measures nothing; --pictures takes so many of each
// set; --out puts all of it under another folder. Pictures and unfinished training lie in runs/peels.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { describeMachine, provenance } from '../bench/machine.ts';
import { openPeel } from '../src/node/library.ts';
import { fitPeel, type Peel } from '../src/adapters/peel.ts';
import { NO_PEELS } from '../src/adapters/stack.ts';
import { layeredData } from '../src/data/layered.ts';
import { openBanana } from '../src/node/index.ts';
import { loadPainter, openPeelTarget } from '../src/node/load.ts';
import type { Painter } from '../src/models/family.ts';
import type { Precision } from '../src/quant/precision.ts';
import { openRuntime } from '../src/runtime/select.ts';
import { writeFileWhole } from '../src/disk/files.ts';
import { readPictures } from '../src/disk/pictures.ts';
import { BananaError, InputError } from '../src/util/errors.ts';
import { openConcepts, type ConceptScore } from '../src/eval/peels/concepts.ts';
import { costOf, effectOf, PRECISIONS, type Cost, type Effect } from '../src/eval/peels/effect.ts';
import { drawing, stackOf } from '../src/eval/peels/scores.ts';
import { PEEL_SETS, writePeelSet, type PeelSet } from './peel-sets.ts';
import { sampleSheet } from './peel-sheet.ts';

interface Options {
  readonly model?: string;
  readonly seconds: number;
  readonly sets: readonly PeelSet[];
  readonly measure: boolean;
  readonly sheets: boolean;
  readonly judges?: string;
  readonly cases: number;
  readonly pictures: number;
  readonly atOnce: number;
  readonly threads: number;
  readonly out: string;
}

/** What the command says of a training, and how it was called. */
interface Training {
  readonly command: string;
  readonly pictures: number;
  readonly steps: number;
  readonly keptStep: number;
  readonly stopped: string;
  readonly seconds: number;
  readonly bytes: number;
  readonly heldOut: { readonly base: number; readonly kept: number };
  readonly peakRssBytes: number;
}

/** The page of results. */
interface Results {
  readonly commit: string;
  readonly command: string;
  readonly machine: ReturnType<typeof describeMachine>;
  readonly date: string;
  readonly base: { readonly name: string; readonly version: string; readonly preset: string; readonly hash: string };
  readonly seconds: number;
  readonly peels: Readonly<
    Record<string, { training?: Training; effect: Effect; concepts?: Record<string, { base: ConceptScore; peel: ConceptScore }> }>
  >;
  readonly cost: Cost;
}

const WORK = 'runs/peels';
const say = (line: string) => process.stderr.write(`${line}\n`);

const picturesOf = (name: string) => join(WORK, 'pictures', name);
const peelOf = ({ out }: Options, name: string) => join(out, 'peels', `${name}.safetensors`);
const docOf = ({ out }: Options, file: string) => join(out, 'docs', 'peels', file);

/** Trains one Peel by the command; returns what the command says. */
async function trainOne({ name, description, licence, author }: PeelSet, options: Options): Promise<Training> {
  const { model, seconds, threads } = options;
  const made = join(WORK, `${name}.safetensors`);
  const args = [
    'peel',
    'train',
    picturesOf(name),
    '--out',
    made,
    '--seconds',
    String(seconds),
    '--threads',
    String(threads),
    '--licence',
    licence,
    '--author',
    author,
    '--description',
    description,
    '--no-samples',
    ...(model ? ['--model', model] : []),
  ];
  say(`${name}: training for ${seconds} s`);
  const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', main, ...args, '--json'], { maxBuffer: 2 ** 26 });
  const { pictures, steps, keptStep, stopped, seconds: spent, bytes, heldOut, peakRssBytes } = JSON.parse(stdout) as Training;
  await mkdir(join(options.out, 'peels'), { recursive: true });
  await mkdir(join(options.out, 'docs', 'peels'), { recursive: true });
  await copyFile(made, peelOf(options, name));
  await copyFile(join(WORK, `${name}.curve.png`), docOf(options, `${name}.curve.png`));
  say(
    `${name}: ${steps} steps in ${spent} s, kept ${keptStep}, held-out loss ${heldOut.base.toPrecision(3)} -> ${heldOut.kept.toPrecision(3)}, ${bytes} bytes`,
  );
  return {
    command: `banana ${args.map((a) => (/[^\w./,-]/.test(a) ? `"${a}"` : a)).join(' ')}`,
    pictures,
    steps,
    keptStep,
    stopped,
    seconds: spent,
    bytes,
    heldOut,
    peakRssBytes,
  };
}

/** Runs `work` on every item, `atOnce` at a time, in order. */
async function each<T, R>(items: readonly T[], atOnce: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const one = async () => {
    for (let i = next++; i < items.length; i = next++) results[i] = await work(items[i]!);
  };
  await Promise.all(Array.from({ length: atOnce }, one));
  return results;
}

async function makePeels(options: Options): Promise<void> {
  const { model: given, sets } = options;
  const started = performance.now();
  const { target, base, path: modelPath, close } = await openPeelTarget(given);
  close();
  const { preset } = base;
  for (const set of sets) await writePeelSet(set, picturesOf(set.name), options.pictures);
  const results = join(options.out, 'docs', 'results', 'peels.json');
  const trainings = options.measure
    ? await earlier(results)
    : Object.fromEntries((await each(sets, options.atOnce, (set) => trainOne(set, options))).map((t, i) => [sets[i]!.name, t]));

  const runtime = await openRuntime({ name: 'auto' });
  const banana = await openBanana({ model: modelPath, inProcess: true });
  const judges = options.judges ?? ['models/judges.safetensors', join('runs', preset, 'judges.safetensors')].find(existsSync);
  const data = layeredData(preset);
  const concepts = judges && !options.sheets ? await openConcepts(judges, runtime, data, options.cases) : undefined;
  if (!judges) say('no judges yet: concept scores are left out (--judges FILE)');
  const painters = new Map<Precision, Painter>();
  if (!options.sheets)
    for (const precision of PRECISIONS) painters.set(precision, (await loadPainter({ model: modelPath, precision })).painter);
  const peels: Record<string, Results['peels'][string]> = {};
  try {
    const fitted = new Map<string, Peel>();
    const specs = target.own!.adaptable();
    for (const { name } of sets) fitted.set(name, fitPeel(await openPeel(peelOf(options, name)), specs, base, peelOf(options, name)));
    for (const { name } of sets) {
      const pictures = await readPictures(picturesOf(name));
      await writeFileWhole(docOf(options, `${name}.webp`), await sampleSheet(name, peelOf(options, name), pictures, banana));
      if (options.sheets) continue;
      const effect = await effectOf(fitted.get(name)!, painters, pictures);
      peels[name] = { ...(trainings[name] && { training: trainings[name] }), effect };
      for (const [precision, { base: far, peel: near }] of Object.entries(effect.own))
        say(`${name}: distance to its pictures ${far.toFixed(3)} -> ${near.toFixed(3)} (${precision})`);
    }
    if (options.sheets) return;
    if (concepts)
      for (const [precision, painter] of painters) {
        const draw = drawing(painter, { side: 128 });
        const plain = await concepts.score(draw, NO_PEELS);
        for (const [name, peel] of fitted) {
          const found = { base: plain, peel: await concepts.score(draw, stackOf([peel])) };
          (peels[name]!.concepts ??= {})[precision] = found;
          say(
            `${name}: concepts of other prompts ${(100 * plain.first).toFixed(1)} % -> ${(100 * found.peel.first).toFixed(1)} % (${precision})`,
          );
        }
      }
    const cost = await costOf(
      sets.map(({ name }) => peelOf(options, name)),
      banana,
      specs,
      base,
    );
    say(
      `swap ${(1000 * cost.swapSeconds).toFixed(1)} ms; picture ${Object.entries(cost.pictureSeconds)
        .map(([k, s]) => `${k} ${s.toFixed(3)} s`)
        .join(', ')}; same bytes after removal: ${cost.removedSameBytes}`,
    );
    const page: Results = {
      ...provenance('npm run peels --'),
      machine: describeMachine(),
      base,
      seconds: Math.round((performance.now() - started) / 1000),
      peels,
      cost,
    };
    await writeFileWhole(
      results,
      `${JSON.stringify(page, (_, x: unknown) => (typeof x === 'number' && !Number.isInteger(x) ? Number(x.toPrecision(5)) : x), 2)}\n`,
    );
    say(results);
  } finally {
    await concepts?.release();
    for (const painter of painters.values()) await painter.release();
    await banana.close();
    await runtime.release?.();
  }
}

/** The trainings of the page that is there: measuring again does not forget them. */
async function earlier(path: string): Promise<Record<string, Training>> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  const { peels } = JSON.parse(text ?? '{"peels":{}}') as Pick<Results, 'peels'>;
  return Object.fromEntries(Object.entries(peels).flatMap(([name, { training }]) => (training ? [[name, training]] : [])));
}

function optionsOf(args: readonly string[]): Options {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      model: text,
      seconds: text,
      only: text,
      judges: text,
      cases: text,
      pictures: text,
      'at-once': text,
      threads: text,
      out: text,
      measure: { type: 'boolean' },
      sheets: { type: 'boolean' },
    },
  });
  const number = (name: 'seconds' | 'cases' | 'pictures' | 'at-once' | 'threads', usual: number) => {
    const found = Number(values[name] ?? usual);
    if (!(found > 0)) throw new InputError('peels.option', `--${name} ${values[name]}: expected a number above 0`);
    return found;
  };
  const wanted = values.only?.split(',').map((name) => name.trim());
  const unknown = wanted?.find((name) => !PEEL_SETS.some((set) => set.name === name));
  if (unknown !== undefined)
    throw new InputError('peels.option', `--only ${unknown}: expected some of ${PEEL_SETS.map((set) => set.name).join(', ')}`);
  const { model, judges, out = '.', measure = false, sheets = false } = values;
  return {
    ...(model !== undefined && { model }),
    ...(judges !== undefined && { judges }),
    out,
    measure,
    sheets,
    seconds: number('seconds', 240),
    cases: number('cases', 100),
    pictures: number('pictures', Infinity),
    atOnce: number('at-once', 2),
    threads: number('threads', 1),
    sets: PEEL_SETS.filter((set) => !wanted || wanted.includes(set.name)),
  };
}

try {
  await makePeels(optionsOf(process.argv.slice(2)));
} catch (error) {
  say(
    error instanceof BananaError || (error instanceof Error && 'code' in error) ? error.message : String((error as Error).stack ?? error),
  );
  process.exitCode = 1;
}
