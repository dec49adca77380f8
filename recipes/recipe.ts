// What the recipes share: the options of the command line, the folder of a run, one line of progress, errors in one line.
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { RecipeOptions } from '../src/train/paths.ts';
import { BananaError, InputError } from '../src/util/errors.ts';

/** Runs a recipe from the command line when its file is the one that was started. */
export async function main(url: string, recipe: (options: RecipeOptions) => Promise<unknown>): Promise<void> {
  if (!process.argv[1] || realpathSync(process.argv[1]) !== fileURLToPath(url)) return;
  try {
    const text = { type: 'string' } as const;
    const { values } = parseArgs({
      options: {
        preset: text,
        run: text,
        seed: text,
        steps: text,
        seconds: text,
        batch: text,
        rate: text,
        part: text,
        from: text,
        without: text,
        processes: text,
      },
    });
    const number = (name: 'seed' | 'steps' | 'seconds' | 'batch' | 'rate' | 'processes') => {
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
      ...(values.without !== undefined && { without: values.without.split(',') }),
      ...number('seed'),
      ...number('steps'),
      ...number('seconds'),
      ...number('batch'),
      ...number('rate'),
      ...number('processes'),
      log: (line) => console.error(line),
    });
  } catch (error) {
    console.error(error instanceof BananaError || (error instanceof Error && 'code' in error) ? error.message : error);
    process.exitCode = 1;
  }
}

/** Metrics in one line: "loss 0.123  edges 0.045". */
export function line(metrics: Readonly<Record<string, number>>): string {
  return Object.entries(metrics)
    .map(([key, x]) => `${key} ${x.toPrecision(4)}`)
    .join('  ');
}
