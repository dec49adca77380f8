// The names of a Stable Diffusion U-Net in single files ("sgm", CompVis's), from those of its parts in diffusers. Made forwards, from
// the modules that there are: kohya turns dots into underscores, and "input_blocks_4_1" cannot be read back.
// https://github.com/huggingface/diffusers/blob/58eb52c/src/diffusers/loaders/single_file_utils.py

const WHOLE: Readonly<Record<string, string>> = {
  conv_in: 'input_blocks.0.0',
  'time_embedding.linear_1': 'time_embed.0',
  'time_embedding.linear_2': 'time_embed.2',
  'add_embedding.linear_1': 'label_emb.0.0',
  'add_embedding.linear_2': 'label_emb.0.2',
  conv_norm_out: 'out.0',
  conv_out: 'out.2',
};

const RESNET: Readonly<Record<string, string>> = {
  norm1: 'in_layers.0',
  conv1: 'in_layers.2',
  time_emb_proj: 'emb_layers.1',
  norm2: 'out_layers.0',
  conv2: 'out_layers.3',
  conv_shortcut: 'skip_connection',
};

/** A function from a module's name in diffusers ("down_blocks.1.attentions.0.proj_in") to that in a single file; undefined for others. */
export function sgmNames(modules: Iterable<string>): (module: string) => string | undefined {
  const all = [...modules];
  const layers = 1 + Math.max(0, ...all.map((module) => Number(/^down_blocks\.0\.resnets\.(\d+)\./.exec(module)?.[1] ?? 0)));
  const attending = new Set(all.flatMap((module) => /^up_blocks\.(\d+)\.attentions\./.exec(module)?.[1] ?? []));
  return (module) => WHOLE[module] ?? ofMiddle(module) ?? ofDown(module, layers) ?? ofUp(module, layers, attending);
}

const resnet = (place: string, rest: string): string | undefined => RESNET[rest] && `${place}.${RESNET[rest]}`;

function ofMiddle(module: string): string | undefined {
  const [, kind, index, rest] = /^mid_block\.(resnets|attentions)\.(\d+)\.(.+)$/.exec(module) ?? [];
  if (!kind) return undefined;
  return kind === 'attentions' ? `middle_block.1.${rest}` : resnet(`middle_block.${2 * Number(index)}`, rest!);
}

function ofDown(module: string, layers: number): string | undefined {
  const [, block, kind, index, rest] = /^down_blocks\.(\d+)\.(resnets|attentions|downsamplers)\.(\d+)\.(.+)$/.exec(module) ?? [];
  if (!kind) return undefined;
  const first = 1 + Number(block) * (layers + 1);
  if (kind === 'downsamplers') return rest === 'conv' ? `input_blocks.${first + layers}.0.op` : undefined;
  const place = `input_blocks.${first + Number(index)}`;
  return kind === 'attentions' ? `${place}.1.${rest}` : resnet(`${place}.0`, rest!);
}

function ofUp(module: string, layers: number, attending: ReadonlySet<string>): string | undefined {
  const [, block, kind, index, rest] = /^up_blocks\.(\d+)\.(resnets|attentions|upsamplers)\.(\d+)\.(.+)$/.exec(module) ?? [];
  if (!kind) return undefined;
  const first = Number(block) * (layers + 1);
  if (kind === 'upsamplers') return `output_blocks.${first + layers}.${attending.has(block!) ? 2 : 1}.${rest}`;
  const place = `output_blocks.${first + Number(index)}`;
  return kind === 'attentions' ? `${place}.1.${rest}` : resnet(`${place}.0`, rest!);
}
