// The command `banana serve` as a process with an engine of its own: what it prints, what becomes of a request whose engine is killed, how
// it ends.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test, vi } from 'vitest';
import { BANANA, tinyModel, workFolder } from './command.ts';

const { folder, remove } = workFolder();
afterAll(remove);
const [file, ...rest] = BANANA as [string, ...string[]];

/** The processes that a process started (Linux). */
const childrenOf = (pid: number): number[] => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);

test.skipIf(process.platform !== 'linux')(
  'serves two models with one engine at a time; a killed engine is one 503; ends when told, with what was begun',
  async () => {
    const model = await tinyModel(folder);
    const other = fileURLToPath(new URL('fixtures/open-weights/stable-diffusion/turbo', import.meta.url));
    const models = ['--model', model, '--model', other];
    const child = spawn(file, [...rest, 'serve', '--json', '--port', '0', '--jobs', 'jobs', ...models, '--threads', '1'], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let log = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
    const ended = once(child, 'close').then((): never => {
      throw new Error(log);
    });
    ended.catch(() => {});
    const [line] = (await Promise.race([once(createInterface(child.stdout), 'line'), ended])) as [string];
    const { url, models: names } = JSON.parse(line) as { url: string; models: string[] };
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(names).toEqual([expect.any(String), 'turbo']);

    const draw = (n: number, size = '64x64', more = {}) =>
      fetch(`${url}/v1/images/generations`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ prompt: 'a fox', size, n, quality: 'low', seed: 1, ...more }),
      });
    expect((await draw(1)).status).toBe(200);
    const lost = draw(10, '512x512');
    await vi.waitFor(async () => expect(await (await fetch(`${url}/metrics`)).text()).toMatch(/^banana_pictures_total [2-9]$/m), 30_000);
    const [engine] = childrenOf(child.pid!);
    process.kill(engine!, 'SIGKILL');
    expect((await lost).status).toBe(503);
    expect((await draw(1)).status).toBe(200);
    expect(childrenOf(child.pid!)).not.toContain(engine);
    expect((await draw(1, '64x64', { model: 'turbo' })).status).toBe(200);
    expect(childrenOf(child.pid!)).toHaveLength(1);
    expect((await draw(1, '64x64', { model: 'turbos' })).status).toBe(404);

    const last = draw(2, '512x512');
    await vi.waitFor(async () => expect(await (await fetch(`${url}/metrics`)).text()).toContain('banana_requests_running 1\n'), 30_000);
    child.kill('SIGTERM');
    expect((await last).status).toBe(200);
    const [code] = (await once(child, 'close')) as [number];
    expect([code, log.includes('"engine.lost"')], log).toEqual([0, true]);
  },
);
