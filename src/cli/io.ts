// Where a command writes: the process's own streams, or a test's. Results go out, progress and complaints go to err.

export interface Io {
  out(text: string): void;
  err(text: string): void;
  /** Whether err is a terminal, on which a line can change in place. */
  readonly terminal: boolean;
}

export const processIo: Io = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  terminal: process.stderr.isTTY === true,
};

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
