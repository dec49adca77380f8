// What a live session can be asked for besides the picture: a table of options as that of a request (draw/request.ts).
import { decimal, whole } from '../draw/option.ts';
import { checked } from '../draw/refusal.ts';
import { DETAIL_MIN, PREVIEW_MAX, SIDE_MIN } from '../draw/request.ts';
import { LEVELS } from './governor.ts';

export const REST = 250; // milliseconds
export const FPS = 25;
export const PIXELS = LEVELS[0]!.pixels;

export const LIVE_OPTIONS = {
  /** Longer side of previews in pixels, 64 to 1024; with a rate to hold, at most. */
  pixels: {
    ...whole(SIDE_MIN, PREVIEW_MAX, ' of pixels'),
    about: 'longer side of previews',
    default: PIXELS,
    code: 'options.pixels',
    flag: '--pixels <n>',
  },
  /** Share of the model's latent tokens that previews are drawn with, 1/16 to 1; with a rate to hold, at most. */
  detail: { ...decimal(DETAIL_MIN, 1), about: "share of the model's latent tokens that previews are drawn with", code: 'options.detail' },
  /** Previews a second to hold under load, by lowering detail, then pixels; 0: hold none, always draw as asked. */
  fps: {
    ...decimal(0, 240),
    about: 'previews a second to hold by lowering their detail, 0 for full detail always',
    default: FPS,
    code: 'options.fps',
    flag: '--fps <n>',
  },
  /** Milliseconds without a change after which the full picture is drawn. */
  rest: {
    ...decimal(0, 60_000),
    about: 'milliseconds without typing before the settled picture',
    default: REST,
    code: 'options.rest',
    flag: '--rest <ms>',
  },
};

/** The session's own options. Throws InputError for one that cannot be. */
export const checkedSession = (given: { pixels?: unknown; detail?: unknown; fps?: unknown; rest?: unknown }) =>
  checked(LIVE_OPTIONS, given, { name: 'the session', example: '{ fps: 25 }' });
