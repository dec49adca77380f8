// What the tests of models/stable-diffusion share: the tiny models of test/fixtures/open-weights/stable-diffusion, and what the reference
// implementations compute with them (tools/reference/stable_diffusion.py).
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bytesRanges } from '../src/tensor/ranges.ts';
import { decodeSafetensors } from '../src/tensor/safetensors.ts';
import type { Tensor, Tensors } from '../src/tensor/tensor.ts';
import { safetensorsWeights, type Weights } from '../src/tensor/weights.ts';
import { settingsOf, type Settings } from '../src/models/stable-diffusion/settings.ts';

const path = (name: string) => fileURLToPath(new URL(`fixtures/open-weights/stable-diffusion/${name}`, import.meta.url));

export const textOf = (name: string): string => readFileSync(path(name), 'utf8');
export const configOf = (component: string): Settings => settingsOf(textOf(`${component}/config.json`), component);
export const tensorsOf = (name: string): Tensors => decodeSafetensors(readFileSync(path(name)), name).tensors;
export const weightsOf = (file: string): Promise<Weights> => safetensorsWeights(bytesRanges(readFileSync(path(file)), file));

/** How far a tensor is from the expected one: the norm of the difference by the norm of the expected, and the worst by the largest. */
export function errorOf({ shape, data }: Tensor, expected: Tensor): number {
  if (shape.join() !== expected.shape.join()) throw new Error(`found [${shape}], expected [${expected.shape}]`);
  let [difference, power, worst, largest] = [0, 0, 0, 0];
  expected.data.forEach((y, i) => {
    const [a, b] = [Number(data[i]), Number(y)];
    difference += (a - b) ** 2;
    power += b ** 2;
    worst = Math.max(worst, Math.abs(a - b));
    largest = Math.max(largest, Math.abs(b));
  });
  return Math.max(Math.sqrt(difference / power), worst / largest);
}
