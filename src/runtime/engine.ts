// The engine's side and the caller's side of a small protocol: named requests, each answered by events and then a result or
// an error. A run of ONNX Runtime blocks its event loop, so the engine lives elsewhere: in a child process
// (engine-process.ts) or a Web Worker (engine-worker.ts), and a request is an async generator that works across.
// Cancelling is cooperative: the engine stops at its next step. Requests are served one at a time, in order.
import { mailbox, resultOf, type Outcome } from './mailbox.ts';
import { InputError, RuntimeError, ShapeError } from '../util/errors.ts';

/** Serves one kind of request: a promise, or a generator whose values are streamed. It looks at `signal` between steps. */
export type Handler<A = any, E = any, R = any> = (argument: A, signal: AbortSignal) => AsyncGenerator<E, R, void> | Promise<R>;
export type Handlers = Readonly<Record<string, Handler>>;

type ArgumentOf<H> = H extends Handler<infer A> ? A : never;
type EventOf<H> = H extends (...a: never[]) => AsyncGenerator<infer E, unknown, void> ? E : never;
type ResultOf<H> = H extends (...a: never[]) => AsyncGenerator<unknown, infer R, void> | Promise<infer R> ? R : never;

export interface RequestOptions {
  signal?: AbortSignal;
}

/** An engine that runs elsewhere. */
export interface Engine<H extends Handlers = Handlers> {
  /**
   * Asks; yields the events and returns the result. Leaving the loop early cancels. Errors of the engine arrive with
   * their class and code; an aborted signal rejects with its reason at once; RuntimeError `engine.lost` when it died.
   */
  stream<K extends keyof H & string>(
    name: K,
    argument: ArgumentOf<H[K]>,
    options?: RequestOptions,
  ): AsyncGenerator<EventOf<H[K]>, ResultOf<H[K]>, void>;
  /** Asks and waits for the result; events are dropped. */
  call<K extends keyof H & string>(name: K, argument: ArgumentOf<H[K]>, options?: RequestOptions): Promise<ResultOf<H[K]>>;
  /** Ends the engine at once, also in the middle of a run. */
  close(): Promise<void>;
}

/** What requests to an engine are told that was closed. */
export const engineClosed = (): RuntimeError => new RuntimeError('engine.closed', 'the engine was closed');

/** A way to send structured-cloneable messages there and back. */
export interface Channel {
  /** `transfer`: buffers that the other side gets as they are, where a channel can; they are empty here afterwards. */
  send(message: unknown, transfer?: readonly ArrayBuffer[]): void;
  listen(receive: (message: never) => void): void;
}

type Request = { call: number; name: string; argument: unknown } | { cancel: number };
type Reply = { ready: true } | { call: number; event: unknown } | { call: number; result: unknown } | { call: number; error: ErrorRecord };

/** An error on its way to another process. */
export interface ErrorRecord {
  name: string;
  message: string;
  code?: string;
  path?: string;
  stack?: string;
}

const CLASSES = { InputError, RuntimeError, ShapeError } as const;

export function errorRecord(error: unknown): ErrorRecord {
  if (!(error instanceof Error || error instanceof DOMException)) return { name: 'Error', message: String(error) };
  const { name, message, stack } = error;
  const { code, path } = error as { code?: unknown; path?: unknown };
  return { name, message, stack, ...(typeof code === 'string' && { code }), ...(typeof path === 'string' && { path }) };
}

/** The error again, of the class that it was. */
export function errorFrom({ name, message, code, path, stack }: ErrorRecord): Error {
  if (name === 'AbortError') return new DOMException(message, name);
  const Class = Object.hasOwn(CLASSES, name) ? CLASSES[name as keyof typeof CLASSES] : undefined;
  const error = Class
    ? new Class((code ?? '') as never, message)
    : Object.assign(new Error(message), { name, ...(code !== undefined && { code }) });
  if (path !== undefined) Object.assign(error, { path });
  if (stack !== undefined) error.stack = stack;
  return error;
}

const handed = new WeakMap<object, readonly ArrayBuffer[]>();

/** For a handler: an event whose buffers are given away when it is sent, where the channel can; nobody may use them afterwards. */
export function handedOver<E extends object>(event: E, buffers: readonly ArrayBuffer[]): E {
  handed.set(event, buffers);
  return event;
}

/** Lets waiting messages in, such as a cancel: handlers with long steps and no events may await it between them. */
export function breathe(): Promise<void> {
  return new Promise((done) => {
    if (typeof setImmediate === 'function') return void setImmediate(done);
    const { port1, port2 } = new MessageChannel(); // a browser's timers wait 4 ms
    port1.onmessage = () => (port1.close(), done());
    port2.postMessage(0);
  });
}

