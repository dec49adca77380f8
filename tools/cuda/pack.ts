// Everything that a CUDA machine without Node and without a network needs to train a preset of the layered model from nothing, as
// one folder:
//   npm run cuda:bundle -- --preset nano --out FOLDER
// The kit (Node, the recipes, the art), the executor, fixtures that prove it, and the steps in their order. Data, programs and the
// model's file are made there by the very recipes that make them here; README.md says what to do with the folder.
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { layeredData } from '../../src/data/layered.ts';
import { inScope } from '../../src/data/sprites.ts';
import { BananaError, InputError } from '../../src/util/errors.ts';
import { writeFixtures } from './fixtures.ts';
import { archive, layOutKit, packNode, type RECIPES } from './kit.ts';

const here = dirname(fileURLToPath(import.meta.url));
/** Drawing processes there. */
const PROCESSES = 14;

/** One step of the chain: a recipe, or the training of what one made. */
export type ChainStep = { readonly name: string } & (
  | {
      readonly recipe: (typeof RECIPES)[number];
      /** Folder of the run that it makes, for a training. */
      readonly makes?: string;
      /** Pictures of one object a step; halved where memory does not do. */
      readonly batch?: number;
      /** File of the run that is sent home afterwards. */
      readonly sends?: string;
    }
  | {
      readonly train: string;
      /** Of the whole training, which sets the pace of its schedules. */
      readonly seconds: number;
      /** Share of it at which this step ends; the whole when left out. */
      readonly share?: number;
      /** From its beginning, whatever was trained of an earlier bundle of this name. */
      readonly fresh?: boolean;
    }
);

/** How much of everything a preset gets there. */
interface Amounts {
  readonly renderer: number;
  readonly teacher: number;
  readonly student: number;
  /** Pictures of one object a step: of the teacher, and of the student. */
  readonly batches: readonly [number, number];
}

const AMOUNTS: Readonly<Record<string, Amounts>> = {
  tiny: { renderer: 20, teacher: 20, student: 20, batches: [8, 8] },
  nano: { renderer: 150, teacher: 900, student: 300, batches: [2048, 1024] },
};

/** Share of the teacher's training after which the first student is made of it. */
const FIRST = 0.65;

/** The steps of a preset. A first student comes early, so that a lease that ends leaves a model; the rest goes into the teacher, and a second one. */
export function stepsOf(name: string): ChainStep[] {
  const amounts = AMOUNTS[name];
  if (!amounts)
    throw new InputError(
      'cuda.preset',
      `nothing says how preset "${name}" is trained on a CUDA machine: add it to AMOUNTS in tools/cuda/pack.ts`,
    );
  const [teacher, student] = amounts.batches;
  const distilled = (which: string): ChainStep[] => [
    { name: `${which}-student-bundle`, recipe: '4-student', makes: 'student', batch: student },
    { name: `${which}-student`, train: 'student', seconds: amounts.student, fresh: true },
    { name: `${which}-model`, recipe: '5-model', sends: `${name}.safetensors` },
  ];
  return [
    { name: 'data', recipe: '1-data' },
    { name: 'renderer-bundle', recipe: '2-renderer', makes: 'renderer' },
    { name: 'renderer', train: 'renderer', seconds: amounts.renderer },
    { name: 'teacher-bundle', recipe: '3-teacher', makes: 'teacher', batch: teacher },
    { name: 'teacher', train: 'teacher', seconds: amounts.teacher, share: FIRST },
    ...distilled('first'),
    { name: 'more-teacher', train: 'teacher', seconds: amounts.teacher },
    ...distilled('second'),
  ];
}

export interface PackOptions {
  preset: string;
  out: string;
  processes?: number;
  /** False: no Node, recipes and art, for a machine that has them (tests). */
  kit?: boolean;
  log?: (line: string) => void;
}

/** Writes the folder, which is emptied first. Throws InputError for a preset without amounts, or a folder of other things. */
export async function packRun({ preset: name, out, processes = PROCESSES, kit = true, log = () => {} }: PackOptions): Promise<void> {
  const steps = stepsOf(name);
  if (existsSync(out) && !existsSync(join(out, 'bundle.json')) && (await readdir(out)).length > 0)
    throw new InputError('cuda.out', `${out} holds other things: name an empty folder, or a bundle`);
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  for (const file of (await readdir(here)).filter((f) => f.endsWith('.py'))) await cp(join(here, file), join(out, file));
  await writeFixtures(join(out, 'check'));
  if (kit) {
    const folder = await mkdtemp(join(tmpdir(), 'banana-kit-'));
    await layOutKit(folder, inScope(layeredData(name).scope).styles);
    await archive(folder, join(out, 'kit.tar.xz'));
    await rm(folder, { recursive: true });
    await packNode(join(out, 'node.xz'), 'runs/cuda');
  }
  await writeFile(join(out, 'bundle.json'), JSON.stringify({ preset: name, processes, steps })); // last: a bundle without it is not complete
  log(`${out}: ${((await sizeOf(out)) / 2 ** 20).toFixed(1)} MiB`);
}

async function sizeOf(path: string): Promise<number> {
  const found = await stat(path);
  if (!found.isDirectory()) return found.size;
  return (await Promise.all((await readdir(path)).map((name) => sizeOf(join(path, name))))).reduce((a, b) => a + b, 0);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const text = { type: 'string' } as const;
  try {
    const { values } = parseArgs({ options: { preset: text, out: text, processes: text, 'no-kit': { type: 'boolean' } } });
    const name = values.preset ?? 'nano';
    await packRun({
      preset: name,
      out: values.out ?? `runs/cuda/${name}`,
      ...(values.processes && { processes: Number(values.processes) }),
      kit: !values['no-kit'],
      log: (line) => console.error(line),
    });
  } catch (error) {
    console.error(error instanceof BananaError ? error.message : error);
    process.exitCode = 1;
  }
}
