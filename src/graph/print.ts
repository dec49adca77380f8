// The text form of a graph: one line a node, in the order of computation. Tests assert it; people read it.
//   graph name(x: float32[B,4], w: float32[4,2] weight) {
//     %0 = MatMul(x, w): float32[B,2]
//     y = %0
//   }
import { sizeOf, type Tensor } from '../tensor/tensor.ts';
import { nodesOf, topological, type Attribute, type Graph, type Value } from './value.ts';

/** Prints a graph. Constants of up to 8 elements are shown inline, larger ones by type and shape. */
export function print(g: Graph): string {
  const names = new Map<Value, string>();
  for (const v of topological(Object.values(g.outputs))) if (v.op === 'Constant') names.set(v, printTensor(v.attributes.value as Tensor));
  for (const v of g.inputs) names.set(v, v.name!);
  nodesOf(g).forEach((v, i) => names.set(v, `%${i}`));
  const type = (v: Value) => `${v.dtype}[${v.shape}]`;
  const lines = nodesOf(g).map((v) => {
    const attributes = Object.entries(v.attributes).map(([key, a]) => `, ${key}=${printAttribute(a)}`);
    return `  ${names.get(v)} = ${v.op}(${v.inputs.map((x) => names.get(x)).join(', ')}${attributes.join('')}): ${type(v)}`;
  });
  const inputs = g.inputs.map((v) => `${v.name}: ${type(v)}${v.op === 'Parameter' ? ' weight' : ''}`);
  const outputs = Object.entries(g.outputs).map(([name, v]) => `  ${name} = ${names.get(v)}`);
  return [`graph ${g.name}(${inputs.join(', ')}) {`, ...lines, ...outputs, '}'].join('\n');
}

function printTensor(t: Tensor): string {
  if (sizeOf(t.shape) > 8) return `<${t.dtype}[${t.shape}]>`;
  const numbers = Array.from(t.data as ArrayLike<number | bigint>, (x) => (typeof x === 'bigint' ? `${x}` : `${Number(x.toPrecision(6))}`));
  return t.shape.length === 0 ? numbers[0]! : `[${numbers.join(' ')}]`;
}

function printAttribute(a: Attribute): string {
  return typeof a === 'object' ? ('data' in a ? printTensor(a as Tensor) : `[${a as readonly unknown[]}]`) : String(a);
}
