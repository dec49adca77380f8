// `npm run web`: serves examples/web on loopback, with a model.
//   npm run web -- [--model FILE] [--port 8080]
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { modelPath } from '../src/node/models.ts';
import { serveWeb } from './web-server.ts';

const { values } = parseArgs({ options: { model: { type: 'string' }, port: { type: 'string', default: '8080' } } });
const at = (file: string) => join(import.meta.dirname, '../examples/web', file);
const { origin } = await serveWeb({
  bundles: { page: at('page.ts'), worker: at('worker.ts') },
  files: { '/': at('index.html'), '/page.css': at('page.css'), '/model.safetensors': modelPath(values.model) },
  port: Number(values.port),
});
console.log(`${origin}  (Ctrl-C ends it)`);
