// What a training keeps, and that a file which is not what it wrote is refused by name, not by a crash later.
import { expect, test } from 'vitest';
import { encodeSafetensors } from '../../tensor/safetensors.ts';
import { memoryStore } from '../../tensor/store.ts';
import { float32 } from '../../tensor/tensor.ts';
import { keep, NO_BEST, restore, type CurvePoint } from './best.ts';
import { FILES, stepsMade } from './files.ts';

const tensors = { 'x.lora_A.weight': float32([2], [1, 2]) };

/** A store in which a run can go on, with this beside its best state. */
async function storeWith(metadata: Record<string, string>) {
  const store = memoryStore();
  await store.write(FILES.state, encodeSafetensors({ step: float32([], [7]) }));
  await store.write(FILES.best, encodeSafetensors(tensors, metadata));
  return store;
}

test('what was kept comes back; a best loss that is no number comes back as none', async () => {
  const store = await storeWith({});
  const curve: CurvePoint[] = [
    { step: 0, heldOut: 0.5 },
    { step: 2, loss: 0.25 },
    { step: 2, heldOut: NaN },
  ];
  await keep(store, { loss: 0.5, step: 2, tensors }, curve);
  expect(await restore(store)).toEqual({ best: { loss: 0.5, step: 2, tensors }, curve });
  await keep(store, { loss: NaN, step: 2, tensors }, curve);
  expect((await restore(store))!.best.loss).toBe(Infinity);
});

test('without a state of the loop nothing is taken up', async () => {
  const store = memoryStore();
  await keep(store, NO_BEST, []);
  expect(await restore(store)).toBeUndefined();
  expect(await stepsMade(store)).toBe(0);
});

const best = JSON.stringify({ loss: 1, step: 2 });
test.each<[string, Record<string, string>]>([
  ['best state', { curve: '[]' }],
  ['best state', { best: '{', curve: '[]' }],
  ['best state', { best: 'null', curve: '[]' }],
  ['best state', { best: '{"loss":"1","step":2}', curve: '[]' }],
  ['best state', { best: '{"loss":1,"step":-2}', curve: '[]' }],
  ['curve', { best }],
  ['curve', { best, curve: '{}' }],
  ['curve', { best, curve: '[{"loss":1}]' }],
  ['curve', { best, curve: '[{"step":1,"loss":"x"}]' }],
])('a damaged %s is refused: %j', async (what, metadata) => {
  const message = expect.stringContaining(`${FILES.best}: its ${what}`) as string;
  await expect(restore(await storeWith(metadata))).rejects.toMatchObject({ code: 'peel.state', message });
});

test('a state without its step is refused', async () => {
  const store = await storeWith({});
  expect(await stepsMade(store)).toBe(7);
  await store.write(FILES.state, encodeSafetensors(tensors));
  await expect(stepsMade(store)).rejects.toMatchObject({ code: 'peel.state' });
});
