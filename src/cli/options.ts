// Values on the command line. A number is written as one and nothing else, so that "12px" and "" are refused, not guessed at.
import { InvalidArgumentError } from 'commander';
import type { PeelChoice } from '../draw/request.ts';
import { InputError } from '../util/errors.ts';
import { NUMBER, numberOf } from '../util/number.ts';

/** A whole number. */
export function whole(text: string): number {
  const n = numberOf(text);
  if (n === undefined || !Number.isInteger(n)) throw new InvalidArgumentError('Expected a whole number.');
  return n;
}

/** A text that may be given again. */
export const repeated = (text: string, before: readonly string[] = []): string[] => [...before, text];

/** A decimal number. */
export function decimal(text: string): number {
  const n = numberOf(text);
  if (n === undefined) throw new InvalidArgumentError('Expected a number.');
  return n;
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

const CHOICE = new RegExp(`^(.+?)(?::(${NUMBER}))?$`);

/** "ink:0.8" as a choice; a path may hold colons. */
export function choiceOf(text: string): PeelChoice {
  const [, peel, weight] = CHOICE.exec(text) ?? [];
  if (!peel) throw new InputError('options.peels', 'a Peel needs a name or a file, such as ink or ink:0.8');
  const isPath = /[/\\]|\.safetensors$/.test(peel);
  return { ...(isPath ? { path: peel } : { name: peel }), ...(weight !== undefined && { weight: Number(weight) }) };
}

/** `ink:0.8`, as often as there are Peels. */
export const peel = (text: string, before: readonly PeelChoice[] = []): PeelChoice[] => [...before, choiceOf(text)];
