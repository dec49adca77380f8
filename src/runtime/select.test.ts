import { expect, test, vi } from 'vitest';
import { float32 } from '../tensor/tensor.ts';
import { RuntimeError } from '../util/errors.ts';
import { openEngine } from '../node/engine-process.ts';
import { built } from '../../test/build.ts';
import type { handlers } from '../../test/engine.fixture.ts';
import { referenceRuntime } from './reference.ts';
import { firstThatOpens, openRuntime } from './select.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 }); // a child process or WASM on a busy machine

test('a runtime by name', async () => {
  expect((await openRuntime({ name: 'reference' })).name).toBe('reference');
  expect((await openRuntime()).name).toBe('cpu');
  await expect(openRuntime({ name: 'toString' as never })).rejects.toThrow(
    'unknown runtime "toString": choose one of auto, cpu, wasm, webgpu, reference',
  );
});

test('auto falls back with one line of warning', async () => {
  const lines: string[] = [];
  const missing = new RuntimeError('runtime.missing', 'onnxruntime-node is not installed here');
  const open = async (name: string) => {
    if (name === 'cpu') throw missing;
    return referenceRuntime();
  };
  await firstThatOpens(['cpu', 'wasm'], open, (line) => lines.push(line));
  expect(lines).toEqual(['onnxruntime-node is not installed here; running on wasm instead, which is slower']);
  await expect(firstThatOpens(['cpu'], open, () => {})).rejects.toThrow('no runtime can be opened: onnxruntime-node is not installed here');
});

test('where onnxruntime-node cannot be loaded, Node runs on WASM', async () => {
  const hook = `export const resolve = (name, context, next) => { if (name === 'onnxruntime-node') throw new Error('not here'); return next(name, context); };`;
  const script = `import { register } from 'node:module'; register(${JSON.stringify(dataUrl(hook))});`;
  const engine = await openEngine<typeof handlers>(built('test/engine.fixture.ts'), {
    env: { NODE_OPTIONS: `--import ${dataUrl(script)}` },
  });
  const { name, lines, y } = await engine.call('auto', undefined);
  await engine.close();
  expect(name).toBe('wasm');
  expect(lines).toEqual([
    'onnxruntime-node is not installed here: npm install --ignore-scripts onnxruntime-node (or use the wasm runtime); running on wasm instead, which is slower',
  ]);
  expect(y).toEqual(float32([2], [2, 4]));
});

function dataUrl(script: string): string {
  return `data:text/javascript,${encodeURIComponent(script)}`;
}
