// `banana models`: the models in the hub's cache on this disk, Python's downloads among them; and their removal. No network.
import { Command } from 'commander';
import { kindOf, licenceAt } from '../hub/about.ts';
import { listCached, removeCached, type Cached } from '../hub/cache.ts';
import { licenceText } from '../hub/licence.ts';
import { checkedName } from '../hub/name.ts';
import { placeOf } from '../hub/place.ts';
import { InputError } from '../util/errors.ts';
import type { Io } from './io.ts';
import { bytes, table } from './text.ts';

interface Flags {
  json?: boolean;
}

export function modelsCommand(io: Io): Command {
  const command = (name: string, description: string) =>
    new Command(name).description(description).option('--json', 'print one JSON object on standard output');
  return new Command('models')
    .description('the models that were pulled, by banana or by Python: size, licence, family, place')
    .addCommand(
      command('list', 'list them').action((flags: Flags) => list(flags, io)),
      { isDefault: true },
    )
    .addCommand(
      command('rm', 'remove a model from the cache')
        .alias('remove')
        .argument('<model>', 'org/name')
        .action((model: string, flags: Flags) => remove(model, flags, io)),
    );
}

/** A model for other programs. */
async function described({ id, bytes: size, unfinished, folder, snapshot, snapshots }: Cached) {
  const found = snapshot && {
    commit: snapshot.commit,
    path: snapshot.path,
    family: await kindOf(snapshot.path),
    licence: licenceAt(snapshot.path),
  };
  return { id, bytes: size, unfinished, folder, snapshots, ...found };
}

async function list({ json }: Flags, io: Io): Promise<void> {
  const place = placeOf();
  const models = await Promise.all(listCached(place).map(described));
  if (json) return io.out(`${JSON.stringify({ cache: place.cache, models })}\n`);
  if (models.length === 0) return io.out(`no models in ${place.cache}: banana pull org/name brings one\n`);
  const rows = models.map(({ id, bytes: size, unfinished, licence, family, path }) => [
    id,
    bytes(size),
    licence ? licenceText(licence) : '-',
    family ?? '-',
    path ?? (unfinished > 0 ? 'unfinished: banana pull goes on' : 'no whole snapshot'),
  ]);
  io.out(table([['name', 'size', 'licence', 'family', 'where'], ...rows]));
}

function remove(model: string, { json }: Flags, io: Io): void {
  const name = checkedName(model);
  if (name.revision !== undefined)
    throw new InputError('hub.name', `${model}: a model is removed with all its revisions: banana models rm ${name.id}`);
  const { id, folder, bytes: size } = removeCached(name);
  io.out(
    json
      ? `${JSON.stringify({ id, removed: folder, bytes: size })}\n`
      : `removed ${folder}, ${bytes(size)}; Python's tools no longer find it either\n`,
  );
}
