import { expect, test } from 'vitest';
import { RuntimeError } from '../util/errors.ts';
import { referenceRuntime } from './reference.ts';
import { firstThatOpens, openRuntime } from './select.ts';

test('a runtime by name', async () => {
  expect((await openRuntime({ name: 'reference' })).name).toBe('reference');
  expect((await openRuntime()).name).toBe('cpu');
  await expect(openRuntime({ name: 'toString' as never })).rejects.toThrow('unknown runtime "toString": choose one of auto, cpu, wasm, webgpu, reference');
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
