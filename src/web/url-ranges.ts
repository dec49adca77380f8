// A file at an address, read piece by piece by HTTP ranges: what is asked for, at most 64 MB a request, and somewhat more, since small
// tensors lie beside each other. Not here: keeping what came.
import type { Ranges } from '../tensor/ranges.ts';
import { RuntimeError } from '../util/errors.ts';

/** Most bytes of one request. */
const MOST = 2 ** 26;
/** Bytes that are asked for at least. */
const LEAST = 2 ** 20;

/** Opens a file at an address. Throws RuntimeError `model.download` where it is not there, or its server answers no ranges. */
export async function urlRanges(url: URL, signal?: AbortSignal): Promise<Ranges> {
  const name = url.href;
  const failed = (why: string, cause?: unknown) => new RuntimeError('model.download', `cannot download ${name}: ${why}`, { cause });
  const asked = async (begin: number, end: number) => {
    try {
      const response = await fetch(url, { headers: { range: `bytes=${begin}-${end - 1}` }, ...(signal && { signal }) });
      if (response.status === 200) throw failed('its server answers no parts of files (HTTP ranges): serve it from one that does');
      if (!response.ok) throw failed(`the server says ${response.status}`);
      const size = Number(response.headers.get('content-range')?.split('/')[1]);
      return { bytes: new Uint8Array(await response.arrayBuffer()), size };
    } catch (cause) {
      signal?.throwIfAborted();
      throw cause instanceof RuntimeError ? cause : failed((cause as Error).message, cause);
    }
  };
  const { bytes: first, size } = await asked(0, LEAST);
  if (!Number.isSafeInteger(size)) throw failed('its server does not say how large it is (Content-Range; from another site, expose it)');
  let last = { begin: 0, bytes: first };
  const piece = async (begin: number, end: number) => {
    if (begin < last.begin || end > last.begin + last.bytes.length)
      last = { begin, bytes: (await asked(begin, Math.min(size, Math.max(end, begin + LEAST)))).bytes };
    const part = last.bytes.subarray(begin - last.begin, end - last.begin);
    if (part.length < end - begin) throw failed('it became shorter while it was read');
    return part;
  };
  return {
    name,
    size,
    async read(begin, end) {
      const bytes = new Uint8Array(end - begin);
      for (let at = begin; at < end; at += MOST) bytes.set(await piece(at, Math.min(end, at + MOST)), at - begin);
      return bytes;
    },
  };
}
