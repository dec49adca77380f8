// All families of models that there are. What draws with them (draw/, live/) and offers them (sdk/, server/) knows none; a new one is a
// folder beside this file and a name in this list.
import type { Family } from './family.ts';
import { layers } from './layers/painter.ts';
import { nitro } from './nitro/painter.ts';
import { stableDiffusion } from './stable-diffusion/painter.ts';

export const FAMILIES: readonly Family[] = [layers, nitro, stableDiffusion];
