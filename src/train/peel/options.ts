// What can be asked of the training of a Peel: each option with its default and its check, in one table. Checked once, at the edge:
// by the command before anything is read, and by the training itself.
// Not here: what a training starts from (training.ts).
import { checkPeelName } from '../../adapters/info.ts';
import { InputError } from '../../util/errors.ts';
import { LAYERS, type LayerGroup } from './program.ts';

export interface TrainPeelOptions {
  /** What a prompt calls it. */
  readonly name: string;
  /** Words that call it up, said after each caption; '' for none. Default "NAME style". */
  readonly trigger?: string;
  readonly description?: string;
  readonly licence?: string;
  readonly author?: string;
  readonly rank?: number;
  readonly layers?: readonly LayerGroup[];
  /** The run ends after this many steps or seconds in all, whichever is first. */
  readonly steps?: number;
  readonly seconds?: number;
  /** Pictures in a step, of which `prior` are the base's own. */
  readonly batch?: number;
  readonly prior?: number;
  readonly rate?: number;
  readonly seed?: number;
  /** Shows pictures mirrored too. */
  readonly flips?: boolean;
  /** Draws samples before, during and after. */
  readonly samples?: boolean;
  /** Holds some pictures out, where there are enough, to stop in time and keep the best state; else it learns from all to the end. */
  readonly heldOut?: boolean;
}

/** Options that have no default, or one made of others. */
type Optional = 'description' | 'author' | 'seconds';
type Undefaulted = Optional | 'name' | 'trigger';
type Defaults = Required<Omit<TrainPeelOptions, Undefaulted>>;

/** Options with every default; steps may be Infinity. */
export type Settings = Required<Omit<TrainPeelOptions, Optional>> & Pick<TrainPeelOptions, Optional>;

interface Check<T> {
  readonly fits: (value: T, all: Settings) => boolean;
  readonly expected: (all: Settings) => string;
  /** Whether the message leaves the value out. */
  readonly unsaid?: boolean;
}
type Row<O extends keyof Settings> = (O extends keyof Defaults ? { readonly default: Defaults[O] } : object) & {
  readonly check?: Check<NonNullable<Settings[O]>>;
};

const whole = (low: number, high: number | ((all: Settings) => number)): Check<number> => {
  const top = (all: Settings) => (typeof high === 'number' ? high : high(all));
  return {
    fits: (n, all) => Number.isInteger(n) && n >= low && n <= top(all),
    expected: (all) => `a whole number from ${low} to ${top(all)}`,
  };
};
/** A text; null, of a caller without types, is none. */
const line = (longest: number): Check<string> => ({
  fits: (text: string | null) => text === null || (typeof text === 'string' && text.length <= longest && !/\p{Cc}/u.test(text)),
  expected: () => `a line of at most ${longest} characters`,
  unsaid: true,
});
const steps = whole(1, 1_000_000);

/** The order of those with a default is part of the key by which a store knows its training again (files.ts). */
const OPTIONS: { readonly [O in keyof Required<Settings>]: Row<O> } = {
  rank: { default: 8, check: whole(1, 128) },
  layers: {
    default: ['attention', 'mlp', 'text'],
    check: { fits: (l) => l.length > 0 && l.every((one) => LAYERS.includes(one)), expected: () => `some of ${LAYERS.join(', ')}` },
  },
  steps: { default: 600, check: { ...steps, fits: (n, all) => n === Infinity || steps.fits(n, all) } },
  batch: { default: 6, check: whole(1, 256) },
  prior: { default: 3, check: whole(0, ({ batch }) => batch - 1) },
  rate: { default: 0.002, check: { fits: (rate) => rate > 0 && rate < 1, expected: () => 'a number between 0 and 1' } },
  seed: { default: 0, check: whole(0, Number.MAX_SAFE_INTEGER) },
  flips: { default: false },
  samples: { default: true },
  heldOut: { default: true },
  licence: { default: 'unknown', check: line(2000) },
  name: {}, // adapters/info.ts checks it
  trigger: { check: line(100) },
  seconds: { check: { fits: (seconds) => seconds > 0 && seconds <= 1e7, expected: () => 'a number above 0' } },
  description: { check: line(2000) },
  author: { check: line(2000) },
};

/** Measured on `pico`: see docs/log.md. */
export const PEEL_DEFAULTS = Object.fromEntries(
  Object.entries(OPTIONS).flatMap(([option, row]) => ('default' in row ? [[option, row.default]] : [])),
) as unknown as Defaults;

/** Every option, given or by default. Throws InputError for options that cannot be trained with. */
export function checkTrainOptions(options: TrainPeelOptions): Settings {
  const said = Object.entries(options).filter(([, value]) => value !== undefined);
  const given = Object.fromEntries(said) as unknown as TrainPeelOptions;
  const unbounded = given.seconds !== undefined && { steps: Infinity };
  const all: Settings = { ...PEEL_DEFAULTS, trigger: `${options.name} style`, ...unbounded, ...given };
  checkPeelName(all.name);
  for (const option of Object.keys(OPTIONS) as (keyof Settings)[]) checkOption(option, all);
  return all;
}

function checkOption<O extends keyof Settings>(option: O, all: Settings): void {
  const value = all[option];
  const { check } = OPTIONS[option] as Row<O>;
  if (value === undefined || !check || check.fits(value as NonNullable<Settings[O]>, all)) return;
  throw new InputError(`options.${option}`, `${option}${check.unsaid ? '' : ` ${String(value)}`}: expected ${check.expected(all)}`);
}
