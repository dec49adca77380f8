// Values on the command line. Numbers are digits and nothing else, so that "12px", "1e3" and "" are refused, not guessed at.
import { InvalidArgumentError } from 'commander';

/** A whole number. */
export function whole(text: string): number {
  if (!/^-?\d+$/.test(text)) throw new InvalidArgumentError('Expected a whole number.');
  return Number(text);
}

/** A decimal number. */
export function decimal(text: string): number {
  if (!/^-?\d+(\.\d+)?$/.test(text)) throw new InvalidArgumentError('Expected a number.');
  return Number(text);
}

/** A subject's slot and the file of its picture. */
export interface SubjectFile {
  readonly slot: number;
  readonly path: string;
}

/** `1=fox.png`, as often as there are subjects. */
export function subject(text: string, before: readonly SubjectFile[] = []): SubjectFile[] {
  const found = /^(\d+)=(.+)$/.exec(text);
  if (!found) throw new InvalidArgumentError('Expected a slot and a file, such as 1=fox.png.');
  return [...before, { slot: Number(found[1]), path: found[2]! }];
}
