// A contact sheet of the training data, to look at: clipping, plates, wrong names.
//   npx tsx recipes/look.ts SHEET.png [--data nano] [--count 60] [--seed 1] [--kind single|scene|character] [--split train|test] [--columns 8]
// --data: a scope of src/data/dataset.ts: `layers` is what models in layers learn, `nano` all art.
import { parseArgs } from 'node:util';
import { DATA, sample, type DataPreset } from '../src/data/dataset.ts';
import { renderPool } from '../src/data/render.ts';
import { encodeImage } from '../src/disk/codec.ts';
import { writeFileWhole } from '../src/disk/files.ts';
import { labelledSheet } from '../src/disk/sheet.ts';
import { premultipliedToTensor, tensorToImage, type Color, type Image } from '../src/image/image.ts';
import { BananaError, InputError } from '../src/util/errors.ts';

/** Behind what is transparent. */
const PALE: Color = [235, 235, 235];
const SIDE = 256;

const text = (value: string) => ({ type: 'string', default: value }) as const;
try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { data: text('nano'), count: text('60'), seed: text('1'), split: text('train'), columns: text('8'), kind: { type: 'string' } },
  });
  const [path] = positionals;
  const data = DATA[values.data as DataPreset];
  if (path === undefined) throw new InputError('data.out', 'name the PNG file to write');
  if (!data) throw new InputError('data.preset', `--data ${values.data}: choose from ${Object.keys(DATA).join(', ')}`);
  const split = values.split === 'test' ? 'test' : 'train';
  const pool = renderPool();
  const [images, labels]: [Image[], string[]] = [[], []];
  for (let i = 0; images.length < Number(values.count); i++) {
    const { caption, kind, svg, transparent, ...size } = sample(Number(values.seed), i, { ...data, split });
    if (values.kind !== undefined && kind !== values.kind) continue;
    const scale = SIDE / Math.max(size.width, size.height);
    const [width, height] = [Math.round(size.width * scale), Math.round(size.height * scale)];
    const { pixels, error } = await pool.render({ svg, width, height });
    if (!pixels) {
      console.error(`sample ${i}: ${error}`);
      continue;
    }
    images.push(tensorToImage(premultipliedToTensor(width, height, pixels), transparent ? { background: PALE } : {}));
    labels.push(caption);
  }
  pool.close();
  const sheet = await labelledSheet(images, labels, { columns: Number(values.columns), cell: 192, lines: 3 });
  await writeFileWhole(path, await encodeImage(sheet, 'png'));
  console.error(`${path}: ${images.length} pictures`);
} catch (error) {
  if (!(error instanceof BananaError)) throw error;
  console.error(`look: ${error.message}`);
  process.exitCode = 1;
}
