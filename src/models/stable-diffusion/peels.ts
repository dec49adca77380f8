// What Peels can change in this family: all matrices and convolutions of the U-Net and the text encoders, by the names that they have in a
// diffusers folder.
import { foreignFitter } from '../../adapters/foreign-peel.ts';
import type { BaseId } from '../../adapters/info.ts';
import type { FitPeel } from '../../adapters/peel.ts';
import type { ComponentName, Components as Changeable, Modules } from '../../adapters/targets.ts';
import type { Specs } from '../../nn/scope.ts';
import type { Weights } from '../../tensor/weights.ts';
import type { Components } from './part.ts';
import { textStage, unetStage } from './stages.ts';

/** What the text encoders are called, in their order. */
export const TEXT_NAMES = ['text_encoder', 'text_encoder_2'] as const satisfies readonly ComponentName[];

/** Makes Peels for a model of these parts. */
export const peelsFor = (components: Components, base: BaseId): FitPeel => foreignFitter(() => changeable(components), base);

/** The modules that an adapter may name. */
export function changeable({ unet, texts }: Components): Changeable {
  const pair = texts.length > 1;
  return {
    unet: modulesOf(unetStage(unet.config).specs, unet.weights),
    ...Object.fromEntries(
      texts.map(({ config, weights }, i) => [TEXT_NAMES[i], modulesOf(textStage(config, weights.names, pair).specs, weights)]),
    ),
  };
}

/** What a network multiplies with, as its specs have it; and what lies in its file unused, such as the last layer of SDXL's first encoder. */
export function modulesOf(specs: Specs, weights: Pick<Weights, 'names' | 'outline'>): Modules {
  const modules = new Map<string, readonly number[]>();
  const matrices = /(?<!embedding)\.weight$/;
  for (const name of weights.names) {
    const { shape } = weights.outline(name);
    if (matrices.test(name) && shape.length > 1) modules.set(name.replace(matrices, ''), shape);
  }
  for (const [path, { shape, adapt, turned }] of specs)
    if (adapt) modules.set(path.replace(matrices, ''), turned && shape.length === 2 ? [...shape].reverse() : shape);
  return modules;
}
