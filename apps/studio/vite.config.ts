// Builds the studio to files that any server of files can serve: pages and scripts, ONNX Runtime's WASM under ort/, the model under
// models/, and a service worker that knows them all. The library is taken from its source, by the names that its users know.
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { defineConfig, type Plugin, type Rolldown } from 'vite';

/** Sides of the icons of an installed studio. */
const ICONS = [192, 512];
const PUBLIC = join(import.meta.dirname, 'public');
const root = join(import.meta.dirname, '../..');
const source = (path: string) => join(root, 'src', path);
const ORT = join(root, 'node_modules/onnxruntime-web/dist');
const RUNTIMES = ['jspi.mjs', 'jspi.wasm', 'asyncify.mjs', 'asyncify.wasm'].map((end) => `ort-wasm-simd-threaded.${end}`);

/** Names of the .safetensors in a folder. */
const named = (folder: string) =>
  (existsSync(folder) ? readdirSync(folder) : []).flatMap((file) => /^(.*)\.safetensors$/.exec(file)?.[1] ?? []);

/** The Peels of the package. */
const PEELS = named(join(root, 'peels'));

/** The name of the model that a Peel is for, by its head. */
function baseOf(name: string): string {
  const file = readFileSync(join(root, `peels/${name}.safetensors`));
  const head = JSON.parse(file.subarray(8, 8 + Number(file.readBigUInt64LE(0))).toString()) as { __metadata__: { peel: string } };
  return (JSON.parse(head.__metadata__.peel) as { base: { name: string } }).base.name;
}

/** Where others than the shipped models lie: all of that folder are models of the site. */
const OTHERS = process.env['STUDIO_MODELS'];
const SHIPPED = ['pico'];
const shelf = OTHERS ?? join(root, 'models');
const modelFile = (name: string) => join(shelf, `${name}.safetensors`);

/** Models of the site: the first one is loaded first, the shipped one where it is there. */
const MODELS = [...new Set([...SHIPPED, ...(OTHERS ? named(OTHERS) : [])])].filter((name) => existsSync(modelFile(name)));

/** What is served beside the scripts: path in the site, and file. */
const CARRIED: Readonly<Record<string, string>> = {
  ...Object.fromEntries(MODELS.map((name) => [`models/${name}.safetensors`, modelFile(name)])),
  ...Object.fromEntries(PEELS.map((name) => [`peels/${name}.safetensors`, join(root, `peels/${name}.safetensors`)])),
  ...Object.fromEntries(RUNTIMES.map((name) => [`ort/${name}`, join(ORT, name)])),
};

const TYPES: Readonly<Record<string, string>> = { mjs: 'text/javascript', wasm: 'application/wasm' };

/** Threads of WASM need a page that is isolated. */
const ISOLATED = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };

/** Carries the runtime and the model along; Vite's own copies of the runtime go. */
function carried(): Plugin {
  return {
    name: 'carried',
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        const path = new URL(request.url!, 'http://localhost').pathname.slice(1);
        if (!Object.hasOwn(CARRIED, path) || !existsSync(CARRIED[path]!)) return next();
        response.setHeader('Content-Type', TYPES[path.split('.').at(-1)!] ?? 'application/octet-stream');
        createReadStream(CARRIED[path]!).pipe(response);
      });
    },
    async generateBundle(_, bundle) {
      for (const name of Object.keys(bundle)) if (/ort-wasm[^/]*\.(wasm|mjs)$/.test(name)) delete bundle[name];
      for (const [fileName, file] of Object.entries(CARRIED)) this.emitFile({ type: 'asset', fileName, source: readFileSync(file) });
      for (const side of ICONS) {
        const source = await sharp(join(PUBLIC, 'icon.svg'), { density: 400 }).resize(side).png().toBuffer();
        this.emitFile({ type: 'asset', fileName: `icon-${side}.png`, source });
      }
    },
  };
}

/** Files that are kept when they are first asked for, and not before. */
const LATER = new Set([
  ...MODELS.slice(1).map((name) => `models/${name}.safetensors`),
  ...PEELS.map((name) => `peels/${name}.safetensors`),
]);

/** Tells the service worker what it is to keep: every file, and a name for this build. */
function listed(): Plugin {
  return {
    name: 'listed',
    enforce: 'post',
    generateBundle(_, bundle) {
      const worker = bundle['sw.js'] as Rolldown.OutputChunk;
      const built = Object.values(bundle).filter(({ fileName }) => fileName !== 'sw.js');
      const own = readdirSync(PUBLIC).filter((name) => name !== 'host.json' && !name.startsWith('_'));
      const contents = built.map((file) => (file.type === 'asset' ? file.source : file.code));
      const version = versionOf([...contents, ...own.map((name) => readFileSync(join(PUBLIC, name)))]);
      const files = [...built.map(({ fileName }) => fileName), ...own].filter((name) => name !== 'index.html');
      const told = { __FILES__: files.filter((name) => !LATER.has(name)), __LATER__: [...LATER], __VERSION__: version };
      for (const [name, value] of Object.entries(told)) worker.code = worker.code.replaceAll(name, JSON.stringify(value));
    },
  };
}

/** A short name of what some files hold. */
function versionOf(contents: Iterable<string | Uint8Array>): string {
  const hash = createHash('sha256');
  for (const one of contents) hash.update(one);
  return hash.digest('hex').slice(0, 12);
}

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  define: { __PEELS__: JSON.stringify(PEELS.map((name) => ({ name, base: baseOf(name) }))), __MODELS__: JSON.stringify(MODELS) },
  plugins: [carried(), listed()],
  resolve: {
    alias: [
      { find: /^banana-sdk$/, replacement: source('sdk/index.ts') },
      { find: /^banana-sdk\/web$/, replacement: source('web/index.ts') },
      { find: /^banana-sdk\/web-worker$/, replacement: source('web/worker.ts') },
    ],
  },
  worker: { format: 'es' },
  server: { headers: ISOLATED },
  preview: { headers: ISOLATED },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0, // the policy of the page allows no data: scripts
    modulePreload: { polyfill: false },
    emptyOutDir: true,
    reportCompressedSize: false,
    rolldownOptions: {
      input: { index: join(import.meta.dirname, 'index.html'), sw: join(import.meta.dirname, 'src/sw.ts') },
      output: { entryFileNames: ({ name }) => (name === 'sw' ? 'sw.js' : 'assets/[name]-[hash].js') },
    },
  },
});
