// An adapter that another tool made, for the parts of a pipeline: which keys are for which weight, what does not fit, and what it was
// made for - by names and shapes alone, so that a file of any size is judged at once; its numbers are read when asked for. Nothing is
// skipped without a word: what does not fit stands in the report, and the report fails unless forced.
import type { Weights } from '../tensor/weights.ts';
import { InputError } from '../util/errors.ts';
import { fitsWeight, METHODS, methodOf, scaleOf, type Delta, type MethodName, type Parts } from './delta.ts';
import { printable } from './info.ts';
import { partOf, unreadMethod, type Part } from './keys.ts';
import { baseOf, parsed, tagsOf, triggersOf, type Keys } from './origin.ts';
import { COMPONENTS, componentOf, targetFinder, type ComponentName, type Components, type Target } from './targets.ts';

/** How a component's keys fit its weights. */
export interface Fit {
  readonly component: ComponentName;
  /** Weights that are changed. */
  readonly matched: number;
  /** Modules of the file that are no weight here. */
  readonly unmatched: readonly string[];
  /** Modules that are one, with why their parts do not fit. */
  readonly misshapen: readonly string[];
}

export interface Report {
  /** Every component that the file or the pipeline has something of. */
  readonly fits: readonly Fit[];
  /** Keys that are no part of an adapter that is read, with the method where it is known. */
  readonly unread: readonly string[];
  readonly methods: readonly MethodName[];
  /** The base that it says it was made for, or that its shapes tell; undefined where nothing does. */
  readonly base: string | undefined;
  /** Words that it says call it up. */
  readonly triggers: readonly string[];
  /** What its pictures were described by, the most used first. */
  readonly tags: readonly string[];
}

export interface ForeignAdapter {
  readonly report: Report;
  /** Where there is a change. */
  readonly targets: readonly Target[];
  /** The change of one of `targets`, read now. */
  read(target: Target): Promise<Delta>;
}

/** Judges a file by its names and shapes. */
export function foreignAdapter(file: Weights, components: Components): ForeignAdapter {
  const { modules, unread } = modulesOf(file.names);
  const find = targetFinder(components);
  const changes = new Map<string, { target: Target; keys: Keys; method: MethodName; module: string }>();
  const fits = new Map(COMPONENTS.filter((name) => components[name]).map((name) => [name, emptyFit(name)]));
  const methods = new Set<MethodName>();
  for (const [module, keys] of modules) {
    const target = find(module);
    const component = target?.component ?? componentOf(module, components);
    const fit = fits.get(component) ?? fits.set(component, emptyFit(component)).get(component)!;
    const parts = outlined(file, keys);
    const method = methodOf(parts);
    const id = target && `${target.component} ${target.module}`;
    if (!target) fit.unmatched.push(printable(module));
    else if (!method || changes.has(id!) || !fitsWeight({ method, parts, shape: target.shape }))
      fit.misshapen.push(misfit(module, parts, target, method && changes.has(id!)));
    else {
      changes.set(id!, { target, keys, method, module });
      methods.add(method);
      fit.matched++;
    }
  }
  const scales = scalesOf(file);
  return {
    report: {
      fits: [...fits.values()],
      unread,
      methods: [...methods],
      base: baseOf(file, modules),
      triggers: triggersOf(file.metadata),
      tags: tagsOf(file.metadata),
    },
    targets: [...changes.values()].map(({ target }) => target),
    async read({ component, module, shape }) {
      const { keys, method, module: name } = changes.get(`${component} ${module}`)!;
      const parts = await readParts(file, keys);
      return { method, parts, shape, scale: parts.alpha ? scaleOf(method, parts) : scales(component, name, METHODS[method].rank(parts)) };
    },
  };
}

interface GrowingFit extends Fit {
  matched: number;
  readonly unmatched: string[];
  readonly misshapen: string[];
}

const emptyFit = (component: ComponentName): GrowingFit => ({ component, matched: 0, unmatched: [], misshapen: [] });

/** Keys by module and part; those that are none. */
function modulesOf(names: readonly string[]): { modules: Map<string, Keys>; unread: string[] } {
  const modules = new Map<string, Keys>();
  const unread: string[] = [];
  for (const name of names) {
    const found = partOf(name);
    const keys = found && (modules.get(found.module) ?? modules.set(found.module, {}).get(found.module)!);
    if (!found || keys![found.part] !== undefined) unread.push([printable(name), unreadMethod(name)].filter(Boolean).join(': '));
    else keys![found.part] = name;
  }
  return { modules, unread };
}

