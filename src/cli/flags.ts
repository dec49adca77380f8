// The flags of a command from tables of options: how each is written, read and explained.
import { Option as Flag, type Command } from 'commander';
import type { Option, Options } from '../draw/option.ts';
import { decimal, subject, whole } from './options.ts';

/** How the text of a flag becomes a value, by the type of its option; a text or a file's name stays as it is. */
function readerOf({ expected, range, entries, flag }: Option): ((text: string, before?: never) => unknown) | undefined {
  if (entries) return flag?.includes('=') ? subject : undefined;
  if (expected !== 'a number') return undefined;
  return range!.startsWith('a number') ? decimal : whole;
}

/** Whether a flag takes something away that is there without it. */
const isOff = (flag: string | undefined): flag is string => flag?.startsWith('--no-') === true;

/** What the help says of an option: what it is, what it may be, what is used when it is left out. */
export function helpOf({
  about,
  flag,
  expected,
  range,
  entries,
  default: value,
  otherwise = value === undefined ? undefined : String(value),
}: Option): string {
  if (isOff(flag)) return `leave out ${about}`;
  const may = entries || expected.startsWith('a picture') ? undefined : range?.replace(/^.* from (?=.* to )/, '');
  return [about, may, otherwise !== undefined && `default ${otherwise}`].filter(Boolean).join('; ');
}

/** The command with the flags of some options, those that have one. */
export function withFlags<O extends Options>(
  command: Command,
  options: O,
  names: readonly (keyof O & string)[] = Object.keys(options),
): Command {
  for (const name of names) {
    const option: Option = options[name]!;
    const { flag } = option;
    const read = readerOf(option);
    if (isOff(flag)) command.addOption(new Flag(flag.replace('no-', '')).hideHelp()); // without it commander counts true as given
    if (flag)
      read
        ? command.option(flag, helpOf(option), read as (text: string, before: unknown) => unknown)
        : command.option(flag, helpOf(option));
  }
  return command;
}
