// Everything that a CUDA machine without Node and without a network needs to train a preset from nothing, as one folder:
//   npm run cuda:bundle -- --preset nano --out FOLDER
// The programs of every stage and the graphs that encode and sample, as ONNX; which weights there are and how they begin (their
// numbers are drawn there); plans; the tokenizer; the drawing kit and Node; the executor; fixtures that prove the executor.
// The folder is about 45 MB, most of it Node and art. README.md says what to do with it.
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { DATA, type DataPreset } from '../../src/data/dataset.ts';
import type { DataOptions } from '../../src/data/sample.ts';
import { inScope } from '../../src/data/sprites.ts';
import { preset, ENCODER_PIXELS, type Config } from '../../src/models/banana/config.ts';
import { conditionStage, decodeStage, denoiseStage, encodeStage, renderStage } from '../../src/models/banana/stages.ts';
import { cellsOf, samplingTables } from '../../src/models/banana/renderer.ts';
import type { Graph } from '../../src/graph/value.ts';
import { encodeModel } from '../../src/onnx/encode.ts';
import { writeSafetensors } from '../../src/disk/files.ts';
import type { Tensors } from '../../src/tensor/tensor.ts';
import { tokenizerFromJSON, type Tokenizer } from '../../src/tokenizer/tokenizer.ts';
import { encodeCaptions, textFeeds } from '../../src/train/captions.ts';
import { BananaError, InputError } from '../../src/util/errors.ts';
import { DEFAULT_GUIDANCE } from '../../recipes/5-distill.ts';
import { makeTokenizer } from '../../recipes/2-tokenizer.ts';
import { PROMPTS } from '../../recipes/latents.ts';
import { pathsOf } from '../../src/train/paths.ts';
import type { DrawSettings } from './draw.ts';
import { writeFixtures } from './fixtures.ts';
import { archive, layOutKit, packNode } from './kit.ts';
import { checkInputs } from '../../src/train/plan.ts';
import { CUDA_AMOUNTS, gridsOf, rotaryOf, stagesOf, type Amounts, type StageName } from './stages.ts';

const here = dirname(fileURLToPath(import.meta.url));
/** Drawing processes there: each draws with one core and packs with half of another. */
const WORKERS = 10;
/** Side of the pictures on sample sheets. */
const SHEET = 256;

export interface PackOptions {
  preset: string;
  out: string;
  /** The run whose tokenizer is used; made there when it is missing. */
  run?: string;
  workers?: number;
  /** Instead of the preset's own. */
  amounts?: Amounts;
  /** False: no Node and art, for a machine that has its data already (tests). */
  kit?: boolean;
  log?: (line: string) => void;
}

/** What a worker draws: squares with crops for the autoencoder, every shape for the transformer. */
export function drawSettings(a: Amounts, data: DataOptions, config: Config, workers: number): DrawSettings {
  const [pictures, more] = a.pictures;
  const common = { reference: a.reference, shard: a.shard, cropSizes: [0.75 * a.size, 8 * a.size] as [number, number] };
  const square: DataOptions['aspects'] = [[a.size, a.size, 1]];
  return {
    workers,
    length: config.text.length,
    subjects: config.subjects,
    tokenizer: 'tokenizer.json',
    sets: [
      { ...common, name: 'pictures', count: pictures, seed: 1, crop: a.crop, data: { ...data, size: a.size, aspects: square } },
      { ...common, name: 'more', count: more, seed: 2, crop: 0, data: { ...data, size: a.size } },
    ],
  };
}

/** Host numbers of the graphs that encode and sample: rotary tables by grid, prompts, and how a sheet's pictures are read from features. */
function tablesOf(config: Config, a: Amounts, data: DataOptions, tokenizer: Tokenizer): Tensors {
  const side = a.size / ENCODER_PIXELS;
  const references = { rows: a.reference / ENCODER_PIXELS, columns: a.reference / ENCODER_PIXELS };
  const tables: Tensors = {};
  for (const grid of [...gridsOf(data, a.size), { rows: side / 2, columns: side / 2 }, references]) {
    const { cosine, sine } = rotaryOf(grid, config.autoencoder.heads.width);
    Object.assign(tables, { [`encode.${grid.rows}x${grid.columns}.cosine`]: cosine, [`encode.${grid.rows}x${grid.columns}.sine`]: sine });
  }
  const { cosine, sine } = rotaryOf({ rows: side, columns: side }, config.transformer.heads.width);
  const { length } = config.text;
  const { encoded, empty } = encodeCaptions(tokenizer, PROMPTS, length);
  const { feeds } = samplingTables({ x: 0, y: 0, width: SHEET, height: SHEET }, SHEET, SHEET, cellsOf(side, side));
  const named = (prefix: string, tensors: Tensors) =>
    Object.fromEntries(Object.entries(tensors).map(([key, t]) => [`${prefix}.${key}`, t]));
  return {
    ...tables,
    'denoise.cosine': cosine,
    'denoise.sine': sine,
    ...named('render', feeds),
    ...named('prompts', textFeeds(encoded, length)),
    ...named(
      'empty',
      textFeeds(
        encoded.map(() => empty),
        length,
      ),
    ),
  };
}

async function writeGraph(path: string, g: Graph): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, encodeModel(g).model);
}

