// The command line: commands, errors in one line, exit codes. A bare prompt means `generate`. Exit codes: 0 done, 1 the
// machine failed, 2 the request cannot be done, 130 interrupted, 141 nobody reads the output any more, 143 terminated.
import { Command, CommanderError } from 'commander';
import { VERSION } from '../draw/recipe.ts';
import { BananaError, InputError } from '../util/errors.ts';
import { askBack } from './ask-back.ts';
import { batchCommand } from './batch.ts';
import { doctorCommand } from './doctor.ts';
import { EXAMPLES, generateCommand } from './generate.ts';
import { importCommand } from './import.ts';
import { inspectCommand } from './inspect.ts';
import { Stopped, type Io } from './io.ts';
import { liveCommand } from './live.ts';
import { modelsCommand } from './models.ts';
import { mcpCommand } from './mcp.ts';
import { peelCommand } from './peel.ts';
import { presetsCommand } from './presets.ts';
import { pullCommand } from './pull.ts';
import { scenesCommand } from './scenes.ts';
import { sharpenCommand } from './sharpen.ts';
import { serveCommand } from './serve.ts';
import { workerCommand } from './worker.ts';

/** All commands. */
export function programOf(io: Io): Command {
  const program = new Command('banana')
    .description('Pictures from words, on this machine and nowhere else.')
    .version(VERSION)
    .addHelpText('after', `${EXAMPLES}  banana generate --help\n`);
  program.addCommand(generateCommand(io), { isDefault: true });
  for (const command of [
    liveCommand,
    batchCommand,
    scenesCommand,
    sharpenCommand,
    inspectCommand,
    presetsCommand,
    peelCommand,
    pullCommand,
    modelsCommand,
    doctorCommand,
    importCommand,
    serveCommand,
    workerCommand,
    mcpCommand,
  ])
    program.addCommand(command(io));
  for (const command of [program, ...program.commands.flatMap((c) => [c, ...c.commands])])
    command.exitOverride().showSuggestionAfterError(false).configureOutput({ writeOut: io.out, writeErr: io.err });
  return program;
}

/** Runs a command line; returns the exit code. Nothing is thrown: what went wrong is one line on `io.err`. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const program = programOf(io);
  if (args.length === 0) {
    program.outputHelp();
    return 0;
  }
  try {
    const names = [...program.commands.map((c) => c.name()), 'help'];
    const [first = ''] = args;
    if (first === '--')
      args = ['generate', ...args]; // even the name of a command
    else if (!names.includes(first)) {
      if (!first.startsWith('-')) askBack(first, names);
      if (!args.includes('--')) program.hook('preAction', (_, action) => askBack(action.args[0]!, names));
    }
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2; // it has said why
    if ((error as Error).name === 'AbortError') {
      io.err('cancelled\n');
      return error instanceof Stopped ? error.exitCode : 130;
    }
    const known = error instanceof BananaError;
    const message = (error instanceof Error ? error.message : String(error)).replace(/\s*\n\s*/g, ' ');
    io.err(`error: ${known ? '' : 'unexpected: '}${message}\n`);
    if (!known && process.env['BANANA_DEBUG']) console.error(error);
    return error instanceof InputError ? 2 : 1;
  }
}
