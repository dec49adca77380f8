// What adapters can change in this family.
import { isAdaptable } from '../../adapters/lora.ts';
import type { Specs } from '../../nn/scope.ts';
import type { LayersConfig } from './config.ts';
import { conditionStage, denoiseStage } from './stages.ts';

/** Every weight of a model that an adapter can change: those of the transformer and of its keys and values of text and references. */
export function adaptable(config: LayersConfig): Specs {
  const stages = [conditionStage(config, undefined, true), denoiseStage(config)];
  return new Map(stages.flatMap(({ specs }) => [...specs]).filter(([, spec]) => isAdaptable(spec)));
}
