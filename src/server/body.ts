// Bodies of requests, read within bounds: bytes of one, bytes of all that are read or worked on at a time, how much of a JSON text may be
// anything but long texts (pictures in base64), and in how many parts a form may come: a few megabytes of brackets, or of empty parts,
// cost more than a hundred of letters.
import { MIMEType } from 'node:util';
import type { Context } from 'hono';
import { InputError, RuntimeError } from '../util/errors.ts';

export interface BodyLimits {
  /** Most bytes of a body. */
  readonly body: number;
  /** Most bytes of all bodies at a time. */
  readonly bodies: number;
  /** Most bytes of a JSON text outside of its strings. */
  readonly structure: number;
  /** Most parts of a form. */
  readonly parts: number;
}

export const BODY_LIMITS: BodyLimits = { body: 64 * 2 ** 20, bodies: 256 * 2 ** 20, structure: 2 ** 18, parts: 256 };

/** Bodies' worth of bytes that are read of a request that is answered already. */
const DRAINED = 4;

export interface Intake {
  /** The JSON of a request. Throws InputError `server.type`, `server.body`, `server.json`; RuntimeError `server.full`. */
  json(c: Context): Promise<unknown>;
  /** The fields of a form, also of one in JSON (files in base64 then). Throws likewise. */
  form(c: Context): Promise<FormData>;
  /**
   * Reads what a request that is answered early still sends, and forgets it: an answer that comes while its client sends is lost with the
   * connection. False when that is too much.
   */
  drain(c: Context): Promise<boolean>;
  /** Forgets the bytes of a request that was answered. */
  release(c: Context): void;
}

export function openIntake({ body, bodies, structure, parts }: BodyLimits): Intake {
  const held = new Map<Context, number>();
  let all = 0;
  const hold = (c: Context, bytes: number) => {
    if (all + bytes > bodies) throw new RuntimeError('server.full', 'the requests that are worked on are large: ask again in a while');
    all += bytes;
    held.set(c, (held.get(c) ?? 0) + bytes);
  };
  const tooLarge = () => new InputError('server.body', `the request is larger than ${body} bytes: make its pictures smaller`);

  async function bytesOf(c: Context): Promise<Buffer<ArrayBuffer>> {
    if (Number(c.req.header('content-length') ?? 0) > body) throw tooLarge();
    if ((c.req.header('content-encoding') ?? 'identity') !== 'identity')
      throw new InputError('server.type', 'the request is packed: send it as it is');
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of chunksOf(c)) {
      if ((length += chunk.length) > body) throw tooLarge();
      hold(c, chunk.length);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  return {
    async json(c) {
      checkType(c, 'application/json');
      const bytes = await bytesOf(c);
      if (outsideStrings(bytes) > structure)
        throw new InputError('server.body', `the JSON has more than ${structure} bytes outside of its strings: no request needs so many`);
      return parsed(bytes);
    },
    async form(c) {
      const type = checkType(c, 'multipart/form-data');
      const bytes = await bytesOf(c);
      if (hasMore(bytes, boundaryIn(type), parts)) throw new InputError('server.body', `the form has more than ${parts} parts`);
      try {
        return await new Response(bytes, { headers: { 'content-type': type } }).formData();
      } catch (cause) {
        throw new InputError('server.form', 'the form cannot be read: expected multipart/form-data as its boundary says', { cause });
      }
    },
    async drain(c) {
      let left = DRAINED * body;
      try {
        for await (const chunk of chunksOf(c)) if ((left -= chunk.length) < 0) return false;
      } catch {
        // the client is gone, or was too slow
      }
      return true;
    },
    release(c) {
      all -= held.get(c) ?? 0;
      held.delete(c);
    },
  };
}

/** What is there of a body and comes; who breaks off can go on. */
function chunksOf({ req: { method, raw } }: Context): AsyncIterable<Uint8Array> | readonly Uint8Array[] {
  return method === 'GET' || method === 'HEAD' ? [] : (raw.body?.values({ preventCancel: true }) ?? []);
}

function checkType(c: Context, expected: string): string {
  const type = c.req.header('content-type') ?? '';
  if (type.split(';')[0]!.trim().toLowerCase() !== expected)
    throw new InputError('server.type', `the request is ${type.slice(0, 80) || 'of no type'}: expected ${expected}`);
  return type;
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new InputError('server.json', 'the request is no JSON in UTF-8', { cause });
  }
}

/** What divides the parts of a form. Throws InputError `server.form` when its type does not say. */
function boundaryIn(type: string): string {
  try {
    return `--${new MIMEType(type).params.get('boundary') ?? ''}`;
  } catch (cause) {
    throw new InputError('server.form', 'the type of the form cannot be read', { cause });
  }
}

/** Whether a text is found more than `most` times. */
function hasMore(bytes: Buffer, text: string, most: number): boolean {
  let at = -text.length;
  for (let found = 0; found <= most; found++) if ((at = bytes.indexOf(text, at + text.length, 'latin1')) < 0) return false;
  return true;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Bytes of a JSON text that are not inside its strings. */
function outsideStrings(text: Buffer): number {
  let outside = 0;
  for (let at = 0; at < text.length; ) {
    const open = text.indexOf(QUOTE, at);
    if (open < 0) return outside + text.length - at;
    outside += open - at;
    at = endOfString(text, open) + 1;
  }
  return outside;
}

function endOfString(text: Buffer, open: number): number {
  for (let at = text.indexOf(QUOTE, open + 1); at >= 0; at = text.indexOf(QUOTE, at + 1)) {
    let slashes = 0;
    while (text[at - 1 - slashes] === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return at;
  }
  return text.length;
}
