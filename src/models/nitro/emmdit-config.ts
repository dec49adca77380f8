// The sizes of an E-MMDiT, from the weights that there are: its files come without a config. What no weight tells - whether attention
// goes by regions - is given. https://github.com/AMD-AGI/Nitro-E/blob/9f12d73/core/models/transformer_emmdit.py
import type { Weights } from '../../tensor/weights.ts';
import { InputError } from '../../util/errors.ts';

export interface EmmditConfig {
  readonly width: number;
  readonly heads: number;
  /** Numbers of a latent's cell, in and out. */
  readonly channels: number;
  readonly outChannels: number;
  /** Width of the prompt's features. */
  readonly context: number;
  /** Blocks before the tokens are compressed, while they are, and after. */
  readonly groups: readonly number[];
  /** Side of the square table of positions in the file. */
  readonly table: number;
  /** Cells along a side of the picture that it was trained on, from which positions are counted. */
  readonly cells: number;
  /** Whether blocks attend within regions by turns (the models of 512 pixels), or all to all. */
  readonly regions: boolean;
}

/** The share of cells that are kept: by halves and by quarters of each side. */
export const COMPRESSED = [2, 4] as const;

/** Sides of a grid are multiples of this. */
export const SIDE = COMPRESSED[1];

/** What a model was trained on, which its weights do not say: pictures of 512 pixels by regions, of 1024 all to all. */
export type Trained = Pick<EmmditConfig, 'cells' | 'regions'>;
export const TRAINED = { 512: { cells: 16, regions: true }, 1024: { cells: 32, regions: false } } as const satisfies Record<
  number,
  Trained
>;

/** From the names and shapes of a checkpoint. Throws InputError `weights.missing` or `weights.shape` for one of another network. */
export function emmditConfig(weights: Pick<Weights, 'source' | 'names' | 'outline'>, trained: Trained): EmmditConfig {
  const shape = (name: string, axes: number) => shapeOf(weights, name, axes);
  const [width, context] = shape('context_embedder.weight', 2) as [number, number];
  const [, channels, rows, columns] = shape('pos_embed.proj.weight', 4) as [number, number, number, number];
  if (rows * columns > 1) refuse(weights, 'pos_embed.proj.weight', [width, channels, rows, columns], `[${width},${channels},1,1]`);
  const [perHead] = shape('block_groups.0.0.attn.norm_q.weight', 1) as [number];
  const [, places] = shape('pos_embed.pos_embed', 3) as [number, number, number];
  return {
    width,
    heads: width / perHead,
    channels,
    outChannels: shape('proj_out.weight', 2)[0]!,
    context,
    groups: groupsOf(weights.names),
    table: Math.sqrt(places),
    ...trained,
  };
}

function shapeOf(weights: Pick<Weights, 'source' | 'outline'>, name: string, axes: number): readonly number[] {
  const { shape } = weights.outline(name);
  return shape.length === axes ? shape : refuse(weights, name, shape, `${axes} axes`);
}

function refuse({ source }: Pick<Weights, 'source'>, name: string, found: readonly number[], expected: string): never {
  throw new InputError('weights.shape', `${source}: "${name}" is [${found}], expected ${expected}; is it a Nitro-E model?`);
}

/** Blocks of each of the three groups. */
function groupsOf(names: readonly string[]): number[] {
  const counts = [0, 0, 0];
  for (const name of names) {
    const [, group, block] = /^block_groups\.([0-2])\.(\d+)\./.exec(name) ?? [];
    if (group) counts[Number(group)] = Math.max(counts[Number(group)]!, Number(block) + 1);
  }
  return counts;
}
