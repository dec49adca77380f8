// src/models/layers/kernel-code.ts: what kernels/layers.ts compiles to, so that who installs the package needs no compiler.
//   npm run kernels
// A test holds the file to this (src/models/layers/kernel.test.ts).
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const SOURCE = fileURLToPath(new URL('../kernels/layers.ts', import.meta.url));
export const KERNEL_CODE = fileURLToPath(new URL('../src/models/layers/kernel-code.ts', import.meta.url));

const FLAGS = ['--enable', 'simd', '--runtime', 'stub', '-O3', '--noAssert', '--importMemory'];

/** The text of kernel-code.ts. */
export async function kernelCode(): Promise<string> {
  let code: Uint8Array | undefined;
  const { error, stderr } = await asc.main(['layers.ts', '--outFile', 'layers.wasm', ...FLAGS], {
    readFile: (name) => (name === 'layers.ts' ? readFileSync(SOURCE, 'utf8') : null),
    writeFile: (_, contents) => void (code = contents as Uint8Array),
    listFiles: () => [],
  });
  if (error || !code) throw new Error(`${SOURCE}: ${stderr.toString()}`, { cause: error });
  const lines = Buffer.from(code)
    .toString('base64')
    .match(/.{1,130}/g)!;
  return `// Written by npm run kernels from kernels/layers.ts: change it there.\n\n/** WebAssembly, in base64. */\nexport const KERNEL = \`\n${lines.join('\n')}\`;\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(KERNEL_CODE, await kernelCode());
