// A batch that is killed with -9 at any moment: no finished picture is lost, none is drawn twice, none is half written.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { random } from '../src/util/random.ts';
import { killAgain } from './batch-kills.ts';
import { built } from './build.ts';
import { workFolder } from './command.ts';

const { folder, remove } = workFolder();
afterAll(remove);
const ROWS = 150;
const name = (row: number) => String(row).padStart(5, '0');

test('20 kills at moments by chance, then resumed: every picture once and whole', async () => {
  const rows = Array.from({ length: ROWS }, (_, i) => JSON.stringify({ prompt: `row ${i}`, ...(i % 5 === 4 && { count: 3 }) }));
  writeFileSync(join(folder, 'rows.jsonl'), rows.join('\n'));
  const expected = rows.flatMap((row, i) =>
    row.includes('count') ? [1, 2, 3].map((n) => `${name(i + 1)}-${n}.png`) : [`${name(i + 1)}.png`],
  );
  const out = join(folder, 'out');
  const command = [process.execPath, fileURLToPath(built('test/batch.fixture.ts')), join(folder, 'rows.jsonl'), out, '2'];
  const { killed, pictures, faults } = await killAgain(
    { command, folder: out, runs: 20, lines: 10, within: 30, random: random(1) },
    expected,
  );
  expect(faults).toEqual([]);
  expect(killed).toBeGreaterThan(15);
  expect(pictures.filter((n, i) => i > 0 && n > pictures[i - 1]!).length).toBeGreaterThan(10); // runs that went on
});
