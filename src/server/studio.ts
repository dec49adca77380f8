// What every face of the server draws with: a request takes its place in the line at once, is drawn in its turn, and stops within a step
// when its client is gone, the server ends, or it took too long. Pictures that come with it are unpacked when it is its turn and not
// before: a line of files is small, a line of pixels is not.
import { setMaxListeners } from 'node:events';
import { checkOptions } from '../draw/check.ts';
import type { GenerateEvent } from '../draw/events.ts';
import type { GenerateOptions, Limits } from '../draw/request.ts';
import { BananaError, RuntimeError } from '../util/errors.ts';
import { openLine, type Line, type Place } from './line.ts';
import { openMetrics, type Metrics } from './metrics.ts';
import { modelsOf, type Models, type Served, type Source } from './models.ts';

export type Pictures = Pick<GenerateOptions, 'image' | 'mask' | 'references' | 'objects'>;

/** What is to be drawn; `pictures` unpacks what it is drawn from. */
export interface Order {
  /** With which of the models; default: the first. */
  readonly by?: Served;
  readonly options: Omit<GenerateOptions, keyof Pictures>;
  readonly pictures?: () => Promise<Pictures>;
}

export interface Drawing {
  readonly place: Place;
  /** To be read to its end, or left. */
  readonly events: AsyncGenerator<GenerateEvent, void, void>;
}

export interface Studio {
  readonly models: Models;
  readonly line: Line;
  readonly metrics: Metrics;
  /** Whether it takes requests. */
  ready(): boolean;
  /** Takes a place; `unbounded`: also one too many. Throws RuntimeError `server.full` or `server.closing`, InputError. */
  draw(order: Order, client: AbortSignal, options?: { unbounded?: boolean }): Drawing;
  /** Takes nothing new, waits for what is there; aborts what is left after so many seconds. */
  close(patience: number): Promise<void>;
}

export interface StudioOptions {
  readonly limits: Limits;
  /** Requests that may wait. */
  readonly room: number;
  /** Requests that are drawn at a time; by default as many as keep one engine busy. */
  readonly atOnce?: number | undefined;
  /** Seconds after which a request is given up. */
  readonly timeout: number;
}

/** Throws as modelsOf. */
export function openStudio(bananas: readonly Source[], { limits, room, atOnce, timeout }: StudioOptions): Studio {
  const models = modelsOf(bananas, limits);
  const line = openLine(room, atOnce);
  const metrics = openMetrics();
  const pictures = metrics.counter('banana_pictures_total', 'Pictures drawn.');
  const losses = metrics.counter('banana_engine_lost_total', 'Requests that lost the engine.');
  metrics.gauge('banana_requests_waiting', 'Requests in the line.', () => line.waiting);
  metrics.gauge('banana_requests_running', 'Requests that have their turn.', () => line.running);
  const [closing, ended] = [new AbortController(), new AbortController()];
  setMaxListeners(0, ended.signal); // as many listen as wait

  async function* drawn(
    place: Place,
    { by = models.find(), options, pictures: unpack }: Order,
    stop: Stop,
  ): AsyncGenerator<GenerateEvent, void, void> {
    try {
      await place.turn(stop.signal);
      const given = { ...options, ...(await unpack?.()) };
      for await (const event of by.generate({ ...given, signal: stop.signal })) {
        if (event.type === 'image') {
          place.drawn();
          pictures.add();
        }
        yield event;
      }
    } catch (error) {
      if (error instanceof BananaError && error.code === 'engine.lost') losses.add();
      throw error;
    } finally {
      stop.release();
      place.leave();
    }
  }

  return {
    models,
    line,
    metrics,
    ready: () => !closing.signal.aborted,
    draw(order, client, bound) {
      closing.signal.throwIfAborted();
      if (!order.pictures) checkOptions(order.options, (order.by ?? models.find()).limits);
      const place = line.enter(order.options.count ?? 1, bound);
      const stop = stopOf([client, ended.signal], timeout);
      stop.signal.addEventListener('abort', place.leave); // also when nobody ever reads the events
      return { place, events: drawn(place, order, stop) };
    },
    async close(patience) {
      closing.abort(new RuntimeError('server.closing', 'the server is being stopped'));
      const timer = setTimeout(() => ended.abort(closing.signal.reason), patience * 1000);
      await line.empty();
      clearTimeout(timer);
    },
  };
}

interface Stop {
  readonly signal: AbortSignal;
  release(): void;
}

/** Aborted with one of some signals, or after some seconds. Not AbortSignal.any: what it joins to a signal that lives long, stays. */
function stopOf(signals: readonly AbortSignal[], seconds: number): Stop {
  const stop = new AbortController();
  const abort = ({ target }: { target: unknown }) => stop.abort(reasonOf(target as AbortSignal));
  const late = setTimeout(
    () => stop.abort(new RuntimeError('server.timeout', `the request was given up after ${seconds} s`)),
    seconds * 1000,
  );
  for (const signal of signals) signal.aborted ? abort({ target: signal }) : signal.addEventListener('abort', abort);
  const release = () => {
    clearTimeout(late);
    for (const signal of signals) signal.removeEventListener('abort', abort);
  };
  return { signal: stop.signal, release };
}

/** Of a client that is gone the reason is a text. */
const reasonOf = ({ reason }: AbortSignal): unknown =>
  reason instanceof Error ? reason : new DOMException('the client is gone', 'AbortError');
