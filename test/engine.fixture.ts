// The engine that engine.test.ts starts in a child process.
import * as o from '../src/graph/ops.ts';
import { graph, input } from '../src/graph/value.ts';
import { float32, type Tensor } from '../src/tensor/tensor.ts';
import { InputError } from '../src/util/errors.ts';
import { serveEngine } from '../src/node/engine-process.ts';
import { ortNode } from '../src/runtime/ort-node.ts';
import { openRuntime } from '../src/runtime/select.ts';

let steps = 0;

export const handlers = {
  /** Counts to n, one event a step of about `ms` milliseconds that blocks the event loop, as a run does. */
  async *count({ n, ms = 0 }: { n: number; ms?: number }): AsyncGenerator<number, string, void> {
    for (let i = 1; i <= n; i++) {
      const end = performance.now() + ms;
      while (performance.now() < end);
      steps = i;
      yield i;
    }
    return `counted to ${n}`;
  },
  /** How far count came. */
  steps: async () => steps,
  double: async ({ x }: { x: Tensor }) => {
    const runtime = await ortNode({ threads: 1 });
    const session = await runtime.compile(graph('double', { y: o.mul(input('x', ['n']), 2) }));
    const { y } = await session.run({ x });
    await session.release();
    return y!;
  },
  fail: async ({ kind }: { kind: 'input' | 'type' }): Promise<never> => {
    if (kind === 'input') throw new InputError('prompt.empty', 'not like that');
    throw new TypeError('no such thing');
  },
  /** The runtime that 'auto' finds here, what it warned of, and whether it works. */
  auto: async () => {
    const lines: string[] = [];
    const runtime = await openRuntime({ warn: (line) => lines.push(line) });
    const session = await runtime.compile(graph('double', { y: o.mul(input('x', ['n']), 2) }));
    const { y } = await session.run({ x: float32([2], [1, 2]) });
    return { name: runtime.name, lines, y: y! };
  },
  die: async () => process.kill(process.pid, 'SIGKILL'),
  print: async () => console.log('chatter'),
};

serveEngine(handlers);
