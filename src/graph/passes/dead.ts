// Dead code. Nodes that no output reaches do not exist in this library; what can be dead is an output that nobody asks
// for, and an input that nothing reads any more.
import { ShapeError } from '../../util/errors.ts';
import { topological, type Graph } from '../value.ts';

/** The graph with only the named outputs (default: all) and the inputs that they need. Throws ShapeError for an unknown name. */
export function dead(g: Graph, keep: readonly string[] = Object.keys(g.outputs)): Graph {
  const unknown = keep.find((name) => !g.outputs[name]);
  if (unknown !== undefined) throw new ShapeError('graph.outputs', `graph ${g.name}: has no output "${unknown}"`);
  const outputs = Object.fromEntries(keep.map((name) => [name, g.outputs[name]!]));
  const needed = new Set(topological(Object.values(outputs)));
  return { ...g, inputs: g.inputs.filter((v) => needed.has(v)), outputs };
}
