// A model by the words of the browser's built-in AI: is it there, make it ready and say how far its download is, let it go. The same over
// Node's openBanana and the web's; errors have the names of DOMException, with ours as their `cause`. What is drawn and how stays ours.
// https://github.com/webmachinelearning/prompt-api (availability, create with monitor and signal, destroy)
import type { GenerateEvent } from '../draw/events.ts';
import type { GenerateOptions } from '../draw/request.ts';
import type { ModelInfo } from '../models/family.ts';
import { BananaError, InputError } from '../util/errors.ts';
import { DISPOSE, type Banana, type Picture } from './banana.ts';

/** 'unavailable': not with these options, not here. 'downloadable', 'downloading': something comes first. 'available': nothing does. */
export type Availability = 'unavailable' | 'downloadable' | 'downloading' | 'available';

/** How far the download is: `loaded` from 0 to 1 of `total`, which is 1. */
export interface DownloadProgress extends Event {
  readonly loaded: number;
  readonly total: 1;
}

export interface CreateMonitor {
  ondownloadprogress: ((event: DownloadProgress) => void) | null;
  addEventListener(type: 'downloadprogress', listener: (event: DownloadProgress) => void): void;
  removeEventListener(type: 'downloadprogress', listener: (event: DownloadProgress) => void): void;
}

export interface CreateOptions {
  /** Is given what tells of the download: at least 0 and 1, also when nothing has to come. */
  readonly monitor?: (monitor: CreateMonitor) => void;
  /** Gives up downloading and loading. */
  readonly signal?: AbortSignal;
}

/** What to draw: a prompt, or a request. */
export type Input = string | GenerateOptions;

/** A model that is ready. Its promises reject, and its streams fail, with a DOMException, a TypeError, or the reason of the caller's signal. */
export interface GeneratorSession<P extends Picture = Picture> extends AsyncDisposable {
  readonly model: ModelInfo;
  generate(input: Input, options?: { readonly signal?: AbortSignal }): Promise<P>;
  /** The events of a drawing. Cancelling the stream stops it. */
  generateStreaming(input: Input, options?: { readonly signal?: AbortSignal }): ReadableStream<GenerateEvent>;
  /** Gives everything back: what is under way gets an AbortError, what is asked later an InvalidStateError. */
  destroy(): Promise<void>;
}

export interface Generator<O extends object, P extends Picture> {
  /** Opens nothing and asks nobody. Throws TypeError for options that are none. */
  availability(options?: O): Promise<Availability>;
  /** Downloads what is missing, then opens it. */
  create(options?: O & CreateOptions): Promise<GeneratorSession<P>>;
}

export interface Download {
  /** What two downloads of the same have in common. */
  readonly key: string;
  download(tell: (share: number) => void, signal?: AbortSignal): Promise<void>;
}

/** What a place (Node, the web) does. */
export interface Face<O extends object, P extends Picture> {
  /** What has to be downloaded first, if anything. Throws for what cannot be opened. */
  missing(options: O): Promise<Download | undefined>;
  open(options: O, signal?: AbortSignal): Promise<Omit<Banana, 'picture'> & { picture(options: GenerateOptions): Promise<P> }>;
}

export function generatorOf<O extends object, P extends Picture>({ missing, open }: Face<O, P>): Generator<O, P> {
  const running: string[] = [];
  const availability = async (options: O): Promise<Availability> => {
    const download = await missing(options);
    if (!download) return 'available';
    return running.includes(download.key) ? 'downloading' : 'downloadable';
  };
  const fetched = async ({ key, download }: Download, tell: (share: number) => void, signal?: AbortSignal) => {
    running.push(key);
    await download(tell, signal).finally(() => running.splice(running.indexOf(key), 1));
  };
  return {
    availability: (options = {} as O) =>
      availability(options).catch((error: unknown) => {
        if (error instanceof BananaError && !isType(error)) return 'unavailable';
        throw domError(error);
      }),
    create: ({ monitor, signal, ...rest } = {} as O & CreateOptions) =>
      withNames(async () => {
        signal?.throwIfAborted();
        const options = rest as unknown as O;
        const tell = teller(monitor);
        const download = await missing(options);
        tell(0);
        if (download) await fetched(download, tell, signal);
        tell(1);
        return sessionOf<P>(await open(options, signal));
      }),
  };
}

