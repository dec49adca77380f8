// Recipe 6: the student in four bits (DQAT). A copy of the student learns to draw the same pictures with 4-bit weights and 8-bit
// activations; the bits are lowered in stages. Which weights keep 6 bits is measured first, one at a time.
//   npx tsx recipes/6-quantize.ts --preset pico [--seconds 600] [--batch 24] [--rate 0.0001]
// Resumable: runs/PRESET/quantized.state.safetensors. The model in four bits is runs/PRESET/PRESET-4bit.safetensors; how far its
// pictures are from the float student's, beside plain rounding, is printed and kept in runs/PRESET/quantized.json.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { describeMachine, provenance } from '../bench/machine.ts';
import { average, median, psnrOverWhite } from '../src/eval/metrics.ts';
import { input } from '../src/graph/value.ts';
import { preset, type Config } from '../src/models/banana/config.ts';
import { openNetworks } from '../src/models/banana/networks.ts';
import type { Precision } from '../src/quant/precision.ts';
import { openSampler } from '../src/train/sample.ts';
import { fakeProduct, levelsOf } from '../src/quant/fake-quant.ts';
import { planOf, raise, rounded, sensitivity, type Plan } from '../src/quant/plan.ts';
import { ortNode } from '../src/runtime/ort-node.ts';
import type { Runtime } from '../src/runtime/runtime.ts';
import { readSafetensors, writeFileWhole, writeSafetensors } from '../src/disk/files.ts';
import { scalar, type Tensor, type Tensors } from '../src/tensor/tensor.ts';
import { cosineRate, train } from '../src/train/loop.ts';
import { bitsAt, EXACT, quantizeProgram, studentGraph } from '../src/train/quantize.ts';
import { averageOf } from '../src/train/step.ts';
import { random, type Random } from '../src/util/random.ts';
import { DEFAULT_GUIDANCE, distillBatch, exportModel, type ExportOptions } from './5-distill.ts';
import { openLatents, type Latents } from './latents.ts';
import type { LatentFacts } from './encode.ts';
import { line, main } from './recipe.ts';
import { readTokenizer } from '../src/node/models.ts';
import { pathsOf, type RecipeOptions } from '../src/train/paths.ts';
import { specsOf } from '../src/models/banana/stages.ts';

/** Side in pixels of the pictures that are compared. */
const SIDE = 256;

export interface QuantizeOptions extends RecipeOptions {
  /** Pictures that are compared. */
  pictures?: number;
}

/** What the layers declared for some of a model's weights. */
const usualPlan = (config: Config, weights: Tensors): Plan => planOf([...specsOf(config)].filter(([path]) => path in weights));

/** The plan of a run: 4 bits where the usual table says so, but the most sensitive 5 % of those weights at 6. */
async function planOfRun(runtime: Runtime, config: Config, data: Latents, student: Tensors, rng: Random): Promise<Plan> {
  const usual = usualPlan(config, student);
  const four = Object.fromEntries(Object.entries(usual).filter(([, bits]) => bits === 4));
  const batch = 8;
  const session = await runtime.compile(studentGraph(config, { batch, tokens: data.tokens, references: data.references }));
  const feeds = distillBatch(data, config, rng, batch, 0.5);
  const run = async (weights: Tensors) => {
    const all: Tensors = { ...feeds, ...weights };
    return (await session.run(Object.fromEntries(session.inputs.map(({ name }) => [name, all[name]!])))).image!.data as Float32Array;
  };
  const used = Object.keys(four).filter((path) => session.inputs.some(({ name }) => name === path));
  const measured = await sensitivity(run, student, Object.fromEntries(used.map((path) => [path, 4])));
  await session.release();
  return { ...usual, ...raise(four, measured, student) };
}

