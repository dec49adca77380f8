// Peels of a picture: what the caller names, where it is found, what becomes of it. Files are found by a source that is handed
// in (a folder in Node, see load.ts; none in a browser, which gives the bytes), fitted to the model once and remembered.
// Not here: the file (adapters/peel.ts), its effect (adapters/lora.ts).
import { sha256 } from '../adapters/hash.ts';
import type { FitPeel, Peel } from '../adapters/peel.ts';
import { NO_PEELS, withPeel, type PeelStack } from '../adapters/stack.ts';
import { takePeels } from '../adapters/syntax.ts';
import { InputError } from '../util/errors.ts';
import { PEELS_MAX, type PeelChoice } from './request.ts';

/** A Peel as a recipe notes it. */
export interface UsedPeel {
  readonly name: string;
  readonly weight: number;
  /** SHA-256 of its matrices, the first 16 hexadecimal digits. */
  readonly hash: string;
}

/** Finds a Peel's file; `stamp` changes when the file does. Throws InputError when there is none. */
export type PeelSource = (choice: PeelChoice) => Promise<{ source: string; stamp: string; read(): Promise<Uint8Array> }>;

/** A prompt and the Peels of a request, those inside the prompt too. Throws InputError for one that is none, or written wrongly. */
export function peelsOf({ prompt, peels = [] }: { prompt: string; peels?: readonly PeelChoice[] | undefined }): {
  prompt: string;
  peels: PeelChoice[];
} {
  const wrong = (path: string, why: string) => new InputError('options.peels', why, { path });
  for (const [i, { name, path, bytes }] of peels.entries())
    if ([name, path, bytes].filter((x) => x !== undefined).length !== 1)
      throw wrong(`peels[${i}]`, 'each of peels needs one of name, path and bytes');
  const said = takePeels(prompt);
  const all = [...peels, ...said.peels];
  if (all.length > PEELS_MAX) throw wrong('peels', `${all.length} Peels: expected at most ${PEELS_MAX}`);
  return { prompt: said.prompt, peels: all };
}

/** What a stack is called in a recipe. */
export const usedPeels = (stack: PeelStack): UsedPeel[] =>
  stack.map(({ peel, weight }) => ({ name: peel.info.name, weight, hash: peel.hash.slice(0, 16) }));

/** Of a model that takes none: able.ts says so before. */
export const noPeels =
  ({ info }: { readonly info: { readonly name: string } }): FitPeel =>
  async () => {
    throw new InputError('model.ability', `model "${info.name}" takes no Peels`);
  };

const REMEMBERED = 16;

/** A function from choices to a stack that fits a model. Files are read again only when they change; the same choices give the same stack. */
export function peelShelf(fit: FitPeel, source?: PeelSource): (choices: readonly PeelChoice[]) => Promise<PeelStack> {
  const fitted = new Map<string, Promise<Peel>>();
  let last: { key: string; stack: PeelStack } | undefined;
  const find = async (choice: PeelChoice): Promise<{ key: string; load(): Promise<Peel> }> => {
    const { bytes, name, force = false } = choice;
    if (!bytes && !source) throw new InputError('options.peels', `Peel "${name ?? choice.path}": there is no library here, give its bytes`);
    const found = bytes ? { source: 'the given Peel', stamp: await sha256([bytes]), read: async () => bytes } : await source!(choice);
    const load = async (): Promise<Peel> => {
      const peel = await fit(await found.read(), found.source, { force });
      return name === undefined ? peel : { ...peel, info: { ...peel.info, name } };
    };
    return { key: JSON.stringify([name, found.source, found.stamp, force]), load };
  };
  return async (choices) => {
    if (choices.length === 0) return NO_PEELS;
    const found = await Promise.all(choices.map(find));
    const key = JSON.stringify(found.map((one, i) => [one.key, choices[i]!.weight ?? 1]));
    if (last?.key === key) return last.stack;
    let stack = NO_PEELS;
    for (const [i, one] of found.entries()) {
      const peel = fitted.get(one.key) ?? one.load();
      fitted.delete(one.key);
      fitted.set(one.key, peel); // newest last
      peel.catch(() => fitted.delete(one.key));
      stack = withPeel(stack, await peel, choices[i]!.weight ?? 1);
    }
    for (const old of [...fitted.keys()].slice(0, -REMEMBERED)) fitted.delete(old);
    last = { key, stack };
    return stack;
  };
}
