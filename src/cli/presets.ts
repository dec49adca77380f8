// `banana presets`: the sizes that the project knows, and which of them have weights here.
import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { LAYERED_PRESETS, layersPreset } from '../models/layers/config.ts';
import { layersSpecs } from '../models/layers/file.ts';
import { layoutOf, tokenCount } from '../models/layers/layout.ts';
import { countParameters } from '../nn/scope.ts';
import { DEFAULT_MODEL, modelPath } from '../node/models.ts';
import { InputError } from '../util/errors.ts';
import type { Io } from './io.ts';
import { count, table } from './text.ts';

export function presetsCommand(io: Io): Command {
  return new Command('presets').description('list the presets and which of them have weights here').action(() => {
    const tokens = tokenCount(layoutOf({ width: 512, height: 512 }, 1, false));
    const rows = LAYERED_PRESETS.map((name) => {
      const path = weightsOf(name);
      const note = path === undefined ? 'no weights here' : path === modelPath() ? `ready: ${DEFAULT_MODEL}, the default` : 'ready';
      return [name, `${count(countParameters(layersSpecs(layersPreset(name))))} weights`, `${tokens} tokens at 512x512`, note];
    });
    io.out(table(rows));
  });
}

function weightsOf(name: string): string | undefined {
  try {
    const path = modelPath(name);
    return existsSync(path) ? path : undefined;
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}
