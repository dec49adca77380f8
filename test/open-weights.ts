// What the tests of models with open weights share: the tiny models of test/fixtures/open-weights, what the reference implementations
// compute with them (tools/reference), and the names and shapes of the full-size models (keys.py).
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { pthWeights } from '../src/tensor/pth.ts';
import { bytesRanges } from '../src/tensor/ranges.ts';
import { decodeSafetensors } from '../src/tensor/safetensors.ts';
import type { Tensor, Tensors } from '../src/tensor/tensor.ts';
import { safetensorsWeights, type Weights } from '../src/tensor/weights.ts';
import { settingsOf, type Settings } from '../src/models/stable-diffusion/settings.ts';

/** What reads the files of a family's folder of tiny models. */
export function fixturesOf(family: string) {
  const path = (name: string) => fileURLToPath(new URL(`fixtures/open-weights/${family}/${name}`, import.meta.url));
  const textOf = (name: string): string => readFileSync(path(name), 'utf8');
  const bytes = (name: string) => bytesRanges(readFileSync(path(name)), name);
  return {
    path,
    textOf,
    configOf: (component: string): Settings => settingsOf(textOf(`${component}/config.json`), component),
    tensorsOf: (name: string): Tensors => decodeSafetensors(readFileSync(path(name)), name).tensors,
    weightsOf: (file: string): Promise<Weights> => (file.endsWith('.pth') ? pthWeights : safetensorsWeights)(bytes(file)),
  };
}

export const { textOf, configOf, tensorsOf, weightsOf } = fixturesOf('stable-diffusion');

/** Every weight of a full-size model as its file has it: name, shape, and the name in a single-file checkpoint where it has another. */
export interface KeyList {
  /** What its config.json says, where it has one. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly weights: readonly (readonly [name: string, shape: readonly number[], single?: string])[];
}

/** The lists of all models: "sd1/unet", "nitro/text_encoder" ... */
export const keyLists = (): Readonly<Record<string, KeyList>> =>
  JSON.parse(gunzipSync(readFileSync(new URL('fixtures/open-weights/keys.json.gz', import.meta.url))).toString()) as Record<
    string,
    KeyList
  >;

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
