// `banana presets`: the sizes that the project knows, and which of them have weights here.
import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { baseTokens, preset, PRESETS } from '../models/banana/config.ts';
import { countParameters } from '../nn/scope.ts';
import { DEFAULT_MODEL, modelPath } from '../node/models.ts';
import { specsOf } from '../models/banana/stages.ts';
import { InputError } from '../util/errors.ts';
import type { Io } from './io.ts';
import { count, table } from './text.ts';

export function presetsCommand(io: Io): Command {
  return new Command('presets').description('list the presets and which of them have weights here').action(() => {
    const rows = PRESETS.map((name) => [
      name,
      `${count(countParameters(specsOf(preset(name))))} weights`,
      `${baseTokens(preset(name))} tokens at 512x512`,
      `${hasWeights(name) ? 'ready' : 'no weights here'}${name === DEFAULT_MODEL ? ', the default' : ''}`,
    ]);
    io.out(table(rows));
  });
}

function hasWeights(name: string): boolean {
  try {
    return existsSync(modelPath(name));
  } catch (error) {
    if (error instanceof InputError) return false;
    throw error;
  }
}