/** Quantizes the student of a preset; returns the path of the model in four bits. */
export async function makeQuantized(options: QuantizeOptions): Promise<string> {
  const config = preset(options.preset);
  const paths = pathsOf(options);
  const at = (name: string) => join(paths.run, name);
  const { seed = 0, steps, seconds, batch = 24, rate = 0.0001, pictures = 64, log = () => {} } = options;
  const rng = random(seed).split('quantize');
  const data = await openLatents(options);
  const student = (await readSafetensors(paths.student)).tensors;
  const runtime = await ortNode();
  const kept = existsSync(at('quantized.safetensors')) ? (await readSafetensors(at('quantized.safetensors'))).metadata.plan : undefined;
  const plan = kept ? (JSON.parse(kept) as Plan) : await planOfRun(runtime, config, data, student, rng.split('plan'));
  log(`plan: ${describe(plan, student)}`);

  const sizes = { batch, tokens: data.tokens, references: data.references };
  const { program, specs } = quantizeProgram(config, sizes, {
    product: fakeProduct({ plan, activations: 'tensor', least: input('least', []) }),
  });
  let done = 0;
  const run = train({
    runtime,
    program,
    weights: student,
    frozen: Object.fromEntries(Object.entries(student).map(([path, t]) => [`${EXACT}.${path}`, t])),
    batch: (step) => ({ ...distillBatch(data, config, rng.split(`batch:${step}`), batch, 1 / 16), least: scalar(levelsOf(bitsAt(done))) }),
    rate: cosineRate(rate, { floor: 0.02 }),
    checkpoint: at('quantized.state.safetensors'),
    log: at('quantized.jsonl'),
    ...(steps !== undefined && { steps }),
    ...(seconds !== undefined && { seconds }),
  });
  for await (const progress of run) {
    done = progress.done;
    log(
      `quantize ${(100 * done).toFixed(1)} %  ${bitsAt(done)} bits  step ${progress.step}  ${progress.seconds.toFixed(0)} s  ${line(progress.metrics)}`,
    );
    if (done >= 1)
      await writeSafetensors(at('quantized.safetensors'), averageOf(progress.state, specs), {
        preset: config.name,
        plan: JSON.stringify(plan),
      });
  }
  const trained = (await readSafetensors(at('quantized.safetensors'))).tensors;
  const autoencoder = (await readSafetensors(paths.autoencoder)).tensors;
  const whole = wholePlan(config, autoencoder, plan);
  const captions = await someCaptions(options, pictures);
  const made = { ...provenance(`npx tsx ${relative('.', process.argv[1] ?? '')}`), machine: describeMachine() };
  const rows = await comparePictures(
    options,
    runtime,
    captions,
    whole,
    { ...autoencoder, ...student },
    { ...autoencoder, ...student, ...trained },
  );
  for (const row of rows)
    log(
      `${row.weights.padEnd(18)} ${row.precision.padEnd(8)} ${row.steps} steps  PSNR median ${row.median.toFixed(2)}, mean ${row.mean.toFixed(2)}, worst ${row.worst.toFixed(2)} dB`,
    );
  await writeFileWhole(
    at('quantized.json'),
    `${JSON.stringify({ ...made, preset: config.name, pictures: captions.length, side: SIDE, plan: describe(plan, student), rows }, null, 2)}\n`,
  );
  return exportQuantized(options);
}

/** The plan of a whole model: the usual one of the autoencoder, and that of the quantized rest. */
export const wholePlan = (config: Config, autoencoder: Tensors, plan: Plan): Plan => ({ ...usualPlan(config, autoencoder), ...plan });

/** The run's model in four bits, as recipe 6 trained it; returns its path. */
export async function exportQuantized(options: RecipeOptions, more: Pick<ExportOptions, 'references'> = {}): Promise<string> {
  const paths = pathsOf(options);
  const [autoencoder, student, quantized] = await Promise.all(
    [paths.autoencoder, paths.student, join(paths.run, 'quantized.safetensors')].map((path) => readSafetensors(path)),
  );
  return exportModel(options, {
    ...more,
    student: { ...student!.tensors, ...quantized!.tensors },
    plan: wholePlan(preset(options.preset), autoencoder!.tensors, JSON.parse(quantized!.metadata.plan!) as Plan),
    name: `${options.preset}-4bit`,
    training: 'recipes 1 to 6 of banana-sdk; see docs/log.md',
  });
}

