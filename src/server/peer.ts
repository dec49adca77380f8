// Packages that only the server needs: optional peers of this one, loaded when it is asked for.
import { peer } from '../util/peer.ts';

/** What carries HTTP. */
export const fromServer = <T>(loading: Promise<T>): Promise<T> => peer(loading, 'server.missing', 'hono @hono/node-server pino');
/** What speaks with assistants. */
export const fromTools = <T>(loading: Promise<T>): Promise<T> => peer(loading, 'mcp.missing', '@modelcontextprotocol/sdk');
