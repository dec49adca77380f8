// What came back from a CUDA machine, put into a run's folder:
//   npm run cuda:fetch -- FOLDER... [--preset nano] [--run runs/nano]
// FOLDERS hold report-NN.tar and parts of files, as chain.py laid them out, any of them so far; the same command again when more
// has come. Unpacks the newest report (logs, chain.json) and writes every file whose parts are all there: the model, ready to draw.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { readFileWhole, writeFileWhole } from '../../src/disk/files.ts';
import { BananaError, InputError } from '../../src/util/errors.ts';

/** What a report says of a file. */
interface Exported {
  readonly parts: readonly string[];
  readonly sha256: string;
}

/** Puts together what lies in the folders, later ones first; returns the files that are whole, and the parts that are missing. */
export async function fetchRun(
  folders: readonly string[],
  { run, log = () => {} }: { run: string; log?: (line: string) => void },
): Promise<{ whole: string[]; missing: string[] }> {
  const files = new Map<string, string>();
  for (const folder of folders) for (const file of await readdir(folder)) files.set(file, join(folder, file));
  const reports = [...files.keys()].filter((file) => /^report-\d+\.tar$/.test(file)).sort();
  if (reports.length === 0) throw new InputError('cuda.report', `no report-NN.tar in ${folders.join(', ')}`);
  await mkdir(run, { recursive: true });
  execFileSync('tar', ['-C', run, '-xf', files.get(reports.at(-1)!)!]); // the last holds all of the earlier
  const { exports } = JSON.parse(new TextDecoder().decode(await readFileWhole(join(run, 'chain.json')))) as {
    exports: Record<string, Exported>;
  };
  const [whole, missing]: [string[], string[]] = [[], []];
  for (const [name, { parts, sha256 }] of Object.entries(exports)) {
    const lacking = parts.filter((part) => !files.has(part));
    if (lacking.length > 0) {
      missing.push(...lacking);
      continue;
    }
    const bytes = Buffer.concat(await Promise.all(parts.map((part) => readFileWhole(files.get(part)!))));
    if (createHash('sha256').update(bytes).digest('hex') !== sha256)
      throw new InputError('cuda.sum', `${name}: its parts are damaged, or of another call; fetch them again (chain.py --resend ${name})`);
    await writeFileWhole(join(run, name), bytes);
    whole.push(join(run, name));
    log(`${join(run, name)}: ${(bytes.length / 2 ** 20).toFixed(1)} MiB in ${parts.length} parts`);
  }
  if (missing.length > 0) log(`still to fetch: ${missing.join(', ')}`);
  return { whole, missing };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const text = { type: 'string' } as const;
  try {
    const { values, positionals } = parseArgs({ allowPositionals: true, options: { preset: text, run: text } });
    if (positionals.length === 0) throw new InputError('cuda.folders', 'name the folders that came back');
    await fetchRun(positionals, { run: values.run ?? `runs/${values.preset ?? 'nano'}`, log: console.error });
  } catch (error) {
    console.error(error instanceof BananaError ? error.message : error);
    process.exitCode = 1;
  }
}