/** Lets messages in, then throws the signal's reason when it was aborted. */
export async function checkpoint(signal: AbortSignal | undefined): Promise<void> {
  if (!signal) return;
  await breathe();
  signal.throwIfAborted();
}

/** The engine's side: answers requests on the channel for as long as it lives. */
export function serve(handlers: Handlers, channel: Channel): void {
  const calls = new Map<number, AbortController>();
  let tail: Promise<void> = Promise.resolve();
  channel.listen((request: Request) => {
    if ('cancel' in request) return calls.get(request.cancel)?.abort(new DOMException('the request was cancelled', 'AbortError'));
    const { call, name, argument } = request;
    const controller = new AbortController();
    calls.set(call, controller);
    const send: Send = (reply, transfer) => channel.send({ call, ...reply }, transfer);
    tail = tail.then(() => perform(handlers, name, argument, controller.signal, send)).finally(() => calls.delete(call));
  });
  channel.send({ ready: true } satisfies Reply);
}

type Send = (reply: object, transfer?: readonly ArrayBuffer[]) => void;

async function perform(handlers: Handlers, name: string, argument: unknown, signal: AbortSignal, send: Send): Promise<void> {
  try {
    signal.throwIfAborted();
    if (!Object.hasOwn(handlers, name)) throw new InputError('engine.request', `the engine serves no "${name}"`);
    const task = handlers[name]!(argument, signal);
    send({ result: await (Symbol.asyncIterator in task ? drained(task, signal, send) : task) });
  } catch (error) {
    send({ error: errorRecord(error) });
  }
}

/** Streams a generator's values and gives its result; stops it when the signal says so. */
async function drained(task: AsyncGenerator<unknown, unknown, void>, signal: AbortSignal, send: Send): Promise<unknown> {
  for (;;) {
    const { done, value } = await task.next();
    if (done) return value;
    send({ event: value }, handed.get(value as object));
    await breathe();
    if (!signal.aborted) continue;
    await task.return(undefined);
    signal.throwIfAborted();
  }
}

/** The caller's side of a channel. */
export interface Connection<H extends Handlers> {
  readonly engine: Omit<Engine<H>, 'close'>;
  /** Settles when the engine says that it is ready, or is lost before. */
  readonly ready: Promise<void>;
  /** Fails every open and later request. */
  lose(error: Error): void;
}

/** Connects to an engine. `busy` is told when requests begin to be open, and when none is any more. */
export function connect<H extends Handlers>(channel: Channel, busy: (open: boolean) => void = () => {}): Connection<H> {
  const open = new Map<number, (outcome: Outcome) => void>();
  let last = 0;
  let lost: Error | undefined;
  const ready = withResolvers();
  ready.promise.catch(() => {});
  channel.listen((reply: Reply) => {
    if ('ready' in reply) ready.resolve();
    else open.get(reply.call)?.('error' in reply ? { failure: errorFrom(reply.error) } : reply);
  });

  const ask = (request: Extract<Request, { name: string }>): void => {
    try {
      channel.send(request);
    } catch (cause) {
      throw new InputError('engine.send', `${request.name} cannot be sent to the engine: ${(cause as Error).message}`, { cause });
    }
  };

  async function* stream(name: string, argument: unknown, { signal }: RequestOptions = {}): AsyncGenerator<unknown, unknown, void> {
    signal?.throwIfAborted();
    if (lost) throw lost;
    const call = ++last;
    const box = mailbox<unknown, unknown>();
    const abort = () => box.fail(signal!.reason);
    let settled = false;
    open.set(call, (outcome) => {
      settled = !('event' in outcome);
      box.put(outcome);
    });
    if (open.size === 1) busy(true);
    signal?.addEventListener('abort', abort);
    try {
      settled = true; // until it is sent
      ask({ call, name, argument });
      settled = false;
      return yield* box.read();
    } finally {
      signal?.removeEventListener('abort', abort);
      open.delete(call);
      if (!settled && !lost) channel.send({ cancel: call } satisfies Request);
      if (open.size === 0) busy(false);
    }
  }

  const call = (name: string, argument: unknown, options?: RequestOptions) => resultOf(stream(name, argument, options));

  const lose = (error: Error): void => {
    lost ??= error;
    ready.reject(lost);
    for (const put of open.values()) put({ failure: lost });
  };
  return { engine: { stream, call } as Omit<Engine<H>, 'close'>, ready: ready.promise, lose };
}

/** Promise.withResolvers, which Node 20 lacks. */
function withResolvers(): { promise: Promise<void>; resolve: () => void; reject: (error: unknown) => void } {
  let [resolve, reject] = [() => {}, (_: unknown) => {}];
  const promise = new Promise<void>((yes, no) => ([resolve, reject] = [yes, no]));
  return { promise, resolve, reject };
}
