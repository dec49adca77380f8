// The kit: all that makes training data, programs and model files on a Linux machine that has neither Node nor a network, in a few
// files. Node itself (its binary needs glibc and libstdc++ only), resvg's binary, the recipes of the layered model bundled into
// scripts, and of the art packages just the icons that the tables name. The kit is laid out as a small repository with
// node_modules, so that the bundled code finds everything where it looks for it and needs no change.
//   node  1-data.js ... 5-model.js  chunk-*.js  render-child.js  package.json  src/data/tables/  node_modules/
// WebP art is decoded by sharp here; there it has been turned into PNG beforehand (kit.py), and `sharp` is three lines that hand
// it on. Not here: what is trained, and how long (pack.ts).
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { STYLE_KEYS, STYLES, type StyleKey } from '../../src/data/sprites.ts';
import { table } from '../../src/data/tables.ts';
import { RuntimeError } from '../../src/util/errors.ts';

const require = createRequire(import.meta.url);
const root = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

/** Packages of drawing code that src/data loads by name, with what each leaves outside. React must be one for all of them. */
const CODE: Readonly<Record<string, readonly string[]>> = {
  react: [],
  'react/jsx-runtime': ['react'],
  'react-dom/server': ['react'],
  '@bigheads/core': ['react', 'react-dom'],
  'react-kawaii': ['react', 'react-dom'],
};

/** Recipes that run there. */
export const RECIPES = ['1-data', '2-renderer', '3-teacher', '4-student', '5-model'] as const;

const HAND_ON = `module.exports = (png) => ({ png: () => ({ toBuffer: async () => png }) });\n`;

/** Of an art package, what the tables name: [file, content] with paths from node_modules. */
async function artOf(style: StyleKey, icons: readonly string[]): Promise<[string, string | Uint8Array][]> {
  const { package: name, raster } = STYLES[style];
  if (raster) {
    const folder = dirname(require.resolve(`${name}/package.json`));
    const pictures = icons.map(
      async (icon): Promise<[string, Uint8Array]> => [`${name}/assets/${icon}`, await readFile(join(folder, 'assets', icon))],
    );
    return [[`${name}/package.json`, '{}'], ...(await Promise.all(pictures))];
  }
  const file = JSON.parse(await readFile(require.resolve(`${name}/icons.json`), 'utf8')) as {
    icons: Record<string, unknown>;
    aliases?: Record<string, { parent: string }>;
    width?: number;
    height?: number;
  };
  const kept = Object.fromEntries(
    icons.map((icon) => [icon, file.icons[icon] ?? file.icons[file.aliases?.[icon]?.parent ?? '']]).filter(([, found]) => found),
  );
  return [[`${name}/icons.json`, JSON.stringify({ icons: kept, width: file.width, height: file.height })]];
}

async function bundleCode(kit: string): Promise<void> {
  const common = {
    bundle: true,
    platform: 'node',
    target: 'node20',
    minify: true,
    logLevel: 'error',
    define: { 'process.env.NODE_ENV': '"production"' },
  } as const;
  // What the scripts share lies in chunks beside them, so that tables and drawing processes are found where they are.
  await build({
    ...common,
    minify: false,
    splitting: true,
    entryPoints: [...RECIPES.map((name) => `recipes/${name}.ts`), 'src/data/render-child.ts'].map((path) => join(root, path)),
    entryNames: '[name]',
    outdir: kit,
    format: 'esm',
    external: ['sharp', '@resvg/resvg-js', 'onnxruntime-node'],
  });
  for (const [name, external] of Object.entries(CODE)) {
    const parts = name.split('/');
    const folder = parts.slice(0, name.startsWith('@') ? 2 : 1).join('/');
    const file = `${name === folder ? 'index' : parts.at(-1)}.js`;
    await build({
      ...common,
      entryPoints: [require.resolve(name)],
      outfile: join(kit, 'node_modules', folder, file),
      format: 'cjs',
      external: [...external],
    });
  }
}

/** Lays the kit out in a folder, all but Node itself; the folder is emptied first. `styles`: the art that goes along. Linux only. */
export async function layOutKit(kit: string, styles: readonly StyleKey[] = STYLE_KEYS): Promise<void> {
  const native = `@resvg/resvg-js-${process.platform}-${process.arch}-gnu`;
  if (process.platform !== 'linux')
    throw new RuntimeError(
      'cuda.kit',
      `the drawing kit carries this machine's own Node, which must run on a Linux machine; this is ${process.platform}`,
    );
  await rm(kit, { recursive: true, force: true });
  await mkdir(join(kit, 'src/data'), { recursive: true });
  await cp(join(root, 'src/data/tables'), join(kit, 'src/data/tables'), { recursive: true });
  await writeFile(join(kit, 'package.json'), '{ "type": "module" }\n');
  await bundleCode(kit);
  const rows = table<Record<StyleKey, Record<string, [string]>>>('sprites');
  for (const style of styles)
    for (const [path, content] of await artOf(style, [...new Set(Object.values(rows[style]).map(([icon]) => icon))])) {
      await mkdir(dirname(join(kit, 'node_modules', path)), { recursive: true });
      await writeFile(join(kit, 'node_modules', path), content);
    }
  for (const name of ['@resvg/resvg-js', native])
    await cp(dirname(require.resolve(`${name}/package.json`)), join(kit, 'node_modules', name), { recursive: true });
  await mkdir(join(kit, 'node_modules/sharp'), { recursive: true });
  await writeFile(join(kit, 'node_modules/sharp/index.js'), HAND_ON);
}

/** A folder as one .tar.xz. */
export async function archive(folder: string, path: string): Promise<void> {
  await run('tar', ['-C', folder, '--sort=name', '--mtime=2000-01-01', '--owner=0', '--group=0', '-I', 'xz -9 -T1', '-cf', path, '.']);
}

/** This Node's binary, without symbols (an eighth smaller), as .xz: a quarter of it, after a minute or two. Kept in `cache`. */
export async function packNode(path: string, cache: string): Promise<void> {
  const kept = join(cache, `node-${process.version}-${process.arch}.xz`);
  if (!existsSync(kept)) {
    const bare = join(cache, 'node');
    await mkdir(cache, { recursive: true });
    await cp(process.execPath, bare);
    await run('strip', ['-s', bare]).catch(() => {}); // no strip: it works as well with its symbols
    await run('xz', ['-9e', '-T1', '-f', bare]);
    await rename(`${bare}.xz`, kept);
  }
  await cp(kept, path);
}
