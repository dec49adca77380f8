// What is evaluated: a model's file or what a run has of one, and the ways in which it draws - steps, precision, its teacher. Sessions
// are opened when a way is first used and live until the end. Used by recipe 7 and the sheets of docs/.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Variant } from './suite.ts';
import { preset, type Config } from '../models/banana/config.ts';
import { initialize } from '../nn/scope.ts';
import { readModel } from '../node/load.ts';
import { modelPath, readTokenizer } from '../node/models.ts';
import { specsOf } from '../models/banana/stages.ts';
import { openNetworks, type Networks, type NetworksOptions } from '../models/banana/networks.ts';
import type { Precision } from '../quant/precision.ts';
import { openSampler } from '../train/sample.ts';
import { planOf } from '../quant/plan.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { readFileWhole } from '../disk/files.ts';
import { decodeSafetensors } from '../tensor/safetensors.ts';
import type { Tensors } from '../tensor/tensor.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { InputError } from '../util/errors.ts';
import { random } from '../util/random.ts';
import { pathsOf } from '../train/paths.ts';

/** A model, or as much of one as there is: without a transformer only its autoencoder can be measured. */
export interface Evaluated {
  readonly name: string;
  readonly file: string;
  /** The beginning of the file's SHA-256. */
  readonly hash: string;
  readonly config: Config;
  readonly weights: Tensors;
  readonly plan?: NetworksOptions['plan'];
  readonly blocks?: NetworksOptions['blocks'];
  /** Its own guidance scale and most steps; undefined while there is no student. */
  readonly guidance?: number;
  readonly steps?: number;
  readonly tokenizer?: Tokenizer;
  /** Trained with reference pictures of subjects. */
  readonly references: boolean;
}

const hashOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex').slice(0, 16);

/** The model that is given, else the shipped one of the preset, else the run's, else the run's autoencoder. Throws InputError where there is nothing. */
export async function openEvaluated({ preset: name, model, run }: { preset: string; model?: string; run: string }): Promise<Evaluated> {
  const own = join(run, `${name}.safetensors`);
  const path = model ?? shipped(name) ?? (existsSync(own) ? own : undefined);
  if (path !== undefined) {
    const { model: found, base } = await readModel(path);
    const { config, weights, plan, blocks, tokenizer, manifest } = found;
    if (config.name !== name)
      throw new InputError('evaluate.preset', `${path} is a model of preset ${config.name}: add --preset ${config.name}`);
    return {
      name: found.name,
      file: path,
      hash: base.hash,
      config,
      weights,
      ...(plan && { plan }),
      ...(blocks && { blocks }),
      guidance: manifest.guidance,
      steps: Math.max(...manifest.steps),
      tokenizer,
      references: manifest.references === true,
    };
  }
  const { autoencoder } = pathsOf({ preset: name, run });
  if (!existsSync(autoencoder))
    throw new InputError(
      'evaluate.model',
      `no model of preset ${name}: give --model FILE, or train one with npm run recipe -- --preset ${name}`,
    );
  const bytes = await readFileWhole(autoencoder);
  const weights = { ...initialize(specsOf(preset(name)), random(0)), ...decodeSafetensors(bytes, autoencoder).tensors };
  return { name: `${name}, unfinished`, file: autoencoder, hash: hashOf(bytes), config: preset(name), weights, references: false };
}

function shipped(name: string): string | undefined {
  try {
    return relative(process.cwd(), modelPath(name)); // results are published: no paths of this machine
  } catch (error) {
    if (error instanceof InputError && error.code === 'model.missing') return undefined;
    throw error;
  }
}

export interface WaysOptions {
  readonly side: number;
  readonly precision: Precision;
  readonly steps?: number;
  readonly guidance?: number;
  /** Where a teacher may be. */
  readonly preset: string;
  readonly run: string;
}

export interface Ways {
  /** What pictures are drawn with where a variant does not say. */
  readonly steps: number;
  readonly guidance: number;
  readonly precision: Precision;
  networks(precision?: Precision): Networks;
  student(options: { steps?: number; precision?: Precision }): Variant;
  /** The run's teacher; undefined where it has none with this model's tokenizer. */
  teacher(steps: number): Promise<Variant | undefined>;
  release(): Promise<void>;
}

/** The ways in which a subject draws. */
export function waysOf(subject: Evaluated, runtime: Runtime, options: WaysOptions): Ways {
  const { config, weights, tokenizer, hash } = subject;
  const { side } = options;
  const steps = options.steps ?? subject.steps ?? 4;
  const guidance = options.guidance ?? subject.guidance ?? 3;
  // A file of 8 bits says how it is stored, not how few the model can do with: at 4 bits it is then plainly rounded.
  const four = Object.values(subject.plan ?? {}).some((bits) => bits <= 4);
  const quantized: Readonly<Record<Precision, NetworksOptions>> = {
    float32: {},
    int8: { ...(subject.plan && { plan: subject.plan }), ...(subject.blocks && { blocks: subject.blocks }) },
    int4: four ? { plan: subject.plan!, ...(subject.blocks && { blocks: subject.blocks }) } : { plan: planOf(specsOf(config)) },
  };
  const opened = new Map<string, Networks>();
  const open = (name: string, own: Tensors, rest: NetworksOptions): Networks => {
    const found = opened.get(name) ?? openNetworks(runtime, config, own, rest);
    opened.set(name, found);
    return found;
  };
  const networks = (precision = options.precision) => open(precision, weights, { precision, ...quantized[precision] });
  const variant = (
    name: string,
    model: string,
    kind: 'student' | 'teacher',
    count: number,
    precision: Precision,
    networksOf: () => Networks,
  ): Variant => {
    let sample: ReturnType<typeof openSampler> | undefined;
    return {
      name,
      key: { model, kind, steps: count, guidance, precision, side },
      draw: (prompt, seed, { references = [], width = side, height = side } = {}) =>
        (sample ??= openSampler(networksOf(), tokenizer!))({
          prompt,
          seed,
          steps: count,
          guidance,
          kind,
          width,
          height,
          ...(references.length > 0 && { references }),
        }),
    };
  };
  return {
    steps,
    guidance,
    precision: options.precision,
    networks,
    student({ steps: count = steps, precision = options.precision }) {
      const bits = precision === options.precision ? '' : `, ${precision}${precision === 'int4' && !four ? ' by plain rounding' : ''}`;
      return variant(`${count} step${count === 1 ? '' : 's'}${bits}`, hash, 'student', count, precision, () => networks(precision));
    },
    async teacher(count) {
      const { teacher: path, tokenizer: words } = pathsOf({ preset: options.preset, run: options.run });
      if (!tokenizer || !existsSync(path) || !existsSync(words)) return undefined;
      if (
        JSON.stringify(await readTokenizer(pathsOf({ preset: options.preset, run: options.run }).tokenizer)) !== JSON.stringify(tokenizer)
      )
        return undefined;
      const bytes = await readFileWhole(path);
      const { tensors } = decodeSafetensors(bytes, path);
      return variant(`teacher, ${count} steps`, `${hash}+${hashOf(bytes)}`, 'teacher', count, 'float32', () =>
        open('teacher', { ...weights, ...tensors }, {}),
      );
    },
    async release() {
      for (const networks of opened.values()) await networks.release();
      opened.clear();
    },
  };
}
