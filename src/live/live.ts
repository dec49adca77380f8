// A live session: pictures while a prompt is typed. Each change is drawn at once in one step and small; when changes rest, the
// full picture follows, of the same noise, so that the picture settles and does not jump. The latest change wins: work on an
// older one is dropped at the next step or tile, except that a preview which nobody would otherwise see for a while is finished,
// so that fast typing still shows something. Unchanged text is not read again (the pipeline remembers it).
// Pure: the pipeline may be here or in another process, the terminal and the page are elsewhere.
import type { Image } from '../image/image.ts';
import { InputError } from '../util/errors.ts';
import type { GenerateEvent, ImageEvent } from '../draw/events.ts';
import { governor, LEVELS, type FrameTimes, type Governor, type Level } from './governor.ts';
import { checkOptions, type Checked } from '../draw/check.ts';
import type { Given } from '../draw/option.ts';
import { LIMITS, SIDE_MIN, type GenerateOptions, type Limits } from '../draw/request.ts';
import { slotsIn } from '../draw/subjects.ts';
import { randomSeed } from '../draw/text-to-image.ts';
import { checkedSession, FPS, PIXELS, REST, type LIVE_OPTIONS } from './options.ts';

/** What is to be drawn: the prompt, and anything else that a picture can be asked for. */
export type LiveRequest = Omit<GenerateOptions, 'count' | 'preview' | 'detail'>;

export interface LiveOptions extends Partial<LiveRequest>, Given<typeof LIVE_OPTIONS> {
  /** Told of a request that this model cannot draw (an unknown style); the session goes on. Without it the frames throw. */
  refused?: (error: InputError) => void;
  /** Ends the session. */
  signal?: AbortSignal;
}

export interface LiveFrame {
  /** 'preview': one step, small. 'settled': the full picture. */
  readonly kind: 'preview' | 'settled';
  readonly image: Image;
  /** The prompt that it shows. */
  readonly prompt: string;
  /** Seconds that it took to draw. */
  readonly seconds: number;
  /** Seconds since the change that it shows. */
  readonly latency: number;
  /** The change that it shows: what `update` returned. */
  readonly version: number;
  /** What the next previews may cost, and how long the last ones took. */
  readonly level: Level;
  readonly times: FrameTimes;
  /** Set when the level has just changed: what and why. */
  readonly notice?: string;
  /** With the recipe, for saving. */
  readonly event: ImageEvent;
}

export interface Live {
  /**
   * Changes what is to be drawn; what is not named stays. An empty prompt draws nothing. Returns the number of the change.
   * Throws InputError for what cannot be drawn; the session goes on with what it had.
   */
  update(change: Partial<LiveRequest>): number;
  /** The frames as they come. One reader. Throws what the pipeline throws; ends after `end` and `close`. */
  readonly frames: AsyncGenerator<LiveFrame, void, void>;
  /** No more changes: the frames end after the last settled picture. */
  end(): void;
  /** Drops all work; the frames end. */
  close(): void;
}

/** Draws a request that was checked. */
export type Draw = (request: Checked, signal?: AbortSignal) => AsyncGenerator<GenerateEvent, void, void>;

/** Latent tokens of a preview: 256 pixels need no more, and 25 frames a second allow no more. */
const TOKENS = 64;

/** Share of a model's latent tokens that its previews are drawn with at best. */
export const previewDetail = (tokens: number): number => Math.min(1, TOKENS / tokens);

/** A preview whose keystroke is older than this is finished though newer ones came: milliseconds. */
const OVERDUE = 150;
/** Why work was stopped: it shows an older change. */
const STALE = new DOMException('a newer change came', 'AbortError');

/** What a session stands on. */
export interface LiveGround {
  /** How much a request may ask for. */
  readonly limits?: Limits;
  /** Aborted when the pipeline is closed: the frames of an open session throw its reason. */
  readonly closing?: AbortSignal;
}

