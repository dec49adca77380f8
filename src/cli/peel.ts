// `banana peel`: make, list, look at, take in, remove, verify and merge Peels. Each can print JSON for other programs.
import { Command } from 'commander';
import { addPeel, findPeel, listPeels, peelFolder, readPeelBytes, removePeel, showPeel, type Shelved } from '../node/library.ts';
import { describedPeel } from '../adapters/foreign-peel.ts';
import { reportText } from '../adapters/foreign.ts';
import { nameOfBase, printable } from '../adapters/info.ts';
import { encodePeel, fitPeel, readPeel } from '../adapters/peel.ts';
import { openPeelTarget, peelsIn } from '../node/load.ts';
import { saveSealed } from '../node/models.ts';
import { withTriggers } from '../adapters/triggers.ts';
import { peelShelf } from '../draw/peels.ts';
import { InputError } from '../util/errors.ts';
import type { Io } from './io.ts';
import { choiceOf } from './options.ts';
import { checkPlace } from './output.ts';
import { trainCommand } from './peel-train.ts';
import { withModel } from './shared.ts';
import { bytes, quoted, several, table } from './text.ts';

interface Flags {
  library?: string;
  preset?: string;
  model?: string;
  force?: boolean;
  replace?: boolean;
  json?: boolean;
}

const LIBRARY = [
  '--library <folder>',
  'folder of Peels; default the BANANA_PEELS of the environment, or .banana/peels in your own',
] as const;

export function peelCommand(io: Io): Command {
  const command = (name: string, description: string) =>
    new Command(name)
      .description(description)
      .option(...LIBRARY)
      .option('--json', 'print one JSON object on standard output');
  return new Command('peel')
    .description('make and keep Peels: small files that teach the model a style')
    .addCommand(trainCommand(io))
    .addCommand(command('list', 'the Peels of the library').action((flags: Flags) => list(flags, io)))
    .addCommand(
      command('show', 'what a Peel says of itself')
        .argument('<peel>', 'name or file')
        .action((peel: string, flags: Flags) => show(peel, flags, io)),
    )
    .addCommand(
      withModel(command('add', 'take a file into the library'))
        .argument('<file>')
        .option('--replace', 'in place of one of that name')
        .option('--force', 'also one that fits only in part')
        .action((file: string, flags: Flags) => add(file, flags, io)),
    )
    .addCommand(
      command('remove', 'take a Peel out of the library')
        .argument('<name>')
        .action((name: string, flags: Flags) => remove(name, flags, io)),
    )
    .addCommand(
      withModel(command('verify', 'check a Peel against its hashes, and against a model when one is named'))
        .argument('<peel>', 'name or file')
        .action((peel: string, flags: Flags) => verify(peel, flags, io)),
    )
    .addCommand(
      withModel(command('merge', 'bake Peels into a copy of their model'))
        .argument('<peels...>', 'names or files, each with a weight if not 1: ink:0.8')
        .requiredOption('-o, --out <file>', 'model file to write')
        .option('--name <name>', 'name of the new model')
        .option('--force', 'also Peels that were made for another model, as far as they fit')
        .action((peels: string[], flags: Flags & { out: string; name?: string }) => merge(peels, flags, io)),
    );
}

/** What an option of the command can do about an error. */
const HINTS: Readonly<Record<string, string>> = {
  'peel.exists': ' with --replace',
  'peel.foreign': '; --model says which; --force takes it as far as it fits',
  'peel.layers': '; --force takes it as far as it fits',
  'peel.base': '; --force uses it all the same',
};

/** Throws an error again, with the option that helps. */
function hinted(error: unknown): never {
  if (error instanceof InputError && HINTS[error.code])
    throw new InputError(error.code, `${error.message}${HINTS[error.code]}`, { cause: error });
  throw error;
}

const json = (io: Io, value: unknown) => io.out(`${JSON.stringify(value)}\n`);

/** A Peel for other programs. Thumbnails only where one Peel is asked for: they are most of it. */
function summary({ name, path, bytes, hash, shipped, info }: Shelved) {
  const { name: title, thumbnails: _, ...rest } = info;
  return { name, ...(title !== name && { title }), path, bytes, hash, shipped, ...rest };
}

async function list({ library, json: asJson }: Flags, io: Io): Promise<void> {
  const folder = peelFolder(library);
  const { peels, damaged } = await listPeels(folder);
  if (asJson) return json(io, { folder, peels: peels.map(summary), damaged });
  if (peels.length === 0) io.out(`no Peels in ${folder}: make one with banana peel train, or add one with banana peel add\n`);
  else
    io.out(
      table([
        ['name', '', 'for', 'rank', 'size', 'licence', 'say'],
        ...peels.map(({ name, shipped, bytes: size, info }) => [
          name,
          shipped ? 'shipped' : '',
          nameOfBase(info.base),
          String(info.rank),
          bytes(size),
          info.licence,
          info.triggers.join(', '),
        ]),
      ]),
    );
  for (const { name, error } of damaged) io.err(`damaged: ${printable(name)}: ${error}\n`);
}

