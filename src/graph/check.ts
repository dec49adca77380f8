// Is a graph well formed? Shapes were inferred when each node was made; this checks what only the whole can show, and
// infers every shape anew, so that a graph that was read from a file or rewritten by a pass is held to the same rules.
import { ShapeError } from '../util/errors.ts';
import { FAST, RULES, type Op } from './rules.ts';
import { topological, type Graph } from './value.ts';

const fast: ReadonlySet<string> = new Set(FAST);

/**
 * Throws ShapeError when names clash, a leaf is used but not listed, or a node's shape is not what its rule says.
 * With `trainable`, also when an inference-only operator occurs. Returns the graph.
 */
export function check(g: Graph, { trainable = false }: { trainable?: boolean } = {}): Graph {
  const where = `graph ${g.name}`;
  const names = g.inputs.map((v) => v.name ?? '');
  const twice = names.find((n, i) => names.indexOf(n) !== i);
  if (twice !== undefined) throw new ShapeError('graph.name', `${where}: two inputs are named "${twice}"`);
  if (names.includes('')) throw new ShapeError('graph.name', `${where}: an input has no name`);
  if (Object.keys(g.outputs).length === 0) throw new ShapeError('graph.outputs', `${where}: has no outputs`);
  for (const v of topological(Object.values(g.outputs))) {
    if (v.op === 'Constant') continue;
    if (v.op === 'Input' || v.op === 'Parameter') {
      if (!g.inputs.includes(v)) throw new ShapeError('graph.input', `${where}: uses "${v.name}", which is not among its inputs`);
      continue;
    }
    if (trainable && fast.has(v.op)) throw new ShapeError('graph.fast', `${where}: ${v.op} is for inference only`);
    const { dtype, shape } = RULES[v.op as Op](v.inputs, v.attributes);
    if (dtype !== v.dtype || shape.join() !== v.shape.join())
      throw new ShapeError('graph.shape', `${where}: ${v.op} says ${v.dtype}[${v.shape}], its rule ${dtype}[${shape}]`);
  }
  return g;
}