/** Opens a session on a pipeline's `draw`. Throws InputError for options that cannot be drawn. */
export function openLive(start: Draw, options: LiveOptions = {}, { limits = LIMITS, closing }: LiveGround = {}): Live {
  const { refused, signal, pixels: asked, detail: share, fps: rate, rest: pause, ...first } = options;
  const { pixels = PIXELS, detail = 1, fps = FPS, rest = REST } = checkedSession({ pixels: asked, detail: share, fps: rate, rest: pause });
  const levels = LEVELS.map((level): Level => ({ detail: Math.min(detail, level.detail), pixels: Math.min(pixels, level.pixels) }));
  const best = { detail, pixels };
  const guard: Governor | undefined = fps > 0 ? governor({ levels: distinct([best, ...levels.slice(1)]), fps }) : undefined;
  let given: LiveRequest = { prompt: '', seed: randomSeed(), ...first };
  let wanted = check(given, limits);
  let version = 0;
  let changed = 0; // milliseconds: when `version` came
  let waiting: number | undefined; // since when a change waits for any frame
  let state: 'open' | 'ending' | 'closed' = 'open';
  let failure: unknown; // why the pipeline closed
  let work: { stop: AbortController; kind: LiveFrame['kind'] } | undefined;
  let wake = (): void => {};
  const now = () => performance.now();

  const close = () => {
    state = 'closed';
    work?.stop.abort(STALE);
    wake();
  };
  const fail = () => {
    if (state !== 'closed') failure = closing!.reason;
    close();
  };
  const update = (change: Partial<LiveRequest>): number => {
    const next = { ...given, ...change };
    wanted = check(next, limits);
    given = next;
    changed = now();
    waiting = isEmpty(next) ? undefined : (waiting ?? changed);
    const overdue = work?.kind === 'preview' && waiting !== undefined && changed - waiting > OVERDUE;
    if (!overdue) work?.stop.abort(STALE);
    wake();
    return ++version;
  };

  /** Draws; undefined when a newer change came. */
  async function draw(kind: LiveFrame['kind'], request: Checked, level: Level): Promise<LiveFrame | undefined> {
    const stop = new AbortController();
    work = { stop, kind };
    const [mine, since, began, { prompt }] = [version, changed, now(), given];
    try {
      for await (const event of start({ ...request, count: 1, preview: 0 }, stop.signal)) {
        if (event.type !== 'image') continue;
        if (stop.signal.aborted) return undefined;
        const seconds = (now() - began) / 1000;
        const notice = kind === 'preview' ? guard?.frame(seconds)?.reason : undefined;
        const times = guard?.times ?? { frames: 1, mean: seconds, p95: seconds };
        waiting = mine === version ? undefined : changed;
        const latency = (now() - since) / 1000;
        return {
          kind,
          image: event.image,
          prompt,
          seconds,
          latency,
          version: mine,
          level: guard?.level ?? level,
          times,
          ...(notice && { notice }),
          event,
        };
      }
    } catch (error) {
      if (!stop.signal.aborted) throw error;
    } finally {
      work = undefined;
    }
    return undefined;
  }

  async function* frames(): AsyncGenerator<LiveFrame, void, void> {
    let [previewed, settled] = [0, 0];
    signal?.addEventListener('abort', close);
    closing?.addEventListener('abort', fail);
    if (closing?.aborted) fail();
    try {
      while (state !== 'closed' && !signal?.aborted) {
        const pause = settled === version || isEmpty(given) ? Infinity : previewed === version ? changed + rest - now() : 0;
        if (state === 'ending' && pause === Infinity) return;
        if (pause > 0 && !(state === 'ending' && previewed === version)) {
          await woken(pause, (woke) => (wake = woke));
          continue;
        }
        const mine = version;
        const kind = previewed === version ? 'settled' : 'preview';
        const level = guard?.level ?? best;
        try {
          const frame = await draw(kind, kind === 'settled' ? wanted : small(wanted, level, limits.steps[0]!), level);
          if (!frame) continue;
          if (kind === 'settled') settled = mine;
          else previewed = mine;
          yield frame;
        } catch (error) {
          if (!refused || !(error instanceof InputError)) throw error;
          previewed = settled = mine;
          refused(error);
        }
      }
      if (failure !== undefined) throw failure;
    } finally {
      close();
      closing?.removeEventListener('abort', fail);
      signal?.removeEventListener('abort', close);
    }
  }

  if (!isEmpty(given)) [version, changed, waiting] = [1, now(), now()];
  const end = () => {
    if (state === 'open') state = 'ending';
    wake();
  };
  return { update, frames: frames(), end, close };
}

const isEmpty = ({ prompt }: LiveRequest) => typeof prompt === 'string' && prompt.trim() === '';

/** What the preview of a request is: the fewest steps, within the level's pixels, in the shape of the full picture, without layers. */
function small({ layers: _, ...request }: Checked, { detail, pixels }: Level, steps: number): Checked {
  const { width, height } = request.size;
  const scale = Math.min(1, pixels / Math.max(width, height));
  const side = (n: number) => Math.max(SIDE_MIN, Math.round(n * scale));
  return { ...request, steps, detail, size: { width: side(width), height: side(height) } };
}

/** A request without the subjects that its prompt does not name, or not yet. */
function said(request: LiveRequest): LiveRequest {
  if (!Array.isArray(request.references) || typeof request.prompt !== 'string') return request; // told by the check
  const named = slotsIn(request.prompt);
  return { ...request, references: request.references.filter(({ slot }) => named.includes(slot)) };
}

/** The one check of a change; its previews follow from what was checked. An empty prompt is none yet. */
function check(given: LiveRequest, limits: Limits): Checked {
  return checkOptions(said(isEmpty(given) ? { ...given, prompt: 'x' } : given), limits);
}

const distinct = (levels: readonly Level[]) =>
  levels.filter((a, i) => i === 0 || a.detail !== levels[i - 1]!.detail || a.pixels !== levels[i - 1]!.pixels);

/** Waits until woken, or for so many milliseconds. */
function woken(milliseconds: number, expose: (wake: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const timer = milliseconds === Infinity ? undefined : setTimeout(resolve, milliseconds);
    expose(() => (clearTimeout(timer), resolve()));
  });
}
