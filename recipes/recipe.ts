// What the recipes share: the options of the command line, the folder of a run, one line of progress, errors in one line.
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { join } from 'node:path';
import { preset, type Config } from '../src/models/config.ts';
import { BananaError, InputError } from '../src/util/errors.ts';

/** What every recipe is told; each has its own defaults for the rest. */
export interface RecipeOptions {
  preset: string;
  /** Folder of the run; default runs/PRESET. */
  run?: string;
  seed?: number;
  /** Optimizer steps, and seconds, after which training ends: whichever comes first. */
  steps?: number;
  seconds?: number;
  batch?: number;
  rate?: number;
  /** Which part of a network, where a recipe can train one alone. */
  part?: string;
  /** A file of weights to start from instead of random ones, where a recipe can: another run's, say, whose data or latents were others. */
  from?: string;
  /** Weight of a discriminator, where a recipe can have one. */
  adversary?: number;
  log?: (line: string) => void;
}

/** Where the judges of a preset may lie: its run's, then those that are shipped. */
export const judgesOf = (name: string, run: string): string[] => [join(run, 'judges.safetensors'), join('models', `${name}-judges.safetensors`)];

/** Where the parts of a run lie. */
export function pathsOf({ preset: name, run = `runs/${name}` }: RecipeOptions): Record<'run' | 'data' | 'tokenizer' | 'autoencoder' | 'latents' | 'teacher' | 'student' | 'log', string> {
  const at = (file: string) => join(run, file);
  return {
    run,
    data: at('data'),
    tokenizer: at('tokenizer.json'),
    autoencoder: at('autoencoder.safetensors'),
    latents: at('latents.safetensors'),
    teacher: at('teacher.safetensors'),
    student: at('student.safetensors'),
    log: at('log'),
  };
}

export function configOf(options: RecipeOptions): Config {
  return preset(options.preset);
}

/** Runs a recipe from the command line when its file is the one that was started. */
export async function main(url: string, recipe: (options: RecipeOptions) => Promise<unknown>): Promise<void> {
  if (!process.argv[1] || realpathSync(process.argv[1]) !== fileURLToPath(url)) return;
  try {
    const text = { type: 'string' } as const;
    const { values } = parseArgs({ options: { preset: text, run: text, seed: text, steps: text, seconds: text, batch: text, rate: text, part: text, from: text, adversary: text } });
    const number = (name: 'seed' | 'steps' | 'seconds' | 'batch' | 'rate' | 'adversary') => {
      const given = values[name];
      if (given === undefined) return {};
      if (!(Number(given) >= 0)) throw new InputError('recipe.option', `--${name} ${given}: expected a number`);
      return { [name]: Number(given) };
    };
    await recipe({
      preset: values.preset ?? 'pico',
      ...(values.run !== undefined && { run: values.run }),
      ...(values.part !== undefined && { part: values.part }),
      ...(values.from !== undefined && { from: values.from }),
      ...number('seed'), ...number('steps'), ...number('seconds'), ...number('batch'), ...number('rate'), ...number('adversary'),
      log: (line) => console.error(line),
    });
  } catch (error) {
    console.error(error instanceof BananaError || (error instanceof Error && 'code' in error) ? error.message : error);
    process.exitCode = 1;
  }
}

/** Metrics in one line: "loss 0.123  edges 0.045". */
export function line(metrics: Readonly<Record<string, number>>): string {
  return Object.entries(metrics).map(([key, x]) => `${key} ${x.toPrecision(4)}`).join('  ');
}
