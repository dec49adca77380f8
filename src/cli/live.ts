// `banana live`: pictures while you type. In a terminal: the picture, the prompt, a line of figures; Enter saves the settled
// picture, Ctrl-C ends. Otherwise each line of standard input is a prompt, and each frame one line of output.
import { existsSync } from 'node:fs';
import { extname } from 'node:path';
import { createInterface } from 'node:readline';
import { Command, Option } from 'commander';
import { formatFor, pictureFile, type NodeBanana } from '../node/index.ts';
import { modelPath } from '../node/models.ts';
import type { Live, LiveFrame, LiveOptions } from '../live/live.ts';
import { checkedSession, LIVE_OPTIONS } from '../live/options.ts';
import { checkOptions } from '../draw/check.ts';
import { encodeImage } from '../disk/codec.ts';
import { writeFileWhole } from '../disk/files.ts';
import type { Image } from '../image/image.ts';
import { InputError } from '../util/errors.ts';
import type { Io } from './io.ts';
import { withFlags } from './flags.ts';
import { checkWritable } from './output.ts';
import { openEngine, pictures, stoppable, withEngine, withRequest, type EngineFlags, type PictureFlags } from './shared.ts';
import {
  cellsFor,
  GRAPHICS,
  graphicsOf,
  halfBlocks,
  itermImage,
  KITTY_CLEAR,
  kittyImage,
  tail,
  typeKeys,
  type Cells,
  type Graphics,
} from './terminal.ts';

