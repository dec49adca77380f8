// `banana generate`: from a prompt to PNG, JPEG or WebP files. What can be known to be wrong is said before anything is loaded; each file
// is written whole or not at all.
import { Command } from 'commander';
import { drawnFiles, formatFor } from '../node/index.ts';
import { loadSharp } from '../disk/codec.ts';
import { writeFileWhole } from '../disk/files.ts';
import type { StageSeconds, TextEvent } from '../draw/events.ts';
import { DEFAULT_MODEL, modelPath } from '../node/models.ts';
import { checkOptions } from '../draw/check.ts';
import type { GenerateOptions, PeelChoice } from '../draw/request.ts';
import type { ModelInfo } from '../models/family.ts';
import { InputError } from '../util/errors.ts';
import { checkLayersPath, writeLayers } from '../node/layers.ts';
import { loadTracer } from '../node/svg.ts';
import { progressLine, type Io } from './io.ts';
import { peel, whole } from './options.ts';
import { checkWritable, pathOf } from './output.ts';
import { several } from './text.ts';
import { openEngine, pictures, stoppable, withEngine, withRequest, type EngineFlags, type PictureFlags } from './shared.ts';

interface Flags
  extends Omit<GenerateOptions, 'prompt' | 'preview' | 'image' | 'mask' | 'references' | 'objects' | 'layers'>,
    PictureFlags,
    EngineFlags {
  output?: string;
  layers?: string;
  quality?: number;
  peel?: readonly PeelChoice[];
  force?: boolean;
  json?: boolean;
}

interface Written {
  path: string;
  seed: number;
  width: number;
  height: number;
}

/** Seconds of each stage; `total` is from the start of the command to the last file. */
interface Seconds extends StageSeconds {
  load: number;
  encode: number;
  total: number;
}

/** Of JPEG and WebP where none is asked for. */
export const QUALITY = 90;
/** Ends the help; each line can be run as it is, but for those that name a file. */
export const EXAMPLES = `
Examples:
  banana "a red fox in the snow" --seed 7
  banana "a castle <peel:outline:0.8>" --aspect 16:9 -o castle.webp
  banana "a house at night" --image house.png --strength 0.5
`;

export function generateCommand(io: Io): Command {
  const command = new Command('generate')
    .description('draw pictures from a prompt (a bare prompt means this command)')
    .argument(
      '<prompt>',
      'what to draw, in quotes; of a long one the end is not read, and a warning says what; <peel:NAME:WEIGHT> in it draws with a Peel',
    )
    .option(
      '-o, --output <file>',
      '.png, .jpg, .webp or .svg (traced, a group for each layer) file to write; default banana-SEED.png here',
    );
  return withEngine(withRequest(command))
    .option(
      '--layers <path>',
      'write its layers too, of a model that draws in layers: a folder of PNGs, or an OpenRaster (.ora) or PSD (.psd) file',
    )
    .option('--peel <peel>', 'draw with a Peel: a name or a file, and a weight if not 1, as ink:0.8; may be repeated', peel)
    .option('--force', 'take such Peels as far as they fit')
    .option('--quality <n>', `1 to 100, of .jpg and .webp; default ${QUALITY}`, whole)
    .option('--json', 'print one JSON object on standard output')
    .addHelpText('after', EXAMPLES)
    .action((prompt: string, flags: Flags) => generate(prompt, flags, io));
}

async function generate(
  prompt: string,
  {
    output,
    layers,
    preset,
    model: named = preset,
    runtime,
    threads,
    precision,
    quality = QUALITY,
    image,
    mask,
    subject,
    objects,
    peel: peels = [],
    force = false,
    json = false,
    ...flags
  }: Flags,
  io: Io,
): Promise<void> {
  const options: GenerateOptions = {
    prompt,
    ...flags,
    ...(await pictures({ image, mask, subject, objects })),
    ...(peels.length > 0 && { peels: peels.map((one) => ({ ...one, force })) }),
    preview: 0,
    ...(layers !== undefined && { layers: true }),
  };
  checkOptions(options);
  checkQuality(quality);
  const count = options.count ?? 1;
  if (layers !== undefined) await checkLayersPath(layers);
  if (isSvg(output)) await loadTracer();
  for (let i = 0; i < count; i++) await checkWritable(pathOf(output, options.seed ?? 0, i, count));
  const model = named ?? DEFAULT_MODEL;
  modelPath(model);
  await stoppable(io, (signal) =>
    draw({ ...options, signal }, { output, layers, quality, json, count }, { model, runtime, threads, precision }, io),
  );
}

