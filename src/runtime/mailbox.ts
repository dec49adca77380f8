// What happens to one request, from who works on it to who reads it: events, then a result or a failure. The worker never waits for
// the reader; the reader takes them in order, whenever it comes. Used where a request crosses to an engine and where it waits its turn.

/** What may happen to a request; the last two end it. */
export type Outcome<E = unknown, R = unknown> = { event: E } | { result: R } | { failure: unknown };

export interface Mailbox<E, R> {
  put(outcome: Outcome<E, R>): void;
  /** Fails at once: what was not read is dropped. */
  fail(failure: unknown): void;
  /** Yields the events, returns the result, throws the failure. One reader. */
  read(): AsyncGenerator<E, R, void>;
}

export function mailbox<E, R>(): Mailbox<E, R> {
  const outcomes: Outcome<E, R>[] = [];
  let wake = (): void => {};
  const put = (outcome: Outcome<E, R>): void => {
    outcomes.push(outcome);
    wake();
  };
  return {
    put,
    fail(failure) {
      outcomes.length = 0;
      put({ failure });
    },
    async *read() {
      for (;;) {
        while (outcomes.length === 0) await new Promise<void>((resolve) => (wake = resolve));
        const outcome = outcomes.shift()!;
        if ('failure' in outcome) throw outcome.failure;
        if ('result' in outcome) return outcome.result;
        yield outcome.event;
      }
    },
  };
}

/** What a generator returns; its events are dropped. */
export async function resultOf<R>(events: AsyncGenerator<unknown, R, void>): Promise<R> {
  for (;;) {
    const { done, value } = await events.next();
    if (done) return value;
  }
}
