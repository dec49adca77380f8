// The reference interpreter as a runtime: slow and obvious, needs nothing installed, and is what the others are held to.
import { check } from '../graph/check.ts';
import { evaluate } from '../graph/evaluate.ts';
import { RuntimeError } from '../util/errors.ts';
import { boundWeights, checkFeeds, heldWeights, portsOf, type Runtime } from './runtime.ts';

/** The runtime of the tests' oracle. */
export function referenceRuntime(): Runtime {
  return {
    name: 'reference',
    async compile(graph, { weights: given = {} } = {}) {
      check(graph);
      const weights = await heldWeights(given);
      const { inputs, outputs } = portsOf(graph, weights);
      const bound = boundWeights(graph, weights);
      let released = false;
      return {
        inputs,
        outputs,
        async run(feeds) {
          if (released) throw new RuntimeError('runtime.released', `reference: session ${graph.name} was released`);
          checkFeeds(inputs, feeds);
          return evaluate(graph, { ...bound, ...feeds });
        },
        async release() {
          released = true;
        },
      };
    },
  };
}
