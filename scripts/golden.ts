// Records what test/golden.test.ts compares with: numbers in test/golden/golden.json and pictures beside it.
// Run it when a change is meant to alter what is drawn or learned (a new model, network, schedule or random stream), look at the
// pictures, and commit both with the reason. Never run it to silence a failure that nobody meant.
//   npm run golden
import { writeFile } from 'node:fs/promises';
import { encodeImage } from '../src/disk/codec.ts';
import { packagePath } from '../src/disk/package.ts';
import { MEASURES, pictures } from '../test/golden/measure.ts';

const folder = packagePath('test', 'golden');

/** Ten digits hold a 32-bit number; float32 has seven. */
const short = (list: readonly number[]) => JSON.stringify(list.map((x) => Number(x.toPrecision(10))));

const lines: string[] = [];
for (const [name, { numbers }] of Object.entries(MEASURES)) {
  const rows = Object.entries(await numbers()).map(([key, list]) => `    ${JSON.stringify(key)}: ${short(list)}`);
  lines.push(`  ${JSON.stringify(name)}: {\n${rows.join(',\n')}\n  }`);
}
await writeFile(`${folder}/golden.json`, `{\n${lines.join(',\n')}\n}\n`);
for (const [name, image] of Object.entries(await pictures())) await writeFile(`${folder}/${name}.png`, await encodeImage(image, 'png'));
console.log(`recorded ${lines.length} rows and pictures in ${folder}: look at the pictures before you commit them`);
