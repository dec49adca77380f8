// `banana doctor MODEL`: whether a model is well - what it is and consists of, every stage's numbers on a fixed prompt, what is wrong, and
// the seconds and memory to expect here. It draws in this process, so that its memory is the model's.
import { Command } from 'commander';
import { examine, type Examination, type StageReport } from '../doctor/examine.ts';
import { leftOver, type PartReport, reportOf } from '../doctor/parts.ts';
import type { ModelInfo } from '../models/family.ts';
import { loadPainter } from '../node/load.ts';
import { LOADING, type LoadOptions } from '../node/options.ts';
import { InputError } from '../util/errors.ts';
import { withFlags } from './flags.ts';
import type { Io } from './io.ts';
import { stoppable } from './shared.ts';
import { bytes, count, several, table } from './text.ts';

interface Flags extends Omit<LoadOptions, 'peels' | 'model'> {
  json?: boolean;
}

export function doctorCommand(io: Io): Command {
  const command = new Command('doctor')
    .description('say whether a model is well: its parts, the numbers of every stage, seconds and memory')
    .argument('<model>', 'a preset, the path of a model, or one that was pulled by org/name');
  return withFlags(command, LOADING, ['runtime', 'threads', 'precision'])
    .option('--json', 'print one JSON object on standard output')
    .action((model: string, flags: Flags) => stoppable(io, (signal) => doctor(model, flags, io, signal)));
}

async function doctor(given: string, { json, ...loading }: Flags, io: Io, signal: AbortSignal): Promise<void> {
  const { painter, model, path } = await loadPainter({ ...loading, model: given });
  try {
    const found = await examine(painter, { signal });
    const parts = (model.parts?.() ?? []).map(reportOf);
    const memory = process.resourceUsage().maxRSS * 1024;
    io.out(
      json ? `${JSON.stringify({ model: painter.info, path, parts, ...found, memory })}\n` : told(painter.info, path, parts, found, memory),
    );
    if (found.findings.length > 0) throw new InputError('model.unwell', `${path}: ${found.findings.join('; ')}`);
  } finally {
    await painter.release();
  }
}

function told(info: ModelInfo, path: string, parts: readonly PartReport[], found: Examination, memory: number): string {
  const { name, family, preset, hash, runtime, precision, tokens, promptTokens } = info;
  const { size, stages, heard, expected, steps } = found;
  const rows = stages.map((stage) => [nameOf(stage), ...cells(stage)]);
  return [
    `${name}: family ${family}${preset ? `, ${preset}` : ''}, ${hash}\n${path}\n`,
    `runs on ${runtime} in ${precision}; ${tokens} tokens for 512x512, reads ${promptTokens} tokens of a prompt\n`,
    parts.length > 0 ? `\n${table([['part', 'tensors', 'numbers', 'held as', 'left over'], ...parts.map(row)])}` : '',
    `\n${table([['stage', 'least', 'most', 'mean', 'spread', 'none', 'seconds'], ...rows])}`,
    `\n${size.width}x${size.height} in ${several(steps, 'step')}; another prompt changes the first velocity by ${percent(heard)}\n`,
    `expect ${expected.all.toFixed(2)} s for a picture in ${several(info.defaultSteps, 'step')} of ${expected.step.toFixed(2)} s`,
    ` (prompt ${expected.text.toFixed(2)} s, pixels ${expected.pixels.toFixed(2)} s); most memory ${bytes(memory)}\n`,
    found.findings.length === 0 ? 'nothing is wrong\n' : '',
  ].join('');
}

const row = ({ name, tensors, numbers, stored, unused }: PartReport): string[] => [
  name,
  String(tensors),
  count(numbers),
  stored.join(', '),
  leftOver(unused),
];

const nameOf = ({ name, step }: StageReport): string => (step === undefined ? name : `${name}, step ${step}`);

const cells = ({ numbers: { bad, min, max, mean, deviation }, seconds }: StageReport): string[] => [
  ...[min, max, mean, deviation].map((x) => x.toPrecision(3)),
  String(bad),
  seconds > 0 ? seconds.toFixed(3) : '-',
];

const percent = (share: number): string => `${(100 * share).toFixed(share < 0.1 ? 2 : 0)} %`;
