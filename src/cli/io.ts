// Where a command writes: the process's own streams, or a test's. Results go out, progress and complaints go to err. A stream that
// cannot be written any more stops the work: without a word where its reader has gone (`| head`), with one line where a disk is full.
import { reason } from '../disk/files.ts';

export interface Io {
  out(text: string): void;
  err(text: string): void;
  /** Whether err is a terminal, on which a line can change in place. */
  readonly terminal: boolean;
  /** Aborted when nothing can be written any more; its reason is a Stopped. */
  readonly broken?: AbortSignal;
}

/** Work was stopped from outside; `exitCode` says by what, as a shell counts it: 128 and the signal's number. */
export class Stopped extends Error {
  readonly exitCode: number;
  constructor(exitCode: number, message = 'cancelled') {
    super(message);
    this.name = 'AbortError';
    this.exitCode = exitCode;
  }
}

const READER_GONE = new Set(['EPIPE', 'ECONNRESET']);
const SIGPIPE = 128 + 13;

/** What to end with when a stream could not be written. */
const brokenBy = (name: string, error: NodeJS.ErrnoException): Stopped =>
  READER_GONE.has(error.code ?? '') ? new Stopped(SIGPIPE, '') : new Stopped(1, `cannot write to ${name}: ${reason(error)}`);

/** The streams of this process. `end` waits for them; it takes the exit code of the work and returns that of the process. */
export function processIo(): Io & { end(code: number): Promise<number> } {
  const { stdout, stderr } = process;
  const broken = new AbortController();
  stdout.on('error', (error) => broken.abort(brokenBy('standard output', error)));
  stderr.on('error', (error) => broken.abort(brokenBy('standard error', error)));
  const writer = (stream: NodeJS.WriteStream) => (text: string) => void (broken.signal.aborted || stream.write(text));
  const flushed = (stream: NodeJS.WriteStream) => new Promise<void>((done) => stream.write('', () => setImmediate(done)));
  const end = async (code: number): Promise<number> => {
    await Promise.all([stdout, stderr].map(flushed));
    if (!broken.signal.aborted) return code;
    const { message, exitCode } = broken.signal.reason as Stopped;
    if (message) stderr.write(`error: ${message}\n`);
    return code || exitCode;
  };
  return { out: writer(stdout), err: writer(stderr), terminal: stderr.isTTY === true, broken: broken.signal, end };
}

/** One line on a terminal that changes in place; nothing elsewhere. */
export function progressLine(io: Io) {
  let shown = false;
  return {
    show(text: string) {
      if (!io.terminal) return;
      io.err(`\r\x1b[K${text}`);
      shown = true;
    },
    clear() {
      if (shown) io.err('\r\x1b[K');
      shown = false;
    },
  };
}