async function show(peel: string, { library, json: asJson }: Flags, io: Io): Promise<void> {
  const found = await showPeel(peel, peelFolder(library));
  if (asJson) return json(io, { ...summary(found), thumbnails: found.info.thumbnails });
  const { name, path, bytes: size, hash, info, report } = found;
  const rows: [string, string][] = [
    ['name', info.name === name ? name : `${name} (made as ${info.name})`],
    ['file', `${path}, ${bytes(size)}`],
    ['made for', nameOfBase(info.base)],
    ['say', info.triggers.join(', ') || '-'],
    ['about', info.description ?? '-'],
    ['licence', info.licence],
    ['author', info.author ?? '-'],
    ['rank', `${info.rank}, alpha ${info.alpha}`],
    ['layers', info.layers.join(', ') || '-'],
    ['pictures inside', String(info.thumbnails.length)],
    [
      'training',
      Object.entries(info.training)
        .map(([key, value]) => `${key} ${value}`)
        .join(', ') || '-',
    ],
    ['hash', hash],
    ...(report ? [['pictures said', report.tags.join(', ') || '-'] as [string, string]] : []),
  ];
  io.out(table(rows));
}

async function add(
  file: string,
  { library, preset, model: given = preset, force = false, replace = false, json: asJson }: Flags,
  io: Io,
): Promise<void> {
  const adopt = async (data: Uint8Array<ArrayBuffer>) => {
    const { target, base, close } = await openPeelTarget(given);
    close(); // what can be changed is known without its weights
    if (!target.own) return { name: (await target.fitter(base)(data, file, { force })).info.name, bytes: data };
    const found = await readPeel(data, file, { force });
    if (found.info) return { name: found.info.name, bytes: data };
    const { info, tensors } = fitPeel(found, target.own.adaptable(), base, file, { force });
    return { name: info.name, bytes: Buffer.concat(await encodePeel({ info, tensors })) };
  };
  const added = await addPeel(file, peelFolder(library), { replace, ...((force || given) && { adopt }) }).catch(hinted);
  if (asJson) return json(io, summary(added));
  io.out(`${added.path}  ${bytes(added.bytes)}\nuse it: banana "a fox <peel:${added.name}>"\n`);
}

async function remove(name: string, { library, json: asJson }: Flags, io: Io): Promise<void> {
  const path = await removePeel(name, peelFolder(library));
  if (asJson) return json(io, { name, removed: path });
  io.out(`removed ${path}\n`);
}

async function verify(peel: string, { library, preset, model: given = preset, json: asJson }: Flags, io: Io): Promise<void> {
  const path = await findPeel(peel, peelFolder(library));
  try {
    const data = await readPeelBytes(path);
    const { info, hash, layers } = await describedPeel(data, path);
    const chosen = given === undefined ? undefined : await openPeelTarget(given);
    chosen?.close();
    const fitted = chosen && (await chosen.target.fitter(chosen.base)(data, path));
    const fits = fitted && { fits: nameOfBase(chosen.base), ...(fitted.report && { report: fitted.report }) };
    if (asJson) return json(io, { name: info.name, path, ok: true, hash, layers, base: info.base, ...fits });
    const how = fitted?.report ? ` (${reportText(fitted.report)})` : '';
    io.out(`${path}: sound, ${several(layers, 'layer')} for ${nameOfBase(info.base)}${fits ? `, and fits ${fits.fits}${how}` : ''}\n`);
  } catch (error) {
    if (asJson && error instanceof InputError) json(io, { path, ok: false, code: error.code, error: error.message });
    throw error;
  }
}

async function merge(
  peels: string[],
  { library, preset, model: given = preset, out, name, force = false, json: asJson }: Flags & { out: string; name?: string },
  io: Io,
): Promise<void> {
  if (!out.endsWith('.safetensors')) throw new InputError('output.path', `cannot write ${out}: the name must end in .safetensors`);
  await checkPlace(out);
  const choices = peels.map((text) => ({ ...choiceOf(text), force }));
  const { target, base, close } = await openPeelTarget(given);
  try {
    if (!target.own) throw new InputError('model.ability', `Peels cannot be baked into model "${base.name}": draw with them instead`);
    const stack = await peelShelf(target.fitter(base), peelsIn(peelFolder(library)))(choices).catch(hinted);
    const called = name ?? [base.name, ...stack.map(({ peel }) => peel.info.name)].join('-');
    const { licence, ...merged } = target.own.merged(stack, called);
    await saveSealed(out, merged);
    const used = stack.map(({ peel, weight }) => ({ name: peel.info.name, weight, hash: peel.hash }));
    if (asJson) return json(io, { path: out, name: called, base, peels: used, licence });
    io.out(`${out}  ${called}\nuse it: banana ${quoted(withTriggers('a fox', stack))} --model ${quoted(out)}\n`);
  } finally {
    close();
  }
}
