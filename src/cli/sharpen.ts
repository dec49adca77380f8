// `banana sharpen FILE --width N`: a small icon or sticker at any size, by the renderer of a model that draws in layers.
import { basename, extname } from 'node:path';
import { Command } from 'commander';
import { encodeImage } from '../disk/codec.ts';
import { writeFileWhole } from '../disk/files.ts';
import { readPicture } from '../disk/pictures.ts';
import { markOf } from '../draw/recipe.ts';
import { LIMITS, optionsOf } from '../draw/request.ts';
import type { Image } from '../image/image.ts';
import { formatFor } from '../node/index.ts';
import { modelPath } from '../node/models.ts';
import { svgOf } from '../node/svg.ts';
import { sharpen } from '../sdk/sharpen.ts';
import { withFlags } from './flags.ts';
import type { Io } from './io.ts';
import { checkWritable } from './output.ts';
import { openEngine, stoppable, withEngine, type EngineFlags } from './shared.ts';

interface Flags extends EngineFlags {
  readonly width?: number;
  readonly height?: number;
  readonly output?: string;
}

const HELP = `
Example:
  banana sharpen icon.png --width 4096 -o poster.png
`;

export function sharpenCommand(io: Io): Command {
  const command = new Command('sharpen')
    .description('draw a small icon or sticker at any size, by the renderer of a model that draws in layers')
    .argument('<file>', 'picture of up to some hundred pixels (.png, .jpg, .webp, .svg)')
    .option('-o, --output <file>', '.png, .jpg, .webp or .svg file to write; default NAME-WIDTH.png here');
  return withEngine(withFlags(command, optionsOf(LIMITS), ['width', 'height']))
    .addHelpText('after', HELP)
    .action((file: string, flags: Flags) => draw(file, flags, io));
}

async function draw(file: string, { width, height, output, ...engine }: Flags, io: Io): Promise<void> {
  const small = await readPicture(file);
  modelPath(engine.model ?? engine.preset);
  const named = (size: number | string) => output ?? `${basename(file, extname(file))}-${size}.png`;
  await checkWritable(named(width ?? height ?? ''));
  await stoppable(io, async (signal) => {
    const banana = await openEngine(engine, signal);
    try {
      const large = await sharpen(banana, small, {
        ...(width !== undefined && { width }),
        ...(height !== undefined && { height }),
        signal,
      });
      const path = named(large.width);
      await writeFileWhole(path, await fileOf(large, path));
      io.out(`${path}  ${large.width}x${large.height}\n`);
    } finally {
      await banana.close();
    }
  });
}

async function fileOf(large: Image, path: string): Promise<Uint8Array> {
  const format = formatFor(path);
  return format === 'svg' ? new TextEncoder().encode(await svgOf({ image: large })) : encodeImage(large, format, markOf({}));
}
