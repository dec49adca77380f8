// Runs where this package is installed, before the install scripts of its dependencies: npm runs every preinstall first.
// onnxruntime-node holds all that a CPU needs, but its own script then fetches CUDA libraries that nothing here uses, hundreds
// of megabytes, from another host; where that host cannot be reached npm drops the whole optional package without a word.
// That script lets files that are there alone: so a line of text takes the place of each. Whoever wants CUDA asks for it by name.
// Nothing here may break an install: JavaScript without a dependency, and what fails is left as it was.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import { dirname, join } from 'node:path';

const NOTE = 'Not fetched: banana-sdk does not need it. To have it: npm rebuild onnxruntime-node --onnxruntime-node-install=cuda12\n';

/** The files that the script of the onnxruntime-node in `root` would fetch for this machine. */
function wanted(root, { requirements, manifests }) {
  const machine = `${platform()}/${arch()}`;
  const names = (requirements[machine] ?? []).flatMap((name) => Object.keys(manifests[`${machine}:${name}`]));
  return names.map((name) => join(root, 'bin', 'napi-v6', machine, name));
}

try {
  const require = createRequire(import.meta.url);
  const root = dirname(require.resolve('onnxruntime-node/package.json'));
  for (const path of wanted(root, require(join(root, 'script', 'install-metadata.js')))) {
    mkdirSync(dirname(path), { recursive: true });
    if (!existsSync(path)) writeFileSync(path, NOTE);
  }
} catch {
  // not installed, or another version that asks for nothing of the kind
}
