// One engine, many requests: they take turns in the order in which they were asked, wherever the engine is. A turn is worked off without
// waiting for its reader, so one who pauses, asks for something else in the middle or never comes back holds nobody up. Who leaves or
// aborts stops its work at the next step, or gives its turn up. Waiting is here and not at the engine: what was not begun when an engine
// is lost was not lost with it.
import { mailbox, resultOf, type Mailbox } from '../runtime/mailbox.ts';
import { RuntimeError } from '../util/errors.ts';

/** What is done in a turn: it looks at the signal between steps. */
export type Work<E, R> = (signal: AbortSignal) => AsyncGenerator<E, R, void>;

export interface Turns {
  /** Aborted by `close`, with what later requests are told. */
  readonly closing: AbortSignal;
  /** Works when it is its turn. Throws the signal's reason at once, RuntimeError `engine.closed` after `close`. */
  stream<E, R>(work: Work<E, R>, signal?: AbortSignal): AsyncGenerator<E, R, void>;
  /** The same for a single answer. */
  call<R>(work: () => Promise<R>): Promise<R>;
  /** Fails all requests, then ends the engine by `end`, which is told when the work under way has stopped. Later calls wait for the first. */
  close(end: (idle: Promise<void>) => Promise<void>): Promise<void>;
}

export function turns(): Turns {
  const closing = new AbortController();
  let tail: Promise<void> = Promise.resolve();
  let closed: Promise<void> | undefined;

  async function* stream<E, R>(work: Work<E, R>, signal?: AbortSignal): AsyncGenerator<E, R, void> {
    const signals = signal ? [closing.signal, signal] : [closing.signal];
    for (const one of signals) one.throwIfAborted();
    const box = mailbox<E, R>();
    const stop = new AbortController();
    const abort = ({ target }: Event) => {
      const { reason } = target as AbortSignal;
      box.fail(reason);
      stop.abort(reason);
    };
    for (const one of signals) one.addEventListener('abort', abort);
    tail = tail.then(() => worked(work, stop.signal, box));
    try {
      return yield* box.read();
    } finally {
      for (const one of signals) one.removeEventListener('abort', abort);
      stop.abort(new DOMException('nobody reads this any more', 'AbortError'));
    }
  }

  return {
    closing: closing.signal,
    stream,
    call: (work) =>
      resultOf(
        stream(async function* () {
          return work();
        }),
      ),
    close(end) {
      closing.abort(new RuntimeError('engine.closed', 'the engine was closed: open another one'));
      return (closed ??= end(tail));
    },
  };
}

/** Does one turn's work to its end, or to its next event after an abort. Never throws: the reader is told. */
async function worked<E, R>(work: Work<E, R>, signal: AbortSignal, box: Mailbox<E, R>): Promise<void> {
  try {
    if (signal.aborted) return;
    const task = work(signal);
    for (let next = await task.next(); ; next = await task.next()) {
      if (next.done) return box.put({ result: next.value });
      box.put({ event: next.value });
      if (signal.aborted) return void (await task.return(undefined as never));
    }
  } catch (failure) {
    box.put({ failure });
  }
}