/** "5.1 M weights at 4 bits, 0.3 M at more: NAMES" */
function describe(plan: Plan, weights: Tensors): string {
  const count = (fits: (bits: number) => boolean) =>
    Object.entries(plan).reduce((sum, [path, bits]) => sum + (fits(bits) && weights[path] ? weights[path].data.length : 0), 0);
  const inner = Object.keys(plan).filter((path) => plan[path]! > 4 && /\.blocks\./.test(path));
  return `${(count((bits) => bits === 4) / 1e6).toFixed(2)} M weights at 4 bits, ${(count((bits) => bits > 4) / 1e6).toFixed(2)} M at more${inner.length > 0 ? `; kept at 6 as sensitive: ${inner.join(', ')}` : ''}`;
}

interface Row {
  readonly weights: string;
  readonly precision: Precision;
  readonly steps: number;
  /** PSNR against the float student's pictures, in dB over white. */
  readonly median: number;
  readonly mean: number;
  readonly worst: number;
}

/** Captions without references, from all over the data. */
async function someCaptions(options: RecipeOptions, count: number): Promise<string[]> {
  const facts = JSON.parse(await readFile(pathsOf(options).latents.replace(/safetensors$/, 'json'), 'utf8')) as LatentFacts[];
  const plain = [...new Set(facts.filter((f) => !f.references?.length).map((f) => f.caption))];
  return Array.from({ length: Math.min(count, plain.length) }, (_, i) => plain[Math.floor((i * plain.length) / count)]!);
}

/** Pictures at equal seeds against the float student's: plainly rounded and trained, on the 8-bit and on the 4-bit kernels. */
async function comparePictures(
  options: RecipeOptions,
  runtime: Runtime,
  captions: readonly string[],
  plan: Plan,
  student: Tensors,
  trained: Tensors,
): Promise<Row[]> {
  const config = preset(options.preset);
  const tokenizer = await readTokenizer(pathsOf(options).tokenizer);
  const autoencoderPlan = Object.fromEntries(Object.entries(plan).filter(([path]) => !path.startsWith('transformer.')));
  const draw = async (weights: Tensors, precision: Precision, steps: number): Promise<Tensor[]> => {
    const networks = openNetworks(runtime, config, weights, { precision, plan });
    const sample = openSampler(networks, tokenizer);
    const pictures: Tensor[] = [];
    for (const [seed, prompt] of captions.entries())
      pictures.push(await sample({ prompt, seed, steps, guidance: DEFAULT_GUIDANCE, kind: 'student', width: SIDE, height: SIDE }));
    await networks.release();
    return pictures;
  };
  const plain = rounded(student, plan);
  const quantized = rounded(trained, plan);
  const variants: [name: string, weights: Tensors, precision: Precision][] = [
    ['autoencoder only', rounded(student, autoencoderPlan), 'float32'],
    ['not rounded', student, 'int8'],
    ['plain rounding', plain, 'int4'],
    ['plain rounding', plain, 'int8'],
    ['trained', quantized, 'int4'],
    ['trained', quantized, 'int8'],
  ];
  const rows: Row[] = [];
  for (const steps of [1, 2, 4]) {
    const exact = await draw(student, 'float32', steps);
    for (const [weights, w, precision] of variants) {
      const found = (await draw(w, precision, steps)).map((picture, i) => psnrOverWhite(picture, exact[i]!));
      rows.push({ weights, precision, steps, median: median(found), mean: average(found), worst: Math.min(...found) });
    }
  }
  return rows;
}

await main(import.meta.url, makeQuantized);