const isSvg = (output: string | undefined): boolean => output !== undefined && formatFor(output) === 'svg';

/** Throws InputError for a quality that is none. */
export function checkQuality(quality: number): void {
  if (!(quality >= 1 && quality <= 100)) throw new InputError('options.quality', `quality ${quality}: expected 1 to 100`);
}

type Drawing = GenerateOptions & { readonly signal: AbortSignal };

/** Draws into files, with an engine of its own. */
async function draw(
  options: Drawing,
  {
    output,
    layers,
    quality,
    json,
    count,
  }: { output: string | undefined; layers: string | undefined; quality: number; json: boolean; count: number },
  engine: EngineFlags,
  io: Io,
): Promise<void> {
  const progress = progressLine(io);
  const say = (line: string) => (progress.clear(), io.err(`${line}\n`));

  if (output !== undefined && formatFor(output) !== 'png') loadSharp().catch(() => {}); // while the engine starts; a missing one is told when it is needed
  const banana = await openEngine(engine, options.signal);
  try {
    const load = performance.now() / 1000; // since this process began
    const images: Written[] = [];
    let [encode, steps] = [0, 0];
    let stages: StageSeconds = { text: 0, denoise: 0, render: 0 };
    const files = drawnFiles(options.background !== 'transparent');
    const inLayers = isSvg(output) && banana.model.abilities.includes('layers') && { layers: true };
    for await (const event of banana.generate({ ...options, ...inLayers })) {
      if (output === undefined || formatFor(output) === 'png') files.see(event);
      if (event.type === 'text' && event.truncated > 0) say(cutWarning(event, banana.model));
      else if (event.type === 'step') progress.show(`picture ${event.index + 1} of ${count}: step ${event.step} of ${event.steps}`);
      else if (event.type === 'render') progress.show(`picture ${event.index + 1} of ${count}: drawing ${event.tile} of ${event.tiles}`);
      else if (event.type === 'done') stages = event.seconds;
      else if (event.type === 'image') {
        const { seed, width, height } = event.recipe;
        steps = event.recipe.steps;
        const path = pathOf(output, seed, event.index, count);
        const from = performance.now();
        await writeFileWhole(path, await files.file(event, formatFor(path), { quality }));
        encode += (performance.now() - from) / 1000;
        images.push({ path, seed, width, height });
        if (layers !== undefined) await writeLayers(pathOf(layers, seed, event.index, count), { ...event, layers: event.layers ?? [] });
        if (json) say(`${path}  seed ${seed}`);
        else progress.clear(), io.out(`${path}  ${width}x${height}  seed ${seed}\n`);
      }
    }
    const seconds: Seconds = { load, ...stages, encode, total: performance.now() / 1000 };
    if (json)
      io.out(
        `${JSON.stringify({ images, model: banana.model.name, steps, seconds: rounded(seconds), peakRssBytes: await banana.peakRssBytes() })}\n`,
      );
    else
      io.out(
        `${Object.entries(seconds)
          .map(([stage, s]) => `${stage} ${s.toFixed(3)} s`)
          .join('  ')}\n`,
      );
  } finally {
    progress.clear();
    await banana.close();
  }
}

/** What the model did not see of a prompt. */
export const cutWarning = ({ cut, truncated }: TextEvent, { name, promptTokens }: ModelInfo): string =>
  `warning: the prompt is ${several(truncated, 'token')} longer than the ${promptTokens} that ${name} reads: not seen is "${cut}"`;

function rounded(seconds: Seconds): Seconds {
  return Object.fromEntries(Object.entries(seconds).map(([stage, s]) => [stage, Number(s.toFixed(4))])) as unknown as Seconds;
}
