// `banana import SOURCE --out FILE`: a model of others as one file of ours, in few bits.
import { Command, Option } from 'commander';
import type { ContainerBits } from '../models/container.ts';
import { importModel } from '../node/import.ts';
import type { Io } from './io.ts';
import { bytes } from './text.ts';

interface Flags {
  out: string;
  bits: string;
  json?: boolean;
}

export function importCommand(io: Io): Command {
  return new Command('import')
    .description('write a model of others as one file, in few bits: smaller, and ready sooner')
    .argument('<source>', 'the folder of a model, a checkpoint in one file, or one that was pulled by org/name')
    .requiredOption('--out <file>', 'the file to write, a .safetensors')
    .addOption(new Option('--bits <n>', 'bits of the large matrices').choices(['4', '8', '16']).default('8'))
    .option('--json', 'print one JSON object on standard output')
    .action(async (source: string, { out, bits, json }: Flags) => {
      const made = await importModel(source, out, Number(bits) as ContainerBits);
      io.out(json ? `${JSON.stringify(made)}\n` : `${made.path}  ${bytes(made.bytes)}  ${made.name} in ${bits} bits\n`);
    });
}