/** Writes the folder, which is emptied first. Throws InputError for a preset without amounts. */
export async function packRun({
  preset: name,
  out,
  run = `runs/${name}`,
  workers = WORKERS,
  amounts = CUDA_AMOUNTS[name],
  kit = true,
  log = () => {},
}: PackOptions): Promise<void> {
  const config = preset(name);
  const data: DataOptions = DATA[name as DataPreset];
  if (!amounts)
    throw new InputError(
      'cuda.preset',
      `nothing says how preset "${name}" is trained on a CUDA machine: add it to CUDA_AMOUNTS in tools/cuda/stages.ts`,
    );
  const { tokenizer: path } = pathsOf({ preset: name, run });
  const tokenizer = existsSync(path)
    ? tokenizerFromJSON(await readFile(path, 'utf8'), path)
    : await makeTokenizer({ preset: name, out: path, log });
  if (existsSync(out) && !existsSync(join(out, 'bundle.json')) && (await readdir(out)).length > 0)
    throw new InputError('cuda.out', `${out} holds other things: name an empty folder, or a bundle`);
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });

  const { empty: none } = encodeCaptions(tokenizer, [], config.text.length);
  const stages: { name: StageName; init: Record<string, unknown>; [fact: string]: unknown }[] = [];
  for (const stage of stagesOf(config, amounts, data, { ids: Array.from(none.ids).slice(0, config.text.length), count: none.count })) {
    const init = Object.fromEntries([...stage.specs].map(([p, { shape, init }]) => [p, { shape, ...init }]));
    const parts = [];
    for (const { rows, weight, batches, make } of stage.parts) {
      const programs = [];
      for (const batch of batches) {
        const { program, prepare, plan } = make(batch);
        const file: string = `programs/${stage.name}-${rows}-${parts.length}-${batch}`;
        const frozen = Object.entries(stage.frozen ?? {}).flatMap(([prefix, from]) =>
          Object.keys(stages.find((s) => s.name === from)!.init).map((p) => `${prefix}.${p}`),
        );
        checkInputs(program.graph, [...stateNames(program.graph), ...stage.specs.keys(), ...frozen], plan, prepare);
        await writeGraph(join(out, `${file}.onnx`), program.graph);
        await writeGraph(join(out, `${file}.prepare.onnx`), prepare);
        programs.push({ file, batch, plan });
      }
      parts.push({ rows, weight, programs });
      log(`${stage.name}, ${rows}: batches of ${batches.join(', ')}`);
    }
    const { name: stageName, seconds, begin, frozen, bits } = stage;
    stages.push({ name: stageName, seconds, begin, frozen, bits, init, parts });
  }
  const graphs = {
    encode: encodeStage(config),
    condition: conditionStage(config),
    denoise: denoiseStage(config),
    decode: decodeStage(config),
    render: renderStage(config),
  };
  for (const [graphName, stage] of Object.entries(graphs)) await writeGraph(join(out, 'graphs', `${graphName}.onnx`), stage.graph);
  await archive(join(out, 'programs'), join(out, 'programs.tar.xz')); // programs of several batch sizes differ in a few bytes
  await rm(join(out, 'programs'), { recursive: true });
  await writeSafetensors(join(out, 'graphs', 'tables.safetensors'), tablesOf(config, amounts, data, tokenizer));

  await writeFile(join(out, 'tokenizer.json'), JSON.stringify(tokenizer));
  await writeFile(join(out, 'settings.json'), JSON.stringify(drawSettings(amounts, data, config, workers)));
  for (const file of (await readdir(here)).filter((f) => f.endsWith('.py'))) await cp(join(here, file), join(out, file));
  await writeFixtures(join(out, 'check'));
  if (kit) {
    const folder = await mkdtemp(join(tmpdir(), 'banana-kit-'));
    await layOutKit(folder, inScope(data.scope).styles);
    await archive(folder, join(out, 'kit.tar.xz'));
    await rm(folder, { recursive: true });
    await packNode(join(out, 'node.xz'), 'runs/cuda');
  }
  const facts = {
    preset: name,
    channels: config.channels,
    subjects: config.subjects,
    token: ENCODER_PIXELS,
    guidance: DEFAULT_GUIDANCE,
    size: amounts.size,
    reference: amounts.reference,
    grids: gridsOf(data, amounts.size).map((g) => [g.rows, g.columns]),
    stages,
  };
  await writeFile(join(out, 'bundle.json'), JSON.stringify(facts)); // last: a bundle without it is not complete
  log(`${out}: ${((await sizeOf(out)) / 2 ** 20).toFixed(1)} MiB`);
}

/** Inputs that a program's state gives: everything that it has a next value of. */
const stateNames = (g: Graph) =>
  Object.keys(g.outputs)
    .filter((name) => name.startsWith('next/'))
    .map((name) => name.slice(5));

async function sizeOf(path: string): Promise<number> {
  const found = await stat(path);
  if (!found.isDirectory()) return found.size;
  return (await Promise.all((await readdir(path)).map((name) => sizeOf(join(path, name))))).reduce((a, b) => a + b, 0);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const text = { type: 'string' } as const;
  try {
    const { values } = parseArgs({ options: { preset: text, out: text, run: text, workers: text, 'no-kit': { type: 'boolean' } } });
    const name = values.preset ?? 'nano';
    await packRun({
      preset: name,
      out: values.out ?? `runs/cuda/${name}`,
      ...(values.run && { run: values.run }),
      ...(values.workers && { workers: Number(values.workers) }),
      kit: !values['no-kit'],
      log: (line) => console.error(line),
    });
  } catch (error) {
    console.error(error instanceof BananaError ? error.message : error);
    process.exitCode = 1;
  }
}
