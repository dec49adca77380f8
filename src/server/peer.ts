// Packages that only the server needs: optional peers of this one, loaded when it is asked for. Who draws without it installs none of them.
import { RuntimeError } from '../util/errors.ts';
import type { RuntimeCode } from '../util/codes.ts';

/** What was loaded. Throws RuntimeError with this code when a package is not installed; the message says how to bring `packages`. */
export async function peer<T>(loading: Promise<T>, code: RuntimeCode & `${string}.missing`, packages: string): Promise<T> {
  return loading.catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new RuntimeError(code, `a package is not installed that this needs: \`npm install ${packages}\` brings it`, { cause });
  });
}

/** What carries HTTP. */
export const fromServer = <T>(loading: Promise<T>): Promise<T> => peer(loading, 'server.missing', 'hono @hono/node-server pino');
/** What speaks with assistants. */
export const fromTools = <T>(loading: Promise<T>): Promise<T> => peer(loading, 'mcp.missing', '@modelcontextprotocol/sdk');
