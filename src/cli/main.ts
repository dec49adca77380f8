#!/usr/bin/env node
// The command `banana`. A bare prompt means `generate`. Results go to standard output, progress and complaints to standard
// error, one line each. Exit codes: 0 done, 1 the machine failed, 2 the request cannot be done, 130 interrupted.
import { Command, CommanderError } from 'commander';
import { VERSION } from '../pipeline/recipe.ts';
import { BananaError, InputError } from '../util/errors.ts';
import { generateCommand } from './generate.ts';
import { inspectCommand } from './inspect.ts';
import { presetsCommand } from './presets.ts';

const program = new Command('banana')
  .description('Pictures from words, on this machine and nowhere else.')
  .version(VERSION)
  .exitOverride()
  .showSuggestionAfterError(false)
  .enablePositionalOptions();
program.addCommand(generateCommand(), { isDefault: true }).addCommand(inspectCommand()).addCommand(presetsCommand());
for (const command of program.commands) command.exitOverride().showSuggestionAfterError(false);

/** Runs the command line; returns the exit code. */
async function main(args: readonly string[]): Promise<number> {
  if (args.length === 0) {
    process.stdout.write(program.helpInformation());
    return 0;
  }
  try {
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2; // it has said why
    if ((error as Error).name === 'AbortError') {
      process.stderr.write('cancelled\n');
      return 130;
    }
    const known = error instanceof BananaError;
    const message = (error instanceof Error ? error.message : String(error)).replace(/\s*\n\s*/g, ' ');
    process.stderr.write(`error: ${known ? '' : 'unexpected: '}${message}\n`);
    if (!known && process.env['BANANA_DEBUG']) console.error(error);
    return error instanceof InputError ? 2 : 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
