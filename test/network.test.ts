// Nothing opens a network connection at run time: the command draws in a network namespace that has no network at all.
// (Where the system does not let us make one, the test is skipped and says so. test/layers.test.ts also reads the sources.)
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { modelPath } from '../src/node/models.ts';
import { command, tinyModel, workFolder } from './command.ts';

const WITHOUT = ['unshare', '--map-root-user', '--net'];
const permitted = spawnSync(WITHOUT[0]!, [...WITHOUT.slice(1), 'true']).status === 0;
if (!permitted) console.warn('network.test.ts is skipped: this system does not permit `unshare --map-root-user --net`');

const { folder, remove } = workFolder();
afterAll(remove);

/** The shipped model, or an untrained one where none is there. */
async function model(): Promise<string> {
  try {
    return modelPath();
  } catch {
    return tinyModel(folder);
  }
}

test.skipIf(!permitted)('the main command draws without any network', { timeout: 120_000 }, async () => {
  const names = execFileSync(WITHOUT[0]!, [...WITHOUT.slice(1), 'cat', '/proc/net/dev'], { encoding: 'utf8' });
  expect([...names.matchAll(/^\s*(\w+):/gm)].map((m) => m[1])).toEqual(['lo']); // and that one is down
  const args = ['a red fox in the snow, flat style', '--model', await model(), '--seed', '7', '--threads', '1', '-o', 'fox.png'];
  expect(await command(args, { cwd: folder, before: WITHOUT })).toMatchObject({
    code: 0,
    err: expect.not.stringMatching(/error|ENET|EAI_/),
  });
  const path = join(folder, 'fox.png');
  expect(existsSync(path) && statSync(path).size).toBeGreaterThan(1000);
});
