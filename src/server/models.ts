// The models that a server draws with, and which of them a request means. Every face names one by `model` (AUTOMATIC1111's by its own word);
// a request that names none is for the first.
import { withinModel } from '../draw/able.ts';
import { isObject, text, type Option } from '../draw/option.ts';
import type { Limits } from '../draw/request.ts';
import type { Banana } from '../sdk/banana.ts';
import { InputError } from '../util/errors.ts';
import { nearest } from '../util/slips.ts';

/** What a server draws with: an opened banana, or one that opens when it is asked for (shelf.ts). */
export type Source = Pick<Banana, 'model' | 'generate'>;

/** A model, and how much a request to it may ask for. */
export interface Served extends Source {
  readonly limits: Limits;
}

export interface Models {
  /** The first is that of requests that name none. */
  readonly all: readonly Served[];
  /** How much a request to one of them may ask for: the steps are those of any. */
  readonly limits: Limits;
  /** The model of a name, or of a preset. Throws InputError `model.unknown`, with the name that is most like it. */
  find(name?: string, path?: string): Served;
}

/** The option of a request that says which. */
export const MODEL: Option = { ...text(), about: 'the model, as /v1/models calls it', otherwise: 'the first one', code: 'model.unknown' };

/** The model that a request in JSON names. Throws as `find`; what is no text is refused with the other options. */
export const namedIn = ({ find }: Models, body: unknown): Served =>
  find(isObject(body) && typeof body['model'] === 'string' ? body['model'] : undefined);

/** Throws InputError `model.twice` for two models of one name, `options.limits` as withinModel. */
export function modelsOf(sources: readonly Source[], most: Limits): Models {
  const all = sources.map(
    (one): Served => ({
      get model() {
        return one.model; // of one that was opened meanwhile more is known
      },
      generate: one.generate,
      limits: withinModel(most, one.model),
    }),
  );
  const names = all.map(({ model }) => model.name);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) throw new InputError('model.twice', `two models are called ${twice}: requests could not tell them apart`);
  return {
    all,
    limits: { ...most, steps: most.steps.filter((n) => all.some(({ limits }) => limits.steps.includes(n))) },
    find(name, path = 'model') {
      if (name === undefined) return all[0]!;
      const found = all.find(({ model }) => model.name === name) ?? all.find(({ model }) => model.preset === name);
      if (found) return found;
      throw new InputError('model.unknown', `there is no model "${name.slice(0, 80)}" here: ${meant(name.slice(0, 80), names)}`, { path });
    },
  };
}

/** What someone who wrote this name wants to know. */
function meant(word: string, names: readonly string[]): string {
  const { name, slips } = nearest(word.toLowerCase(), names, (one) => one.toLowerCase());
  return names.length > 1 && slips <= word.length / 2
    ? `did you mean ${name}? There are ${names.join(', ')}`
    : `this server draws with ${names.join(', ')}`;
}
