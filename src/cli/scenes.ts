// `banana scenes STORY.json --out DIR`: the same characters through a list of scenes, with a contact sheet. Pictures of subjects are named by
// the paths of their files, from the story's own file on.
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Command } from 'commander';
import { encodeImage } from '../disk/codec.ts';
import { reason, writeFileWhole } from '../disk/files.ts';
import { readPicture } from '../disk/pictures.ts';
import { labelledSheet } from '../disk/sheet.ts';
import { markOf } from '../draw/recipe.ts';
import { fitImage, type Image } from '../image/image.ts';
import { pngOf } from '../node/index.ts';
import { modelPath } from '../node/models.ts';
import { checkStory, drawStory, type Story, type StoryEvent } from '../sdk/scenes.ts';
import { InputError } from '../util/errors.ts';
import { progressLine, type Io } from './io.ts';
import { openEngine, stoppable, withEngine, type EngineFlags } from './shared.ts';

interface Flags extends EngineFlags {
  readonly out: string;
  readonly json?: boolean;
}

const CELL = 256; // pixels

const HELP = `
The story is JSON:
  { "style": "flat", "seed": 1, "aspect": "3:2",
    "subjects": [{ "name": "anna", "prompt": "a girl with red hair" }, { "name": "rex", "prompt": "a dog", "image": "rex.png" }],
    "scenes": ["<anna> and <rex> on a beach", { "prompt": "<anna> and a house", "name": "home", "background": "white" }] }

Example:
  banana scenes story.json --out story
`;

export function scenesCommand(io: Io): Command {
  const command = new Command('scenes')
    .description('draw the same up to five characters through a list of scenes, with a contact sheet')
    .argument('<story>', '.json file with the subjects and the scenes')
    .requiredOption('--out <folder>', 'where the pictures go');
  return withEngine(command)
    .option('--json', 'print one JSON object on standard output')
    .addHelpText('after', HELP)
    .action((story: string, flags: Flags) => scenes(story, flags, io));
}

async function scenes(path: string, { out, json = false, ...engine }: Flags, io: Io): Promise<void> {
  const story = await readStory(path);
  modelPath(engine.model ?? engine.preset);
  await mkdir(join(out, 'subjects'), { recursive: true });
  await stoppable(io, (signal) => draw(story, { out, json, engine }, io, signal));
}

async function draw(
  story: Story,
  { out, json, engine }: { out: string; json: boolean; engine: EngineFlags },
  io: Io,
  signal: AbortSignal,
): Promise<void> {
  const progress = progressLine(io);
  const banana = await openEngine(engine, signal);
  const files: string[] = [];
  const small: { image: Image; label: string }[] = [];
  try {
    progress.show('the subjects');
    for await (const event of drawStory(banana, story, { signal })) {
      const { path, image, label, bytes } = await fileOf(event, out, story.scenes.length);
      await writeFileWhole(path, bytes);
      files.push(path);
      small.push({ image: fitImage(image, CELL, CELL), label });
      progress.clear();
      if (!json) io.out(`${path}  ${image.width}x${image.height}\n`);
    }
    const sheet = join(out, 'contact-sheet.webp');
    const [pictures, labels] = [small.map(({ image }) => image), small.map(({ label }) => label)];
    await writeFileWhole(sheet, await encodeImage(await labelledSheet(pictures, labels, { cell: CELL }), 'webp', markOf({})));
    io.out(json ? `${JSON.stringify({ pictures: files, sheet, model: banana.model.name })}\n` : `${sheet}\n`);
  } finally {
    progress.clear();
    await banana.close();
  }
}

/** What is written of an event, and what the sheet says below it. */
async function fileOf(
  event: StoryEvent,
  out: string,
  count: number,
): Promise<{ path: string; image: Image; label: string; bytes: Uint8Array }> {
  if (event.type === 'subject') {
    const { name, image } = event;
    return {
      path: join(out, 'subjects', `${name}.png`),
      image,
      label: name,
      bytes: await encodeImage(image, 'png', event.drawn ? markOf({}) : {}),
    };
  }
  const { index, scene, event: drawn } = event;
  const digits = String(count).length;
  const name = (scene.name ?? scene.prompt)
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .replace(/^-|-$/g, '')
    .slice(0, 40);
  const path = join(out, `${String(index + 1).padStart(Math.max(2, digits), '0')}-${name || 'scene'}.png`);
  return { path, image: drawn.image, label: scene.prompt, bytes: await pngOf(drawn) };
}

/** The story of a file, with its pictures read. Throws InputError naming what cannot be. */
async function readStory(path: string): Promise<Story> {
  const json = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new InputError('scenes.file', `cannot read ${path}: ${reason(error)}`);
  });
  let found: Record<string, unknown>;
  try {
    found = JSON.parse(json) as Record<string, unknown>;
  } catch (cause) {
    throw new InputError('scenes.file', `${path}: no JSON (${(cause as Error).message})`, { cause });
  }
  const { subjects, scenes } = found ?? {};
  const each = <T>(list: unknown, change: (one: never) => T) =>
    Array.isArray(list) ? Promise.all(list.map(change as (one: unknown) => T)) : list;
  const withPicture = async (one: { image?: unknown } | null) =>
    typeof one?.image === 'string' ? { ...one, image: await readPicture(resolve(dirname(path), one.image)) } : one;
  const scene = async (one: unknown) => (typeof one === 'string' ? { prompt: one } : one);
  return checkStory({
    ...found,
    ...(subjects !== undefined && { subjects: await each(subjects, withPicture) }),
    ...(scenes !== undefined && { scenes: await each(scenes, scene) }),
  });
}
