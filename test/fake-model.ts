// What a model that is none says of itself.
import type { ModelInfo } from '../src/models/family.ts';

export const MODEL: ModelInfo = {
  name: 'fake',
  version: '1',
  hash: '',
  preset: 'tiny',
  styles: ['flat'],
  guidance: 3,
  family: 'fake',
  abilities: ['image', 'references', 'peels', 'guidance', 'transparent'],
  steps: [1, 2, 4],
  defaultSteps: 4,
  referencePixels: 64,
  runtime: 'none',
  precision: 'float32',
  tokens: 256,
  promptTokens: 32,
};
