// `banana presets`: the sizes that the project knows, and which of them have weights here.
import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { baseTokens, preset, PRESETS } from '../models/banana/config.ts';
import { countParameters } from '../nn/scope.ts';
import { DEFAULT_MODEL, modelPath } from '../node/models.ts';
import { layersPreset } from '../models/layers/config.ts';
import { layersSpecs } from '../models/layers/file.ts';
import { layoutOf, tokenCount } from '../models/layers/layout.ts';
import { specsOf } from '../models/banana/stages.ts';
import { InputError } from '../util/errors.ts';
import type { Io } from './io.ts';
import { count, table } from './text.ts';

export function presetsCommand(io: Io): Command {
  return new Command('presets').description('list the presets and which of them have weights here').action(() => {
    const ready = (name: string) => (hasWeights(name) ? 'ready' : 'no weights here');
    const row = (name: string, weights: number, tokens: number, note: string) => [
      name,
      `${count(weights)} weights`,
      `${tokens} tokens at 512x512`,
      note,
    ];
    const layered = layersPreset('pico');
    const square = layoutOf({ width: 512, height: 512 }, 1, false);
    const rows = [
      row(
        DEFAULT_MODEL,
        countParameters(layersSpecs(layered)),
        tokenCount(square),
        `${ready(DEFAULT_MODEL)}, the default; draws in layers`,
      ),
      ...PRESETS.map((name) => row(name, countParameters(specsOf(preset(name))), baseTokens(preset(name)), ready(name))),
    ];
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
