// An engine that comes back. When its process ends, the request that it was at is told so, and the next one starts another process:
// at once, then after longer and longer pauses, and not at all while it was lost too often of late (the restart intensity of Erlang's
// supervisors, https://www.erlang.org/doc/system/sup_princ.html). Nothing is asked twice: whoever lost a picture decides that.
import { setTimeout as sleep } from 'node:timers/promises';
import { engineClosed, type Engine, type Handlers, type RequestOptions } from '../runtime/engine.ts';
import { resultOf } from '../runtime/mailbox.ts';
import { RuntimeError } from '../util/errors.ts';
import type { EngineProcess } from './engine-process.ts';

/** Starts an engine and makes it ready to be asked; gives up when the signal is aborted. */
export type Open<H extends Handlers> = (signal: AbortSignal) => Promise<EngineProcess<H>>;

export interface SupervisorOptions {
  /** Gives up the first start. */
  signal?: AbortSignal;
  /** Milliseconds before the first, second... start after a loss; with more losses of late than these, none. */
  pauses?: readonly number[];
  /** Milliseconds for which a loss counts. */
  memory?: number;
}

const PAUSES = [0, 250, 1000, 4000];
const MEMORY = 600_000;

/**
 * Opens an engine and opens it again after it was lost, when the next request comes. Throws what the first opening throws; a request
 * throws RuntimeError `engine.lost` when the engine ends under it or was lost too often, and what `open` throws.
 */
export async function supervised<H extends Handlers>(open: Open<H>, options: SupervisorOptions = {}): Promise<Engine<H>> {
  const { signal, pauses = PAUSES, memory = MEMORY } = options;
  const closing = new AbortController();
  let losses: { at: number; why: Error }[] = [];
  let current: Promise<EngineProcess<H>> | undefined; // starting or ready; undefined: lost

  const lose = (why: Error): void => {
    current = undefined;
    losses.push({ at: performance.now(), why });
  };
  const start = async (stop: AbortSignal): Promise<EngineProcess<H>> => {
    const engine = await open(stop);
    void engine.ended.then(lose);
    return engine;
  };
  const restart = async (): Promise<EngineProcess<H>> => {
    await sleep(pauses[losses.length - 1], undefined, { signal: closing.signal });
    return start(closing.signal);
  };
  const engine = (): Promise<EngineProcess<H>> => {
    closing.signal.throwIfAborted();
    if (current) return current;
    losses = losses.filter(({ at }) => performance.now() - at < memory);
    if (losses.length > pauses.length) throw givenUp(losses.map(({ why }) => why));
    const started = restart();
    started.catch(lose);
    return (current = started);
  };
  async function* stream(name: string, argument: unknown, options?: RequestOptions): AsyncGenerator<unknown, unknown, void> {
    return yield* (await engine()).stream(name as never, argument as never, options);
  }

  current = Promise.resolve(await start(signal ?? closing.signal));
  return {
    stream,
    call: (name: string, argument: unknown, options?: RequestOptions) => resultOf(stream(name, argument, options)),
    async close() {
      closing.abort(engineClosed());
      await (await current?.catch(() => undefined))?.close();
    },
  } as unknown as Engine<H>;
}

function givenUp(reasons: readonly Error[]): RuntimeError {
  const cause = reasons.at(-1)!;
  const found = `the engine was lost ${reasons.length} times of late and is not started again for now`;
  return new RuntimeError('engine.lost', `${found}; at last: ${cause.message}`, { cause });
}