/** What the command reads from, and the size of what it writes to. */
export interface Console {
  readonly input: NodeJS.ReadableStream & { isTTY?: boolean; setRawMode?(raw: boolean): unknown; unref?(): unknown };
  /** Size of the terminal on the other side; undefined when there is none. */
  size(): Cells | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const processConsole: Console = {
  input: process.stdin,
  size: () =>
    process.stdin.isTTY && process.stdout.isTTY ? { columns: process.stdout.columns || 80, rows: process.stdout.rows || 24 } : undefined,
  env: process.env,
};

interface Flags extends Omit<LiveOptions, 'image' | 'mask' | 'references' | 'objects' | 'prompt' | 'signal'>, PictureFlags, EngineFlags {
  output?: string;
  graphics?: Graphics;
}

/** What a session needs besides itself. */
interface LiveSession {
  readonly live: Live;
  readonly io: Io;
  readonly device: Console;
  readonly output: string | undefined;
}

export function liveCommand(io: Io, device: Console = processConsole): Command {
  const command = new Command('live')
    .description('draw while you type; without a terminal, a prompt for each line of standard input')
    .option('-o, --output <file>', '.png, .jpg or .webp for the settled picture; default banana-SEED.png, when Enter is pressed');
  return withFlags(withEngine(withRequest(command, ['count'])), LIVE_OPTIONS)
    .addOption(new Option('--graphics <kind>', 'how the terminal shows pictures; default: as it says of itself').choices([...GRAPHICS]))
    .action((flags: Flags) => run(flags, io, device));
}

async function run(
  { preset, model, runtime, threads, precision, image, mask, subject, objects, graphics, output, ...flags }: Flags,
  io: Io,
  device: Console,
): Promise<void> {
  const options: LiveOptions = { ...flags, ...(await pictures({ image, mask, subject, objects })) };
  const { fps, rest, pixels, ...drawn } = options;
  const { references = [] } = drawn;
  checkOptions({ ...drawn, prompt: ['x', ...references.map(({ slot }) => `<${slot}>`)].join(' ') }); // before anything is loaded
  checkedSession({ fps, rest, pixels });
  if (output !== undefined) await checkWritable(output);
  modelPath(model ?? preset);
  await stoppable(io, (signal) =>
    session({ ...options, signal }, { preset, model, runtime, threads, precision }, { io, device, output, graphics }),
  );
}

type LiveSetting = Omit<LiveSession, 'live'> & { readonly graphics: Graphics | undefined };

/** A session with an engine of its own, until its end. */
async function session(
  options: LiveOptions & { readonly signal: AbortSignal },
  engine: EngineFlags,
  { io, device, output, graphics }: LiveSetting,
): Promise<void> {
  let banana: NodeBanana | undefined;
  try {
    banana = await openEngine(engine, options.signal);
    let refused = (error: InputError): void => io.err(`error: ${error.message}\n`);
    const live = banana.live({ ...options, refused: (error) => refused(error) });
    const opened: LiveSession = { live, io, device, output };
    const size = device.size();
    if (size) await inTerminal(opened, graphics ?? graphicsOf(device.env), (handler) => (refused = handler));
    else await byLines(opened);
    options.signal.throwIfAborted();
  } finally {
    device.input.pause();
    device.input.unref?.();
    await banana?.close();
  }
}

const oneLine = (text: string) => text.replace(/\s+/g, ' ');

/** Lines in, lines out. Of lines that come faster than they can be drawn, the latest wins. */
async function byLines({ live, io, device, output }: LiveSession): Promise<void> {
  const lines = createInterface({ input: device.input, crlfDelay: Infinity });
  lines.on('line', (prompt) => {
    try {
      live.update({ prompt });
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      io.err(`error: ${error.message}\n`);
    }
  });
  lines.on('close', () => live.end());
  try {
    for await (const frame of live.frames) {
      const { kind, image, seconds, prompt, notice } = frame;
      if (notice) io.err(`${notice}\n`);
      const saved = kind === 'settled' && output !== undefined ? `  ${output}` : '';
      if (saved) await save(frame, output!);
      io.out(`${kind}  ${image.width}x${image.height}  ${seconds.toFixed(3)} s  ${JSON.stringify(prompt)}${saved}\n`);
    }
  } finally {
    lines.close();
  }
}

async function save({ event }: LiveFrame, path: string): Promise<void> {
  await writeFileWhole(path, await pictureFile(event, formatFor(path)));
}

/** A path where nothing is yet: the asked one, or it with a number. */
function freePath(path: string): string {
  const ending = extname(path);
  for (let i = 1; ; i++) {
    const candidate = i === 1 ? path : `${path.slice(0, path.length - ending.length)}-${i}${ending}`;
    if (!existsSync(candidate)) return candidate;
  }
}

/** How each kind of terminal is given a picture, at the top left. */
const SHOW: { readonly [G in Graphics]: (image: Image, cells: Cells) => string | Promise<string> } = {
  blocks: (image, cells) => halfBlocks(image, cells).join('\r\n'),
  kitty: kittyImage,
  iterm: async (image, cells) => itermImage(await encodeImage(image, 'jpeg'), cells),
};

/** What the status line says of a frame and those before it. */
function figures(frame: LiveFrame | undefined): string[] {
  if (!frame) return [];
  const { kind, seconds, times, level } = frame;
  if (kind === 'settled') return [`settled in ${seconds.toFixed(2)} s`];
  const late = times.frames > 0 ? [`95 % within ${(1000 * times.p95).toFixed(0)} ms`] : [];
  return [
    `${(1 / (times.mean || seconds)).toFixed(1)} frames/s`,
    ...late,
    ...(level.detail < 1 ? [`${Math.round(level.detail * 100)} % of the tokens`] : []),
  ];
}

const OPEN = '\x1b[?1049h\x1b[?7l\x1b[2J'; // the alternate screen: what was there comes back at the end; long lines are cut
const CLOSE = '\x1b[0m\x1b[?7h\x1b[?1049l';

/** The session on a terminal; returns when it was ended by a key. */
async function inTerminal(
  { live, io, device, output }: LiveSession,
  graphics: Graphics,
  onRefused: (handler: (error: InputError) => void) => void,
): Promise<void> {
  let text = '';
  let version = 0;
  let last: LiveFrame | undefined;
  let saving = false; // as soon as it has settled
  let note = 'type a prompt';
  let shown = '';
  const room = () => device.size() ?? { columns: 80, rows: 24 };
  const lines = () => {
    const { columns, rows } = room();
    io.out(
      `\x1b[${rows};1H\x1b[2K${[note, ...figures(last), 'Enter saves, Ctrl-C ends']
        .filter(Boolean)
        .join('  ')
        .slice(0, columns - 1)}\x1b[${rows - 1};1H\x1b[2K> ${tail(text, columns - 4)}`,
    );
  };
  const show = async (): Promise<void> => {
    if (!last) return;
    const { columns, rows } = room();
    const cells = cellsFor(last.image, { columns, rows: Math.max(1, rows - 3) });
    const size = `${columns}x${rows} ${cells.columns}x${cells.rows}`;
    const picture = await SHOW[graphics](last.image, cells);
    io.out(`${size === shown ? '' : '\x1b[2J'}\x1b[H${picture}`);
    shown = size;
  };
  const keep = async (frame: LiveFrame): Promise<void> => {
    saving = false;
    const path = freePath(output ?? `banana-${frame.event.recipe.seed}.png`);
    note = await save(frame, path).then(
      () => `saved ${path}`,
      (error: Error) => oneLine(error.message),
    );
    lines();
  };
  const typed = (sent: string): void => {
    const { text: next, save, quit } = typeKeys(text, sent);
    if (quit) return live.close();
    if (next !== text) {
      [text, saving, note] = [next, false, ''];
      try {
        version = live.update({ prompt: text });
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        note = oneLine(error.message);
      }
    }
    if (save && last?.kind === 'settled' && last.version === version) void keep(last);
    else if (save && text.trim() !== '') [saving, note] = [true, 'saves when it has settled'];
    lines();
  };
  onRefused((error) => ((note = oneLine(error.message)), lines()));
  const { input } = device;
  const restore = () => {
    input.setRawMode?.(false);
    io.out(`${graphics === 'kitty' ? KITTY_CLEAR : ''}${CLOSE}`);
  };
  input.setEncoding('utf8');
  input.setRawMode?.(true);
  input.on('data', typed).on('end', live.close);
  process.once('exit', restore); // should something end the process from outside
  io.out(OPEN);
  lines();
  try {
    for await (const frame of live.frames) {
      last = frame;
      if (frame.notice) note = frame.notice;
      await show();
      if (saving && frame.kind === 'settled' && frame.version === version) await keep(frame);
      lines();
    }
  } finally {
    input.off('data', typed).off('end', live.close);
    process.off('exit', restore);
    restore();
  }
}
