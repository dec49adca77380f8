// What a measurement ran on. A figure without this is no figure.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { dirname, join } from 'node:path';

export interface Machine {
  readonly cpu: string;
  /** Logical ones that this process sees. */
  readonly cores: number;
  readonly memoryBytes: number;
  readonly system: string;
  readonly node: string;
  /** Version of onnxruntime-node, or 'not installed'. */
  readonly onnxruntime: string;
  /** Load average of the last minute before the measurement: well above 0, and other work took part of the machine. */
  readonly load: number;
}

export function describeMachine(): Machine {
  const list = cpus();
  return {
    cpu: list[0]?.model.trim() ?? process.arch,
    cores: list.length,
    memoryBytes: totalmem(),
    system: `${process.platform} ${process.arch} ${release()}`,
    node: process.version,
    onnxruntime: versionOf('onnxruntime-node'),
    load: Number(loadavg()[0]!.toFixed(2)),
  };
}

/** When, by which command and from which commit a result is made. `started`: the command up to its options, e.g. `npm run bench --`. */
export function provenance(started: string): { readonly date: string; readonly command: string; readonly commit: string } {
  return { date: new Date().toISOString(), command: [started, ...process.argv.slice(2)].join(' '), commit: commitOf() };
}

/** The commit of the working tree, with `-dirty` when tracked files differ from it; 'unknown' outside of git. */
function commitOf(): string {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty', '--abbrev=12', '--exclude=*'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return 'unknown';
  }
}

function versionOf(name: string): string {
  try {
    let folder = dirname(createRequire(import.meta.url).resolve(name));
    for (; folder !== dirname(folder); folder = dirname(folder)) {
      const found = manifest(join(folder, 'package.json'));
      if (found?.name === name) return found.version;
    }
  } catch {
    // told below
  }
  return 'not installed';
}

function manifest(path: string): { name: string; version: string } | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as { name: string; version: string };
  } catch {
    return undefined;
  }
}

/** "Intel(R) Xeon(R), 2 cores, 24 GiB, linux x64, Node v20.20.0, onnxruntime-node 1.30.0, load 0.1" */
export function machineLine({ cpu, cores, memoryBytes, system, node, onnxruntime, load }: Machine): string {
  return `${cpu}, ${cores} cores, ${(memoryBytes / 2 ** 30).toFixed(0)} GiB, ${system}, Node ${node}, onnxruntime-node ${onnxruntime}, load ${load}`;
}
