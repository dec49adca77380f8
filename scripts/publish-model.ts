// Puts the finished model of a run where the command finds it: models/PRESET.safetensors, its manifest with size and hash beside it, and
// the losses of its training under models/log/PRESET/; with --bits 4 how far rounding moves its pictures, docs/results/quantized.json.
// Look at the sheets first: weights stay in git's history for good.
//   npx tsx scripts/publish-model.ts [--preset pico] [--run runs/pico] [--bits 8|4] [--without-references]
// --bits 4: as recipe 6 trained it. --without-references: it was trained with reference subjects, but does not hold them yet.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { exportModel } from '../recipes/5-distill.ts';
import { exportQuantized } from '../recipes/6-quantize.ts';
import { loadModel } from '../src/node/load.ts';
import { writeFileWhole } from '../src/disk/files.ts';

const { values } = parseArgs({
  options: {
    preset: { type: 'string', default: 'pico' },
    run: { type: 'string' },
    bits: { type: 'string', default: '8' },
    'without-references': { type: 'boolean', default: false },
  },
});
const { preset } = values;
const run = values.run ?? join('runs', preset);
const able = values['without-references'] ? { references: false } : {};
const made = await (values.bits === '4' ? exportQuantized : exportModel)({ preset, run }, able);
const bytes = await readFile(made);
const { manifest, weights } = await loadModel(made);
const parameters = Object.values(weights).reduce((sum, w) => sum + w.data.length, 0);
const file = join('models', `${preset}.safetensors`);
await writeFileWhole(file, bytes);
await writeFileWhole(
  join('models', `${preset}.json`),
  `${JSON.stringify({ ...manifest, file: `${preset}.safetensors`, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex'), parameters, art: '../NOTICE' }, null, 2)}\n`,
);
const log = join('models', 'log', preset);
await mkdir(log, { recursive: true });
for (const stage of ['autoencoder', 'teacher', 'student', 'quantized'])
  if (existsSync(join(run, `${stage}.jsonl`))) await copyFile(join(run, `${stage}.jsonl`), join(log, `${stage}.jsonl`));
if (values.bits === '4') await copyFile(join(run, 'quantized.json'), join('docs', 'results', 'quantized.json'));
console.error(`${file}: ${bytes.length} bytes, ${parameters} weights`);
