// What is published: every export is in the package, and so is every file that its files import; no tests, and nothing that cannot run from it.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  exports: Record<string, string | Record<string, string>>;
  bin: Record<string, string>;
};

/** The files of the package, as npm would pack them. `npm ci` has built dist. */
function packed(): Set<string> {
  expect(existsSync(join(root, 'dist', 'src')), 'dist is missing: npm run build').toBe(true);
  const said = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [one] = JSON.parse(said) as [{ files: { path: string }[] }];
  return new Set(one.files.map(({ path }) => path));
}

test('the package is whole and holds nothing else', () => {
  const files = packed();
  const named = [
    ...Object.values(manifest.exports).flatMap((one) => (typeof one === 'string' ? [one] : Object.values(one))),
    ...Object.values(manifest.bin),
  ];
  expect(named.map((path) => posix.normalize(path)).filter((path) => !files.has(path))).toEqual([]);

  const missing = [...files]
    .filter((path) => path.endsWith('.js'))
    .flatMap((path) => {
      const imports = readFileSync(join(root, path), 'utf8').matchAll(/(?:from|import\(|import|URL\()\s*['"](\.\.?\/[^'"]+\.js)['"]/g);
      return [...imports].map(([, target]) => posix.join(posix.dirname(path), target!)).filter((target) => !files.has(target));
    });
  expect(missing).toEqual([]);
  expect([...files].filter((path) => /\.test\.|\/(data|eval)\//.test(path))).toEqual([]);
  expect([...files].filter((path) => /^models\/pico\.safetensors$|^NOTICE$|^README\.md$|^LICENSE$/.test(path))).toHaveLength(4);
});
