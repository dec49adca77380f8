import { describe, expect, test } from 'vitest';
import { encodeSafetensors } from '../../tensor/safetensors.ts';
import { expectClose } from '../../sdk/testing.ts';
import { packModel, unpackModel, type Manifest } from './file.ts';
import { randomFlatModel } from '../../../test/tiny-flat.ts';

const model = randomFlatModel('tiny');
const { tensors, metadata } = packModel(model);
const bytes = (change: Record<string, string> = {}) => Buffer.concat(encodeSafetensors(tensors, { ...metadata, ...change }));

describe('model file', () => {
  test('comes back with every weight, within 8 bits', () => {
    const back = unpackModel(bytes(), 'test');
    expect([...back.weights.names].sort()).toEqual(Object.keys(model.weights).sort());
    for (const [path, weight] of Object.entries(model.weights)) expectClose(back.weights.read(path), weight, { rtol: 1e-3, atol: 0.02 });
    expect(back.manifest).toEqual(model.manifest);
    expect(back.tokenizer.encode('a fox', 24)).toEqual(model.tokenizer.encode('a fox', 24));
  });

  const broken = (change: Partial<Record<keyof Manifest, unknown>>) => ({ manifest: JSON.stringify({ ...model.manifest, ...change }) });
  test.each([
    ['another format', { format: 'other' }, /not a banana model/],
    ['no JSON', { manifest: '{' }, /manifest is not JSON/],
    ['null', { manifest: 'null' }, /no usable "name"/],
    ['no styles', broken({ styles: undefined }), /no usable "styles"/],
    ['guidance in words', broken({ guidance: 'much' }), /no usable "guidance"/],
    ['an unknown preset', broken({ preset: 'huge' }), /unknown preset "huge"/],
  ])('%s is refused in one line', (_, change, message) => {
    expect(() => unpackModel(bytes(change), 'test')).toThrow(message);
  });
});
