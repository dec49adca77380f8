// A network that Peels change: as it is, and beside that once more with what the Peels of the last picture need. Pairs of matrices are fed
// (adapters/lora.ts), so that another Peel of the same kinds takes the same session and no time; so are the factors of LoKr that cut the
// weights the same way. What is neither (LoHa, DoRA, whole differences, Tucker's cores) is merged into the weights before they are rounded,
// and its session is made anew for other Peels or weights. Without Peels the first one runs, as if there had never been any.
import { mergeDelta, sidesOf } from '../../adapters/delta.ts';
import { pathIn } from '../../adapters/foreign-peel.ts';
import { cutsOf, kroneckerFeeds, kroneckerProduct, type Kronecker } from '../../adapters/kronecker.ts';
import { isAdaptable, loraConvolve, loraNames, loraProduct } from '../../adapters/lora.ts';
import type { Peel } from '../../adapters/peel.ts';
import { isIdle, stackFeeds, type PeelStack, type StackedPeel } from '../../adapters/stack.ts';
import type { ComponentName } from '../../adapters/targets.ts';
import { conv2d, matmul } from '../../graph/ops.ts';
import type { Specs } from '../../nn/scope.ts';
import type { ChangeWeight } from '../../quant/checkpoint.ts';
import type { Runtime, Session } from '../../runtime/runtime.ts';
import { transposed, type Tensors } from '../../tensor/tensor.ts';
import type { Weights } from '../../tensor/weights.ts';
import { openCheckpoint, type Memory, type Stage } from '../stage.ts';
import type { StageOptions } from './stages.ts';

/** A network, with the Peels of a stack or without any. */
export interface Adapted {
  run(feeds: Tensors, peels: PeelStack): Promise<Tensors>;
  release(): Promise<void>;
}

export interface Network {
  readonly name: ComponentName;
  readonly weights: Weights;
  /** How its weights are multiplied without Peels. */
  readonly plain: StageOptions;
  readonly memory: Memory;
  build(options: StageOptions): Stage;
}

/** Opens a network as it is. Throws InputError for weights that do not fit, RuntimeError. */
export async function openAdapted(runtime: Runtime, network: Network): Promise<Adapted> {
  const plain = await openSession(runtime, network, network.build(network.plain));
  const needs = new WeakMap<PeelStack, Need | undefined>();
  const { specs } = network.build({});
  let open: { key: string; session: Session } | undefined;
  const needOf = (stack: PeelStack): Need | undefined => {
    if (!needs.has(stack)) needs.set(stack, isIdle(stack) ? undefined : needIn(network.name, specs, stack));
    return needs.get(stack);
  };
  const sessionFor = async (need: Need): Promise<Session> => {
    if (open?.key === need.key) return open.session;
    await open?.session.release(); // first: the weights of both at once may be too much
    open = undefined;
    const session = await openSession(runtime, network, network.build(need.options(network.plain)), need.change);
    open = { key: need.key, session };
    return session;
  };
  return {
    async run(feeds, peels) {
      const need = needOf(peels);
      return need ? (await sessionFor(need)).run({ ...feeds, ...need.feeds() }) : plain.run(feeds);
    },
    release: async () => void (await Promise.all([plain, ...(open ? [open.session] : [])].map((session) => session.release()))),
  };
}

const openSession = (runtime: Runtime, { weights, memory }: Network, stage: Stage, change?: ChangeWeight): Promise<Session> =>
  openCheckpoint(runtime, stage, weights, { ...memory, change });

/** What a stack needs of a network. */
interface Need {
  /** Sessions of the same key serve each other's stacks. */
  readonly key: string;
  options(plain: StageOptions): StageOptions;
  readonly change: ChangeWeight;
  feeds(): Tensors;
}

/** Undefined where the stack changes nothing in this network. */
function needIn(name: ComponentName, specs: Specs, stack: PeelStack): Need | undefined {
  const prefix = pathIn(name, '');
  const active = stack.filter(({ weight }) => weight !== 0);
  const paired = [...specs].filter(
    ([path, spec]) => isAdaptable(spec) && active.some(({ peel }) => peel.tensors[prefix + loraNames(path).a]),
  );
  const convolved = paired.some(([, { shape }]) => shape.length === 4);
  const { kroneckers, merged } = changesIn(name, specs, active);
  if (paired.length + kroneckers.size + merged.size === 0) return undefined;
  const sided: Specs = new Map(
    paired.length === 0 ? [] : [...specs].filter(([, { shape }]) => shape.length === 2 || (convolved && shape.length === 4)),
  );
  const mergedBy = [...new Set([...merged.values()].flat())].map(({ peel, weight }) => [peel.hash, weight, ...scalesOf(peel)]);
  return {
    key: JSON.stringify([paired.length > 0, convolved, cutsOf(kroneckers), mergedBy]),
    options({ product = (x, w) => matmul(x, w), convolve = (x, w, _, __, how) => conv2d(x, w, how) }) {
      const cut = kroneckerProduct(product, kroneckers);
      return { product: paired.length > 0 ? loraProduct(cut) : cut, convolve: convolved ? loraConvolve(convolve) : convolve };
    },
    change: mergeInto(name, merged),
    feeds: () => ({ ...stackFeeds(sided, stack, prefix), ...kroneckerFeeds(kroneckers) }),
  };
}

/** A hash is of the numbers alone, and what they are multiplied by may stand elsewhere. */
const scalesOf = ({ changes }: Peel): Set<number> => new Set([...changes!.values()].map(({ scale }) => scale));

/** The changes of a stack that are no pairs: factors that are fed, and by weight the Peels that are merged into it. */
function changesIn(name: ComponentName, specs: Specs, stack: PeelStack) {
  const kroneckers = new Map<string, Kronecker[]>();
  const merged = new Map<string, StackedPeel[]>();
  for (const one of stack)
    for (const [path] of [...specs].filter(([, spec]) => isAdaptable(spec))) {
      const delta = one.peel.changes?.get(pathIn(name, path));
      const sides = delta && sidesOf(delta);
      if (sides?.kind === 'kronecker') kroneckers.set(path, [...(kroneckers.get(path) ?? []), { ...sides, strength: one.weight }]);
      else if (delta) merged.set(path, [...(merged.get(path) ?? []), one]);
    }
  return { kroneckers, merged };
}

/** Merges deltas into weights as our graphs have them: matrices turned. */
const mergeInto =
  (name: ComponentName, merged: ReadonlyMap<string, readonly StackedPeel[]>): ChangeWeight =>
  (path, weight) => {
    const changes = merged.get(path);
    if (!changes) return undefined;
    const own = weight();
    const isMatrix = own.shape.length === 2;
    const sum = changes.reduce(
      (w, { peel, weight: strength }) => mergeDelta(w, peel.changes!.get(pathIn(name, path))!, strength)!,
      isMatrix ? transposed(own) : own,
    );
    return isMatrix ? transposed(sum) : sum;
  };
