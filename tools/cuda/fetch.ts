// What came back from a CUDA machine, put into a run's folder as recipes 3 to 6 would have left it:
//   npm run cuda:fetch -- FOLDER... [--preset nano] [--run runs/nano]
// FOLDERs hold report-NN.tar and parts of weights, as chain.py laid them out, any of them so far; the same command again when
// more has come. Writes autoencoder, teacher, student and quantized .safetensors (float32, of the rounded numbers), logs and
// sheets, and, when autoencoder and student are whole, the model: RUN/PRESET.safetensors, and RUN/PRESET-4bit.safetensors.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { preset } from '../../src/models/banana/config.ts';
import { dequantizeBlocks } from '../../src/quant/blocks.ts';
import type { Plan } from '../../src/quant/plan.ts';
import { readFileWhole, readSafetensors, writeSafetensors } from '../../src/disk/files.ts';
import { SCALE } from '../../src/quant/stored.ts';
import { decodeSafetensors } from '../../src/tensor/safetensors.ts';
import { float32, tensor, type Tensor, type Tensors } from '../../src/tensor/tensor.ts';
import { fromHalves } from '../../src/util/float16.ts';
import { BananaError, InputError } from '../../src/util/errors.ts';
import { exportModel } from '../../recipes/5-distill.ts';
import { wholePlan } from '../../recipes/6-quantize.ts';
import { pathsOf } from '../../src/train/paths.ts';

const TRAINING = 'tools/cuda: every stage on a CUDA machine; see docs/log.md';

/** What a report says of a stage's weights. */
interface Exported {
  readonly parts: readonly string[];
  readonly sha256: string;
}

/** The float32 weights and the plan of a file that export.py wrote. Throws InputError when it is not one. */
export function readExport(bytes: Uint8Array, source: string): { weights: Tensors; plan: Plan } {
  const { tensors, metadata } = decodeSafetensors(bytes, source);
  if (!metadata.bits || !metadata.shapes) throw new InputError('cuda.export', `${source}: not a file of export.py`);
  const bits = JSON.parse(metadata.bits) as Record<string, number>;
  const shapes = JSON.parse(metadata.shapes) as Record<string, number[]>;
  const weights: Tensors = {};
  for (const [path, stored] of Object.entries(tensors)) {
    if (path.endsWith(SCALE) && bits[path.slice(0, -SCALE.length)] !== undefined) continue;
    if (bits[path] === undefined) weights[path] = float32(stored.shape, fromHalves(stored.data as Uint16Array));
    else {
      const values = shapes[path] ? tensor('int4', shapes[path], stored.data as Uint8Array<ArrayBuffer>) : (stored as Tensor<'int8'>);
      weights[path] = dequantizeBlocks({ values, scales: tensors[path + SCALE] as Tensor<'float16'> });
    }
  }
  return { weights, plan: bits };
}

/** Puts together what lies in the folders; returns the names of the stages that are whole, and of the parts that are missing. */
export async function fetchRun(
  folders: readonly string[],
  { preset: name, run = `runs/${name}`, log = () => {} }: { preset: string; run?: string; log?: (line: string) => void },
): Promise<{ whole: string[]; missing: string[] }> {
  const files = new Map<string, string>();
  for (const folder of folders) for (const file of await readdir(folder)) files.set(file, join(folder, file));
  const reports = [...files.keys()].filter((file) => /^report-\d+\.tar$/.test(file)).sort();
  if (reports.length === 0) throw new InputError('cuda.report', `no report-NN.tar in ${folders.join(', ')}`);
  await mkdir(run, { recursive: true });
  for (const report of reports) execFileSync('tar', ['-C', run, '-xf', files.get(report)!]); // later ones hold all of the earlier
  const exports = JSON.parse(new TextDecoder().decode(await readFileWhole(join(run, 'exports.json')))) as Record<string, Exported>;
  const [whole, missing]: [string[], string[]] = [[], []];
  for (const [stage, { parts, sha256 }] of Object.entries(exports)) {
    const lacking = parts.filter((part) => !files.has(part));
    if (lacking.length > 0) {
      missing.push(...lacking);
      continue;
    }
    const bytes = Buffer.concat(await Promise.all(parts.map((part) => readFileWhole(files.get(part)!))));
    if (createHash('sha256').update(bytes).digest('hex') !== sha256)
      throw new InputError('cuda.sum', `${stage}: its parts are damaged, or of another run; fetch them again (chain.py --resend ${stage})`);
    const { weights, plan } = readExport(new Uint8Array(bytes), stage);
    await writeSafetensors(join(run, `${stage}.safetensors`), weights, {
      preset: name,
      ...(stage === 'quantized' && { plan: JSON.stringify(plan) }),
    });
    whole.push(stage);
    log(`${stage}: ${(bytes.length / 2 ** 20).toFixed(1)} MiB in ${parts.length} parts`);
  }
  if (missing.length > 0) log(`still to fetch: ${missing.join(', ')}`);
  return { whole, missing };
}

/** The models that can be made of a run that was fetched; returns their paths. */
export async function modelsOf(name: string, run = `runs/${name}`): Promise<string[]> {
  const options = { preset: preset(name).name, run };
  const paths = pathsOf(options);
  const made: string[] = [];
  if (!existsSync(paths.autoencoder)) return made;
  if (existsSync(paths.student)) made.push(await exportModel(options, { training: TRAINING }));
  const quantized = join(run, 'quantized.safetensors');
  if (existsSync(quantized)) {
    const { tensors, metadata } = await readSafetensors(quantized);
    const autoencoder = (await readSafetensors(paths.autoencoder)).tensors;
    const plan = wholePlan(preset(name), autoencoder, JSON.parse(metadata.plan!) as Plan);
    made.push(await exportModel(options, { student: tensors, plan, name: `${name}-4bit`, training: TRAINING }));
  }
  return made;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const text = { type: 'string' } as const;
  try {
    const { values, positionals } = parseArgs({ allowPositionals: true, options: { preset: text, run: text } });
    const name = values.preset ?? 'nano';
    const run = values.run ?? `runs/${name}`;
    if (positionals.length === 0) throw new InputError('cuda.folders', 'name the folders that came back');
    const { whole } = await fetchRun(positionals, { preset: name, run, log: console.error });
    if (whole.length > 0) for (const path of await modelsOf(name, run)) console.error(`model: ${path}`);
  } catch (error) {
    console.error(error instanceof BananaError ? error.message : error);
    process.exitCode = 1;
  }
}
