// The line before the engine: who came first draws first, and no more wait than there is room for. Two have their turn at a time, so
// that the engine draws the one while the pictures of the other are written; between those two it goes picture by picture.
import { RuntimeError } from '../util/errors.ts';

/** Somebody's place. */
export interface Place {
  /** Requests before it; 0 for one that has its turn. */
  ahead(): number;
  /** Seconds until its last picture, by how long pictures took of late; undefined while none was drawn. */
  eta(): number | undefined;
  /** Settles at its turn. Throws the signal's reason. */
  turn(signal: AbortSignal): Promise<void>;
  /** Notes that one of its pictures is there. */
  drawn(): void;
  /** Gives the place up; as often as one likes. */
  leave(): void;
}

export interface Line {
  readonly waiting: number;
  readonly running: number;
  /** Seconds until a place becomes free, at least 1. */
  retryAfter(): number;
  /** Throws RuntimeError `server.full` while there is no place. */
  checkRoom(): void;
  /** Takes a place for so many pictures; throws as checkRoom, unless it may be one too many. */
  enter(pictures: number, options?: { unbounded?: boolean }): Place;
  /** How long a picture took of late; undefined while none was drawn. */
  seconds(): number | undefined;
  /** Settles when nobody is in the line. */
  empty(): Promise<void>;
}

interface Held {
  left: number;
  begin(): void;
}

/** Requests that have their turn at a time, of one engine. */
export const AT_ONCE = 2;
/** Share of the newest picture in the mean time of a picture. */
const NEWEST = 0.2;

/** A line in which `room` requests may wait while `atOnce` have their turn. */
export function openLine(room: number, atOnce = AT_ONCE): Line {
  const held: Held[] = [];
  const idle: (() => void)[] = [];
  let seconds: number | undefined; // a picture's, by the mean
  let mark = 0; // when the last picture came, or the first one was begun
  const now = () => performance.now() / 1000;
  const etaOf = (places: readonly Held[]) => seconds && seconds * places.reduce((sum, { left }) => sum + left, 0);
  const leave = (one: Held) => {
    if (!held.includes(one)) return;
    held.splice(held.indexOf(one), 1);
    for (const next of held.slice(0, atOnce)) next.begin();
    if (held.length === 0) for (const done of idle.splice(0)) done();
  };
  const drawn = (one: Held) => {
    const took = now() - mark;
    mark = now();
    seconds = seconds === undefined ? took : seconds + NEWEST * (took - seconds);
    one.left = Math.max(0, one.left - 1);
  };
  const line: Line = {
    get waiting() {
      return Math.max(0, held.length - atOnce);
    },
    get running() {
      return Math.min(atOnce, held.length);
    },
    retryAfter: () => Math.max(1, Math.ceil(etaOf(held.slice(0, 1)) ?? 1)),
    checkRoom() {
      if (held.length >= atOnce + room)
        throw new RuntimeError('server.full', `${line.waiting} requests wait already: ask again in ${line.retryAfter()} s`);
    },
    seconds: () => seconds,
    enter(pictures, { unbounded = false } = {}) {
      if (!unbounded) line.checkRoom();
      const { promise, resolve } = withResolvers();
      const one: Held = { left: pictures, begin: resolve };
      if (held.length === 0) mark = now();
      if (held.push(one) <= atOnce) resolve();
      return {
        ahead: () => Math.max(0, held.indexOf(one) - atOnce + 1),
        eta: () => etaOf(held.slice(0, held.indexOf(one) + 1)),
        turn: (signal) => unlessAborted(promise, signal),
        drawn: () => drawn(one),
        leave: () => leave(one),
      };
    },
    empty: () => new Promise((resolve) => (held.length === 0 ? resolve() : void idle.push(resolve))),
  };
  return line;
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}

/** The promise's end, or the signal's reason at once. */
export function unlessAborted<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    void promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
