// The reference interpreter: runs a graph operator by operator with the table of reference.ts. It also binds symbolic sizes
// from the feeds, which every runtime that checks its feeds does the same way. Not here: freeing of intermediates.
import type { Tensor, Tensors } from '../tensor/tensor.ts';
import { InputError } from '../util/errors.ts';
import { evaluateDim, termsOf, type Dim, type Shape } from './dim.ts';
import { REFERENCE } from './reference.ts';
import type { Op } from './rules.ts';
import { topological, type Graph, type Value } from './value.ts';

/**
 * The values of a graph's symbols, from the shapes of its inputs' feeds: "B" directly, "8*h+1" once every other symbol
 * in it is known. Throws InputError when a feed is missing, has another type, or a shape that does not fit.
 */
export function bindSymbols(g: Graph, feeds: Tensors): Record<string, number> {
  const symbols: Record<string, number> = {};
  const sizes: [Dim, number][] = [];
  for (const v of g.inputs) {
    const fed = feeds[v.name!];
    if (!fed) throw new InputError('feeds.missing', `graph ${g.name}: input "${v.name}" ${v.dtype}[${v.shape}] was not fed`);
    if (fed.dtype !== v.dtype || fed.shape.length !== v.shape.length) throw unfit(g, v, fed);
    v.shape.forEach((dim, i) => sizes.push([dim, fed.shape[i]!]));
  }
  for (let before = -1; before !== Object.keys(symbols).length; ) {
    before = Object.keys(symbols).length;
    for (const [dim, size] of sizes) solve(dim, size, symbols);
  }
  for (const v of g.inputs) if (concrete(v.shape, symbols).join() !== feeds[v.name!]!.shape.join()) throw unfit(g, v, feeds[v.name!]!);
  return symbols;
}

/** When one unknown symbol is left in `dim`, once in one term, gives it the value that makes `dim` equal `size`. */
function solve(dim: Dim, size: number, symbols: Record<string, number>): void {
  const unknown = (names: string[]) => names.filter((s) => symbols[s] === undefined);
  const open = termsOf(dim).flatMap(([, names]) => unknown(names));
  if (open.length !== 1) return;
  const [name] = open as [string];
  const rest = evaluateDim(dim, { ...symbols, [name]: 0 });
  const slope = evaluateDim(dim, { ...symbols, [name]: 1 }) - rest;
  symbols[name] = Math.floor((size - rest) / slope); // a size that does not divide shows when the shapes are compared
}

function concrete(shape: Shape, symbols: Readonly<Record<string, number>>): number[] {
  return shape.map((d) => evaluateDim(d, symbols));
}

function unfit(g: Graph, v: Value, fed: Tensor): InputError {
  return new InputError('feeds.shape', `graph ${g.name}: input "${v.name}" is ${v.dtype}[${v.shape}], was fed ${fed.dtype}[${fed.shape}]`);
}

/** Runs a graph. Every input and parameter is fed; returns the outputs by name. Throws InputError for feeds that do not fit. */
export function evaluate(g: Graph, feeds: Tensors): Tensors {
  const symbols = bindSymbols(g, feeds);
  const known = new Map<Value, Tensor>(g.inputs.map((v) => [v, feeds[v.name!]!]));
  for (const v of topological(Object.values(g.outputs))) {
    if (known.has(v)) continue;
    known.set(v, v.op === 'Constant' ? (v.attributes.value as Tensor) : compute(g, v, known, symbols));
  }
  return Object.fromEntries(Object.entries(g.outputs).map(([name, v]) => [name, known.get(v)!]));
}

function compute(g: Graph, v: Value, known: ReadonlyMap<Value, Tensor>, symbols: Readonly<Record<string, number>>): Tensor {
  const row = REFERENCE[v.op as Op];
  if (!row) throw new InputError('feeds.missing', `graph ${g.name}: "${v.name}" is used but is not among the inputs`);
  return row(
    v.inputs.map((x) => known.get(x)!),
    v.attributes,
    concrete(v.shape, symbols),
    v,
  );
}
