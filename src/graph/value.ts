// A graph is an expression: a Value is one operator applied to earlier Values, with the type and shape of its one
// result. Nothing is registered anywhere; a Graph is named inputs and outputs, and its nodes are whatever its outputs
// reach. Operators are ONNX's, under ONNX's names (opset 21); operators with several results are left out on purpose.
import type { DType, Tensor } from '../tensor/tensor.ts';
import { ShapeError } from '../util/errors.ts';
import type { Shape } from './dim.ts';
import { RULES, type Attributes, type Op } from './rules.ts';

export type { Attribute, Attributes } from './rules.ts';

/** Where a value comes from: an operator, or a leaf (fed, trained, known). */
export type ValueOp = Op | 'Input' | 'Parameter' | 'Constant';

export interface Value {
  readonly op: ValueOp;
  readonly inputs: readonly Value[];
  readonly attributes: Attributes;
  readonly dtype: DType;
  readonly shape: Shape;
  /** Name of a leaf; operators get theirs when the graph is named. */
  readonly name?: string;
}

export interface Graph {
  readonly name: string;
  /** Inputs and parameters in order; a parameter is fed, or bound to a tensor when the graph is written. */
  readonly inputs: readonly Value[];
  /** Results by name. */
  readonly outputs: Readonly<Record<string, Value>>;
}

/** A value fed at run time. */
export function input(name: string, shape: Shape, dtype: DType = 'float32'): Value {
  return { op: 'Input', inputs: [], attributes: {}, dtype, shape, name };
}

/** A weight: its name is its path, the same in program, file and initializer. */
export function parameter(name: string, shape: readonly number[], dtype: DType = 'float32'): Value {
  return { op: 'Parameter', inputs: [], attributes: {}, dtype, shape, name };
}

/** A known tensor. */
export function constant(value: Tensor): Value {
  return { op: 'Constant', inputs: [], attributes: { value }, dtype: value.dtype, shape: value.shape };
}

/** An operator applied: infers the type and shape, throws ShapeError when the operands do not fit. */
export function apply(op: Op, inputs: readonly Value[], attributes: Attributes = {}): Value {
  const { dtype, shape } = RULES[op](inputs, attributes);
  for (const d of shape)
    if (typeof d === 'number' && !(Number.isInteger(d) && d >= 0))
      throw new ShapeError('shape.size', `${op}: result shape [${shape}] has an impossible size ${d}`);
  return { op, inputs, attributes, dtype, shape };
}

/** A graph from its outputs. Inputs that are not named in `order` follow in order of first use. */
export function graph(name: string, outputs: Record<string, Value>, order: readonly Value[] = []): Graph {
  const leaves = topological(Object.values(outputs)).filter((v) => v.op === 'Input' || v.op === 'Parameter');
  const inputs = [...order, ...leaves.filter((v) => !order.includes(v))];
  const seen = new Map<string, Value>();
  for (const v of inputs) {
    if (seen.has(v.name!)) throw new ShapeError('graph.name', `graph ${name}: two different inputs are named "${v.name}"`);
    seen.set(v.name!, v);
  }
  return { name, inputs, outputs };
}

/** Every value that the given ones need, each after its operands. Iterative: training graphs are deep. */
export function topological(outputs: readonly Value[]): Value[] {
  const done = new Set<Value>();
  const stack: { value: Value; next: number }[] = [];
  for (const output of outputs) {
    stack.push({ value: output, next: 0 });
    while (stack.length > 0) {
      const top = stack[stack.length - 1]!;
      if (done.has(top.value)) stack.pop();
      else if (top.next < top.value.inputs.length) {
        const operand = top.value.inputs[top.next++]!;
        if (!done.has(operand)) stack.push({ value: operand, next: 0 });
      } else {
        done.add(top.value);
        stack.pop();
      }
    }
  }
  return [...done];
}

/** The nodes (not leaves) of a graph in an order in which they can be computed. */
export function nodesOf(g: Graph): Value[] {
  return topological(Object.values(g.outputs)).filter((v) => v.inputs.length > 0);
}
