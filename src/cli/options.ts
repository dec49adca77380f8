// Numbers on the command line: digits and nothing else, so that "12px", "1e3" and "" are refused, not guessed at.
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
