// Step 1: draw the training data. Resumable: run it again and it goes on with the first missing shard.
//   tsx recipes/1-render.ts --preset pico --count 16384 --seed 1 --squares --out runs/pico/data [--processes 1] [--shard 256]   for the autoencoder
//   tsx recipes/1-render.ts --preset pico --count 24576 --seed 2 --crop 0 --out runs/pico/pictures   all shapes and subjects, for the transformer
//   tsx recipes/1-render.ts --preset pico --count 48 --seed 1 --sheet sheet.png   only a contact sheet, to look at
import { Command, InvalidArgumentError } from 'commander';
import { DATA, sample, squares, type DataPreset } from '../src/data/dataset.ts';
import type { DataOptions } from '../src/data/sample.ts';
import { pack } from '../src/data/pack.ts';
import { renderPool } from '../src/data/render.ts';
import { preset } from '../src/models/banana/config.ts';
import { encodeImage } from '../src/disk/codec.ts';
import { writeFileWhole } from '../src/disk/files.ts';
import { premultipliedToTensor, tensorToImage, type Image } from '../src/image/image.ts';
import { labelledSheet } from '../src/disk/sheet.ts';
import { BananaError, InputError } from '../src/util/errors.ts';

interface Options {
  preset: string;
  count: number;
  seed: number;
  out?: string;
  sheet?: string;
  columns: number;
  kind?: string;
  split: string;
  shard: number;
  crop: number;
  squares?: boolean;
  processes: number;
}

const whole = (text: string) => {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('expected a whole number');
  return Number(text);
};

async function sheet(path: string, o: Options, data: DataOptions): Promise<void> {
  const pool = renderPool();
  const [images, labels]: [Image[], string[]] = [[], []];
  const checker = [235, 235, 235] as const;
  for (let i = 0; images.length < o.count; i++) {
    const s = sample(o.seed, i, { ...data, split: o.split === 'test' ? 'test' : 'train' });
    if (o.kind && s.kind !== o.kind) continue;
    const scale = 256 / Math.max(s.width, s.height);
    const [width, height] = [Math.round(s.width * scale), Math.round(s.height * scale)];
    const { pixels, error } = await pool.render({ svg: s.svg, width, height });
    if (!pixels) console.error(`sample ${i}: ${error}`);
    else images.push(tensorToImage(premultipliedToTensor(width, height, pixels), s.transparent ? { background: checker } : {}));
    if (pixels) labels.push(s.caption);
  }
  pool.close();
  await writeFileWhole(path, await encodeImage(await labelledSheet(images, labels, { columns: o.columns, cell: 192, lines: 3 }), 'png'));
  console.error(`${path}: ${images.length} pictures`);
}

async function draw(out: string, o: Options, data: DataOptions): Promise<void> {
  const start = performance.now();
  for await (const { done, total, failed } of pack({
    ...o,
    out,
    data,
    reference: preset(o.preset).referencePixels,
    cropSizes: [0.75 * data.size, 8 * data.size],
  })) {
    const seconds = (performance.now() - start) / 1000;
    console.error(`${done}/${total} pictures, ${(done / seconds).toFixed(0)}/s`);
    for (const f of failed) console.error(`  sample ${f.index} left out: ${f.error}`);
  }
}

const program = new Command('1-render')
  .option('--preset <name>', `one of ${Object.keys(DATA).join(', ')}`, 'pico')
  .option('--count <n>', 'how many pictures', whole, 1000)
  .option('--seed <n>', 'seed', whole, 1)
  .option('--out <dir>', 'folder of the shards')
  .option('--sheet <file>', 'write a contact sheet instead')
  .option('--columns <n>', 'columns of the sheet', whole, 8)
  .option('--kind <kind>', 'only single, scene or character on the sheet')
  .option('--split <name>', 'train or test', 'train')
  .option('--shard <n>', 'pictures a shard', whole, 256)
  .option('--crop <pixels>', 'side of the crops, 0 for none', whole, 96)
  .option('--squares', 'squares without subjects: for the autoencoder')
  .option('--processes <n>', 'drawing processes', whole, 1);

try {
  const o = program.parse().opts<Options>();
  const all = DATA[o.preset as DataPreset];
  if (!all) throw new InputError('data.preset', `preset "${o.preset}" is unknown; the presets are ${Object.keys(DATA).join(', ')}`);
  const data = o.squares ? squares(all) : all;
  if (o.sheet) await sheet(o.sheet, o, data);
  else if (o.out) await draw(o.out, o, { ...data, split: o.split === 'test' ? 'test' : 'train' });
  else throw new InputError('data.out', 'say where to: --out DIR for shards, or --sheet FILE.png');
} catch (error) {
  if (!(error instanceof BananaError)) throw error;
  console.error(`1-render: ${error.message}`);
  process.exitCode = 1;
}
