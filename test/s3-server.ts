// As much of S3 as keeps files: put, get, head, delete, with the bucket in the path. Signatures are looked for and not checked.
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

export interface S3Server {
  readonly url: string;
  /** By bucket/key. */
  readonly files: Map<string, Buffer>;
  close(): Promise<void>;
}

export async function s3Server(): Promise<S3Server> {
  const files = new Map<string, Buffer>();
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url!, 'http://x').pathname.slice(1));
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const file = files.get(path);
    const answer = (status: number, body?: Buffer | string) => response.writeHead(status).end(request.method === 'HEAD' ? undefined : body);
    if (!/^AWS4-HMAC-SHA256 Credential=me\//.test(request.headers.authorization ?? ''))
      answer(403, '<Error><Code>AccessDenied</Code></Error>');
    else if (path.startsWith('locked/')) answer(403, '<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>');
    else if (request.method === 'PUT') files.set(path, Buffer.concat(chunks)), answer(200);
    else if (request.method === 'DELETE') files.delete(path), answer(204);
    else if (file) answer(200, file);
    else answer(404, '<Error><Code>NoSuchKey</Code><Message>no such key</Message></Error>');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    files,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
