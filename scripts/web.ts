// `npm run web`: serves examples/web on loopback, with a model. What goes wrong is one line.
//   npm run web -- [--model FILE] [--port 8080]
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readModel } from '../src/node/load.ts';
import { modelPath } from '../src/node/models.ts';
import { InputError } from '../src/util/errors.ts';
import { serveWeb, type WebServer } from './web-server.ts';

const HELP = `Usage: npm run web -- [--model FILE] [--port N]
  --model FILE  model to draw with; default the one of the package
  --port N      0 to 65535, 0 for any free one; default 8080
`;
const at = (file: string) => join(import.meta.dirname, '../examples/web', file);

function portOf(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65535) throw new InputError('web.port', `port ${text}: expected a whole number from 0 to 65535`);
  return port;
}

/** The server, or undefined where only help was asked for. */
async function serve(args: readonly string[]): Promise<WebServer | undefined> {
  const { values } = parseArgs({
    args: [...args],
    options: { model: { type: 'string' }, port: { type: 'string', default: '8080' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) return;
  const port = portOf(values.port);
  await readModel(values.model); // the page could only say that it is none
  const files = { '/': at('index.html'), '/page.css': at('page.css'), '/model.safetensors': modelPath(values.model) };
  return serveWeb({ bundles: { page: at('page.ts'), worker: at('worker.ts') }, files, port });
}

/** One line about an error. */
function why({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'EADDRINUSE') return 'the port is taken: choose another with --port';
  if (code === 'EACCES') return 'the port may not be used: choose one from 1024 on with --port';
  return message.replace(/\s*\n\s*/g, ' ');
}

try {
  const server = await serve(process.argv.slice(2));
  process.stdout.write(server ? `${server.origin}  (Ctrl-C ends it)\n` : HELP);
} catch (error) {
  process.stderr.write(`error: ${why(error as Error)}\n`);
  process.exitCode = 2;
}
