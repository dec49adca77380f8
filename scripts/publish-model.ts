// Puts a finished model where the command finds it: models/NAME.safetensors, by the name in its manifest; the manifest with size and
// hash beside it; and, with --log, the losses of its training under models/log/NAME.
// Look at the sheets first: weights stay in git's history for good.
//   npx tsx scripts/publish-model.ts FILE [--log STAGE.jsonl ...]
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadPipeline } from '../src/node/load.ts';
import { openModelFiles } from '../src/node/model-files.ts';
import { writeFileWhole } from '../src/disk/files.ts';
import { storedWeights } from '../src/quant/stored.ts';

const { values, positionals } = parseArgs({ allowPositionals: true, options: { log: { type: 'string', multiple: true, default: [] } } });
const [made] = positionals;
if (made === undefined) throw new Error('name the file of a model');
await (await loadPipeline({ model: made })).release(); // it opens, so it is one
const files = await openModelFiles(made);
const manifest = JSON.parse(files.metadata.manifest!) as { readonly name: string };
const { weights } = storedWeights(files, made);
const parameters = weights.names.reduce((sum, name) => sum + weights.outline(name)!.shape.reduce((a, b) => a * b, 1), 0);
files.close();
const bytes = await readFile(made);
const file = `${manifest.name}.safetensors`;
await writeFileWhole(join('models', file), bytes);
const sha256 = createHash('sha256').update(bytes).digest('hex');
const description = { ...manifest, file, bytes: bytes.length, sha256, parameters, art: '../NOTICE' };
await writeFileWhole(join('models', `${manifest.name}.json`), `${JSON.stringify(description, null, 2)}\n`);
const log = join('models', 'log', manifest.name);
await mkdir(log, { recursive: true });
for (const path of values.log) await copyFile(path, join(log, basename(path)));
console.error(`${file}: ${bytes.length} bytes, ${parameters} weights`);
