// A file's lines, one after the other, in constant memory. Node only.

export interface Line {
  /** Without its end; '' where it is too long. */
  readonly text: string;
  /** From 1. */
  readonly number: number;
  /** Bytes of the file up to and with this line. */
  readonly end: number;
  /** Whether a line feed ends it: only the last line may have none. */
  readonly ended: boolean;
  /** Whether it has more bytes than were allowed. */
  readonly long: boolean;
}

const LINE_FEED = 10;

/** Lines of UTF-8 bytes; of one that has more than `most` bytes nothing is kept. */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>, most = 2 ** 24): AsyncGenerator<Line, void, void> {
  let parts: Uint8Array[] = [];
  let [length, number, end] = [0, 0, 0];
  const add = (bytes: Uint8Array) => {
    length += bytes.length;
    end += bytes.length;
    if (length <= most) parts.push(bytes);
    else parts = [];
  };
  const line = (ended: boolean): Line => {
    const text = Buffer.concat(parts)
      .toString('utf8')
      .replace(/\r?\n?$/, '');
    const one = { text: number === 0 ? text.replace(/^\ufeff/, '') : text, number: ++number, end, ended, long: length > most };
    [parts, length] = [[], 0];
    return one;
  };
  for await (const chunk of chunks) {
    let from = 0;
    for (let at = chunk.indexOf(LINE_FEED); at >= 0; at = chunk.indexOf(LINE_FEED, from)) {
      add(chunk.subarray(from, at + 1));
      from = at + 1;
      yield line(true);
    }
    if (from < chunk.length) add(chunk.subarray(from));
  }
  if (length > 0) yield line(false);
}
