// SHA-256 by the Web Crypto that Node and browsers share.
import { RuntimeError } from '../util/errors.ts';

/** The SHA-256 of some bytes, hexadecimal. Throws RuntimeError where a page has no Web Crypto: it must be served securely. */
export async function sha256(chunks: readonly Uint8Array[]): Promise<string> {
  const { subtle } = globalThis.crypto ?? {};
  if (!subtle)
    throw new RuntimeError('hash.missing', 'no Web Crypto here: serve the page by https or from localhost, or use Node 20 or later');
  const whole = new Uint8Array(chunks.reduce((sum, c) => sum + c.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return Array.from(new Uint8Array(await subtle.digest('SHA-256', whole)), (b) => b.toString(16).padStart(2, '0')).join('');
}