const outlined = (file: Weights, keys: Keys): Parts =>
  Object.fromEntries(Object.entries(keys).map(([part, key]) => [part, { shape: file.outline(key).shape }]));

/** Whether all numbers are: what is infinite or none makes its product with 0 none. */
function isFinite(numbers: Float32Array): boolean {
  let sum = 0;
  for (let i = 0; i < numbers.length; i++) sum += numbers[i]! * 0;
  return sum === 0;
}

/** PEFT's is of the outputs whatever its shape; that of others of the inputs, where it is [1, in, ...]. */
const PEFT_MAGNITUDE = /\.lora_magnitude_vector/;

async function readParts(file: Weights, keys: Keys): Promise<Parts> {
  const parts: Partial<Record<Part, { shape: readonly number[]; data: ArrayLike<number> }>> = {};
  for (const [part, key] of Object.entries(keys) as [Part, string][]) {
    const { shape, data } = await file.read(key);
    const numbers = data as Float32Array;
    if (!isFinite(numbers))
      throw new InputError('peel.number', `${file.source}: "${printable(key)}" has numbers that are infinite or none at all`);
    parts[part] = { shape: PEFT_MAGNITUDE.test(key) ? [numbers.length] : shape, data: numbers };
  }
  return parts;
}

function misfit(module: string, parts: Parts, { shape }: Target, twice: boolean | undefined): string {
  const shapes = Object.entries(parts).map(([part, one]) => `${part} [${one.shape}]`);
  return `${printable(module)} ${twice ? 'is there twice' : `has ${shapes.join(', ')}, the weight is [${shape}]`}`;
}

/** The key of the metadata under which diffusers writes what PEFT's adapter_config.json says. */
export const CONFIG = 'lora_adapter_metadata';

/** What alpha / rank is where no tensor says it: by PEFT's config, by what kohya wrote into the metadata, else 1. */
function scalesOf(file: Weights): (component: ComponentName, module: string, rank: number | undefined) => number {
  const written = parsed(file.metadata[CONFIG]);
  const kohya = Number(file.metadata['ss_network_alpha']);
  return (component, module, rank) => {
    if (rank === undefined) return 1;
    const own = (key: string) => written[`${component}.${key}`] ?? written[key];
    const alpha = patterned(own('alpha_pattern'), module) ?? own('lora_alpha') ?? (kohya > 0 ? kohya : undefined);
    if (typeof alpha !== 'number') return 1;
    return alpha / (own('use_rslora') === true ? Math.sqrt(rank) : rank);
  };
}

/** The entry of a pattern whose key is the end of a module's name: PEFT's rule. */
function patterned(pattern: unknown, module: string): unknown {
  const entries = typeof pattern === 'object' && pattern !== null ? Object.entries(pattern) : [];
  return entries.find(([key]) => module === key || module.endsWith(`.${key}`))?.[1];
}

const MENTIONED = 2;
const examples = (all: readonly string[]): string => all.slice(0, MENTIONED).join('; ') + (all.length > MENTIONED ? '; ...' : '');

/** The report in one line: "unet 192 match; text_encoder 0 match, 72 are no layer of it (lora_te1_...; ...)". */
export function reportText({ fits, unread, base }: Report): string {
  const ofFit = ({ component, matched, unmatched, misshapen }: Fit) =>
    [
      `${component} ${matched} match`,
      ...(unmatched.length > 0 ? [`${unmatched.length} are no layer of it (${examples(unmatched)})`] : []),
      ...(misshapen.length > 0 ? [`${misshapen.length} have other shapes (${examples(misshapen)})`] : []),
    ].join(', ');
  const others = unread.length > 0 ? [`${unread.length} keys are not read (${examples(unread)})`] : [];
  return [...fits.map(ofFit), ...others, ...(base ? [`it was made for ${base}`] : [])].join('; ');
}

/** Throws InputError `peel.layers` with the counts unless all of a file fits; forced, unless some of it does. */
export function checkReport(report: Report, source: string, { force = false }: { force?: boolean } = {}): void {
  const { fits, unread } = report;
  const wrong = unread.length + fits.reduce((sum, { unmatched, misshapen }) => sum + unmatched.length + misshapen.length, 0);
  const matched = fits.reduce((sum, fit) => sum + fit.matched, 0);
  if (matched === 0 || (wrong > 0 && !force)) throw new InputError('peel.layers', `${source}: does not fit: ${reportText(report)}`);
}
