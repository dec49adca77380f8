// A Redis of a test's own: started from the system's package, at a free port, with nothing on the disk.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';

/** Whether there is one to start. */
export const hasRedis = spawnSync('redis-server', ['--version']).status === 0;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

export interface RedisServer {
  readonly url: string;
  readonly port: number;
  stop(): Promise<void>;
}

/** Starts it, at a port that is free or at this one. */
export async function startRedis(at?: number): Promise<RedisServer> {
  const port = at ?? (await freePort());
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ready = new Promise<void>((resolve) => {
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (more: string) => ((text += more).includes('Ready to accept') ? resolve() : undefined));
  });
  const ended = once(child, 'close');
  await Promise.race([ready, ended.then(() => Promise.reject(new Error('redis-server ended before it was ready')))]);
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    async stop() {
      child.kill();
      await ended;
    },
  };
}
