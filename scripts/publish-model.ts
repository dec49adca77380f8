// Puts the finished model of a run where the command finds it: models/PRESET.safetensors, its manifest with size and hash beside it, and
// the losses of its training under models/log/PRESET/. Look at the sheets first: weights stay in git's history for good.
//   npx tsx scripts/publish-model.ts [--preset pico] [--run runs/pico]
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { exportModel } from '../recipes/5-distill.ts';
import { loadModel } from '../src/pipeline/model.ts';
import { writeFileWhole } from '../src/tensor/files.ts';

const { values } = parseArgs({ options: { preset: { type: 'string', default: 'pico' }, run: { type: 'string' } } });
const { preset } = values;
const run = values.run ?? join('runs', preset);
const made = await exportModel({ preset, run });
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
for (const stage of ['autoencoder', 'teacher', 'student', 'decoder'])
  if (existsSync(join(run, `${stage}.jsonl`))) await copyFile(join(run, `${stage}.jsonl`), join(log, `${stage}.jsonl`));
console.error(`${file}: ${bytes.length} bytes, ${parameters} weights`);