function sessionOf<P extends Picture>(banana: Awaited<ReturnType<Face<object, P>['open']>>): GeneratorSession<P> {
  let isDestroyed = false;
  const destroy = async () => {
    isDestroyed = true;
    await banana.close();
  };
  const checkAlive = () => {
    if (isDestroyed) throw new DOMException('the session was destroyed: create another one', 'InvalidStateError');
  };
  const requestOf = (input: Input, { signal }: { readonly signal?: AbortSignal }) => ({
    ...(typeof input === 'string' ? { prompt: input } : input),
    ...(signal && { signal }),
  });
  async function* events(request: GenerateOptions): AsyncGenerator<GenerateEvent, void, void> {
    try {
      checkAlive();
      yield* banana.generate(request);
    } catch (error) {
      throw domError(error);
    }
  }
  return {
    model: banana.model,
    generate: (input, options = {}) =>
      withNames(async () => {
        checkAlive();
        return banana.picture(requestOf(input, options));
      }),
    generateStreaming: (input, options = {}) => streamOf(events(requestOf(input, options))),
    destroy,
    [DISPOSE]: destroy,
  };
}

/** Events as a stream: one is drawn when one is asked for. */
const streamOf = <E>(events: AsyncGenerator<E, void, void>): ReadableStream<E> =>
  new ReadableStream<E>(
    {
      async pull(controller) {
        const { done, value } = await events.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: async () => void (await events.return()),
    },
    { highWaterMark: 0 },
  );

/** Parts of a download that are told apart. */
const PARTS = 256;

/** Tells a monitor how far it is, each share once and in order. */
function teller(monitor: CreateOptions['monitor']): (share: number) => void {
  const target = Object.assign(new EventTarget(), { ondownloadprogress: null }) as EventTarget & CreateMonitor;
  monitor?.(target);
  let last = -1;
  return (share) => {
    const loaded = Math.floor(share * PARTS) / PARTS;
    if (!(loaded > last && loaded <= 1)) return;
    last = loaded;
    const event = Object.assign(new Event('downloadprogress'), { loaded, total: 1 as const, lengthComputable: true });
    target.dispatchEvent(event);
    target.ondownloadprogress?.(event);
  };
}

/** The names of DOMException for our codes, or for all of an area; those that are not here: NotSupportedError, OperationError. */
const NAMES: Readonly<Record<string, string>> = {
  'engine.closed': 'AbortError',
  'prompt.long': 'QuotaExceededError',
  'size.pixels': 'QuotaExceededError',
  'hub.space': 'QuotaExceededError',
  'hub.consent': 'NotAllowedError',
  'hub.gated': 'NotAllowedError',
  hub: 'NetworkError',
  'model.download': 'NetworkError',
  runtime: 'NotSupportedError',
  'runtime.failed': 'OperationError',
};

const isType = ({ code }: BananaError): boolean => code === 'options.type' || code === 'options.unknown';

/** Our error as the web has it; any other as it is. */
function domError(error: unknown): unknown {
  if (!(error instanceof BananaError)) return error;
  if (isType(error)) return new TypeError(error.message, { cause: error });
  const otherwise = error instanceof InputError ? 'NotSupportedError' : 'OperationError';
  const name = NAMES[error.code] ?? NAMES[error.code.split('.')[0]!] ?? otherwise;
  return Object.defineProperty(new DOMException(error.message, name), 'cause', { value: error });
}

const withNames = async <T>(work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    throw domError(error);
  }
};
