// What every pass is made of: a graph rebuilt from its inputs to its outputs, each node given to a rule together with
// its already rewritten operands. Values never change in place, so a pass cannot disturb the graph it was given.
import { topological, type Graph, type Value } from '../value.ts';

/** A node with rewritten operands to the value that takes its place: itself, an earlier one, or a new one. */
export type Rewrite = (v: Value) => Value;

/** The graph with every node and constant rewritten; its inputs stay. A rule must keep type and shape. */
export function rewrite(g: Graph, rule: Rewrite): Graph {
  const done = new Map<Value, Value>();
  for (const v of topological(Object.values(g.outputs))) {
    if (v.op === 'Input' || v.op === 'Parameter') done.set(v, v);
    else {
      const inputs = v.inputs.map((x) => done.get(x)!);
      done.set(v, rule(inputs.every((x, i) => x === v.inputs[i]) ? v : { ...v, inputs }));
    }
  }
  const outputs = Object.fromEntries(Object.entries(g.outputs).map(([name, v]) => [name, done.get(v)!]));
  return { ...g, outputs };
}
