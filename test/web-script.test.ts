// `npm run web` from the outside: what goes wrong is one line, and no server stays.
import { execFile } from 'node:child_process';
import { createServer, type AddressInfo } from 'node:net';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { workFolder } from './command.ts';

const SCRIPT = fileURLToPath(new URL('../scripts/web.ts', import.meta.url));
const { folder, remove } = workFolder();
afterAll(remove);

const web = (...args: string[]) =>
  new Promise<{ code: unknown; out: string; err: string }>((done) =>
    execFile(process.execPath, ['--import', 'tsx', SCRIPT, ...args], { timeout: 60_000 }, (error, out, err) =>
      done({ code: error?.code ?? 0, out, err }),
    ),
  );

test('help', { timeout: 60_000 }, async () => {
  expect(await web('--help')).toMatchObject({ code: 0, err: '', out: expect.stringContaining('Usage: npm run web') });
});

test('errors in one line', { timeout: 120_000 }, async () => {
  const png = join(folder, 'x.png');
  writeFileSync(png, '\x89PNG\r\n\x1a\nand more bytes of it', 'latin1');
  const busy = createServer().listen(0, '127.0.0.1');
  await new Promise((ready) => busy.once('listening', ready));
  const { port } = busy.address() as AddressInfo;
  const table: [string[], RegExp][] = [
    [['--port', 'x'], /port x: expected a whole number from 0 to 65535/],
    [['--port', '70000'], /port 70000/],
    [['--port', String(port)], /the port is taken/],
    [['--model', join(folder, 'none.safetensors')], /no model file at/],
    [['--model', png], /not a safetensors file/],
    [['--modle', 'x'], /Unknown option '--modle'/],
  ];
  for (const [args, says] of table) {
    const { code, out, err } = await web(...args);
    expect({ code, out }, args.join(' ')).toEqual({ code: 2, out: '' });
    expect(err).toMatch(/^error: [^\n]+\n$/);
    expect(err).toMatch(says);
  }
  busy.close();
});
