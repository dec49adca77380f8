// Holds a frame rate under load: watches how long frames take and gives up detail before frames, one level at a time. Down
// soon (the rate was missed for a few frames), up slowly (it would be held with room to spare for a while), and slower each time
// that going up proved wrong: so it does not swing. Pure: time is what it is told.
// Not here: what a level means to the pipeline (preview.ts).

/** What a frame may cost, from the best to the least. */
export interface Level {
  /** Share of the model's latent tokens. */
  readonly detail: number;
  /** Longer side of a preview in pixels. */
  readonly pixels: number;
}

/** Tokens go before pixels: at one step the transformer costs the most, and a coarse layout is still a smooth picture. */
export const LEVELS: readonly Level[] = [
  { detail: 1, pixels: 256 },
  { detail: 0.5625, pixels: 256 },
  { detail: 0.25, pixels: 256 },
  { detail: 0.140625, pixels: 256 },
  { detail: 0.140625, pixels: 192 },
  { detail: 0.0625, pixels: 128 },
];

export interface GovernorOptions {
  levels?: readonly Level[];
  /** Frames a second to hold. */
  fps?: number;
  /** The clock, in seconds. */
  now?: () => number;
}

/** What is known of the frames of the present level. */
export interface FrameTimes {
  /** Frames measured. */
  readonly frames: number;
  /** Exponential mean in seconds; 0 before the first frame that counts. */
  readonly mean: number;
  /** 95 % of the last frames took at most this long. */
  readonly p95: number;
}

export interface LevelChange {
  readonly from: Level;
  readonly to: Level;
  /** For people: what was changed and why. */
  readonly reason: string;
}

export interface Governor {
  /** What the next frame may cost. */
  readonly level: Level;
  readonly times: FrameTimes;
  /** Notes a frame's seconds; tells when the level changed. */
  frame(seconds: number): LevelChange | undefined;
}

/** Weight of the newest frame in the mean. */
const NEWEST = 0.2;
const WINDOW = 40;
/** Frames at a new level that do not count: the first ones make buffers of new sizes, and take two or three times as long. */
const COLD = 5;
/** Frames that count before anything is decided. */
const SETTLE = 5;
/** The mean may be this much over the target, and single frames this much, before detail is lowered. */
const OVER = 1.05;
const OVER_P95 = 1.5;
/** What the better level is expected to cost must fit into this share of the target. */
const ROOM = 0.8;
/** Seconds of holding the rate before a better level is tried; doubled each time it fails, to at most MAX. */
const PATIENCE = 3;
const PATIENCE_MAX = 60;
/** A better level that is lost again within this many seconds was a mistake. */
const REGRET = 5;

/** Cost of a level beside the best one's, roughly as measured of nano on two cores: 50 ms at 64 tokens and 256 pixels, 20 ms at 16 and 128. */
const cost = ({ detail, pixels }: Level, best: Level) => 0.3 + (0.6 * detail) / best.detail + 0.1 * (pixels / best.pixels) ** 2;

export function governor({ levels = LEVELS, fps = 25, now = () => performance.now() / 1000 }: GovernorOptions = {}): Governor {
  const target = 1 / fps;
  let at = 0;
  let recent: number[] = [];
  let mean = 0;
  let cold = COLD;
  let frames = 0;
  let patience = PATIENCE;
  let since = now(); // of this level
  let raised = -Infinity; // when a better level was last tried
  const p95 = () => [...recent].sort((a, b) => a - b)[Math.ceil(0.95 * recent.length) - 1] ?? 0;
  const milliseconds = (seconds: number) => `${(seconds * 1000).toFixed(0)} ms`;

  const change = (by: 1 | -1): LevelChange => {
    const [from, to] = [levels[at]!, levels[at + by]!];
    const took = `frames took ${milliseconds(mean)}, 95 % at most ${milliseconds(p95())}, for ${fps} a second`;
    const what = from.detail === to.detail ? `${to.pixels} pixels` : `${Math.round(to.detail * 100)} % of the tokens`;
    at += by;
    [recent, mean, cold, frames, since] = [[], 0, COLD, 0, now()];
    return { from, to, reason: `previews ${by > 0 ? 'lowered' : 'raised'} to ${what}: ${took}` };
  };

  return {
    get level() {
      return levels[at]!;
    },
    get times() {
      return { frames, mean, p95: p95() };
    },
    frame(seconds) {
      if (cold > 0) return void cold--;
      frames++;
      mean = frames === 1 ? seconds : mean + NEWEST * (seconds - mean);
      recent = [...recent, seconds].slice(-WINDOW);
      if (frames < SETTLE) return undefined;
      const slow = mean > target * OVER || (frames >= WINDOW / 2 && p95() > target * OVER_P95);
      if (slow) {
        if (at === levels.length - 1) return undefined;
        if (now() - raised < REGRET) patience = Math.min(PATIENCE_MAX, patience * 2);
        return change(1);
      }
      if (at === 0 || now() - since < patience) return undefined;
      if ((mean * cost(levels[at - 1]!, levels[0]!)) / cost(levels[at]!, levels[0]!) > target * ROOM) return undefined;
      raised = now();
      return change(-1);
    },
  };
}
