// Peels in a prompt: "a fox <peel:ink:0.8>" draws "a fox" with the Peel ink at weight 0.8; without a weight it is 1. <lora:ink:0.8>, as other
// tools have it, is the same.
import { InputError } from '../util/errors.ts';
import { NUMBER } from '../util/number.ts';
import { checkPeelName } from './info.ts';
import { checkWeight } from './stack.ts';

export interface NamedPeel {
  readonly name: string;
  readonly weight: number;
}

const INSIDE = new RegExp(`^:([^:]+)(?::(${NUMBER}))?$`);

/** The prompt without its Peels, and the Peels. Throws InputError for one that is written wrongly. */
export function takePeels(prompt: string): { prompt: string; peels: NamedPeel[] } {
  const peels: NamedPeel[] = [];
  // looked for from where a space begins, not from each: a request may be millions of them
  const rest = prompt.replace(/(?<!\s)\s*<(?:peel|lora)\b([^<>]*)>?/gi, (all, inside: string) => {
    const found = INSIDE.exec(inside.trim());
    if (!found || !all.endsWith('>'))
      throw new InputError('prompt.peel', `"${all.trim().slice(0, 80)}": expected <peel:name> or <peel:name:0.8>`);
    const name = checkPeelName(found[1]!.trim());
    peels.push({ name, weight: checkWeight(Number(found[2] ?? 1), name) });
    return '';
  });
  return { prompt: rest.trim(), peels };
}

/** How a prompt says it. */
export const peelText = ({ name, weight }: NamedPeel): string => `<peel:${name}:${weight}>`;
