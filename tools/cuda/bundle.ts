// Writes what tools/cuda runs: a folder with the program as ONNX, the state it begins with, frozen weights, and a plan that
// says where every other input comes from. The folder is all that travels to the machine; data shards are packed beside it.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Graph } from '../../src/graph/value.ts';
import { encodeModel } from '../../src/onnx/encode.ts';
import { writeSafetensors } from '../../src/disk/files.ts';
import type { Tensors } from '../../src/tensor/tensor.ts';
import { checkInputs, type Plan } from '../../src/train/plan.ts';
import type { Program } from '../../src/train/step.ts';

export interface Bundle {
  readonly program: Program;
  /** Weights to begin with. */
  readonly weights: Tensors;
  /** Weights that are read and never written. */
  readonly frozen?: Tensors;
  readonly plan: Plan;
  /** Computes inputs from drawn ones: its outputs are named as inputs of the program. */
  readonly prepare?: Graph;
}

/** Writes a bundle. Throws InputError naming the inputs that nothing gives. */
export async function writeBundle(folder: string, { program, weights, frozen = {}, plan, prepare }: Bundle): Promise<void> {
  const state = program.begin(weights);
  checkInputs(program.graph, [...Object.keys(state), ...Object.keys(frozen)], plan, prepare);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'program.onnx'), encodeModel(program.graph).model);
  if (prepare) await writeFile(join(folder, 'prepare.onnx'), encodeModel(prepare).model);
  await writeSafetensors(join(folder, 'state.safetensors'), state, {});
  if (Object.keys(frozen).length > 0) await writeSafetensors(join(folder, 'frozen.safetensors'), frozen, {});
  await writeFile(join(folder, 'plan.json'), JSON.stringify(plan, undefined, 2));
}
