// What the tests of the command share: a folder of its own with an untrained tiny model, and the command as a process.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { built } from './build.ts';
import { EVERYTHING, tinyLayers } from './tiny-layers.ts';

/** A new folder; `remove` takes it away. */
export function workFolder(): { folder: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'banana-'));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** An untrained tiny model that can do everything, as a file in `folder`. */
export async function tinyModel(folder: string): Promise<string> {
  const path = join(folder, 'tiny.safetensors');
  await tinyLayers(path, EVERYTHING);
  return path;
}

export interface Ended {
  code: number | null;
  out: string;
  err: string;
}

/** The command as a process: Node, the file. Its own arguments follow. */
export const BANANA: readonly string[] = [process.execPath, fileURLToPath(built('src/cli/main.ts'))];

/**
 * Runs the command as a process of its own group. `before` comes before node, such as ['unshare', '-rn']; `watch` sees
 * standard error as it grows.
 */
export function command(
  args: readonly string[],
  {
    cwd,
    before = [],
    env = {},
    watch = () => {},
  }: { cwd: string; before?: readonly string[]; env?: Record<string, string>; watch?: (err: string, pid: number) => void },
): Promise<Ended> {
  const [file, ...rest] = [...before, ...BANANA, ...args] as [string, ...string[]];
  const child = spawn(file, rest, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const ended: Ended = { code: null, out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (ended.out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => watch((ended.err += text), child.pid!));
  return new Promise((resolve, reject) => child.on('error', reject).on('close', (code) => resolve({ ...ended, code })));
}
