// Nothing leaves the machine and nothing is left behind: every call to the system of a command that runs for half a minute is read.
// (ONNX Runtime's telemetry waits for some ten seconds, and stays silent where CI is set: so CI is not set here.) Needs strace.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { BANANA, tinyModel, workFolder } from './command.ts';

const traced = spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0;
if (!traced) console.warn('telemetry.test.ts is skipped: there is no strace here, or it may not trace');

const { folder, remove } = workFolder();
afterAll(remove);

const CALLS = 'trace=network,open,openat,creat,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,symlink,symlinkat';
const SECONDS = 25;

/** Paths that a trace shows being written or made, as the calls name them. */
function written(trace: string): string[] {
  const paths: string[] = [];
  for (const line of trace.split('\n')) {
    if (/= -1 E/.test(line)) continue;
    const opened = /\bopen(?:at)?\((?:[^",]+, )?"([^"]*)", ([A-Z_|]+)/.exec(line);
    if (opened && /O_(WRONLY|RDWR|CREAT)/.test(opened[2]!)) paths.push(opened[1]!);
    const made = /\b(?:creat|mkdir|mkdirat|rename|renameat|renameat2|link|linkat|symlink|symlinkat)\(.*"([^"]*)"/.exec(line);
    if (made) paths.push(made[1]!);
  }
  return paths;
}

test.skipIf(!traced)(
  'a command of half a minute opens no socket of the internet and writes nothing but its own',
  { timeout: 180_000 },
  async () => {
    const [home, work, temporary, trace] = ['home', 'work', 'temporary', 'trace'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
      string,
    ];
    for (const path of [home, work, temporary]) mkdirSync(path);
    const env = { ...process.env, HOME: home, TMPDIR: temporary };
    for (const name of Object.keys(env))
      if (name === 'CI' || /^(GITHUB_|VITEST|XDG_|ORT_)/.test(name)) delete (env as NodeJS.ProcessEnv)[name];
    const model = await tinyModel(folder);
    const args = ['-f', '-qq', '-s', '200', '-e', CALLS, '-o', trace, ...BANANA, 'live', '--model', model, '-o', join(work, 'live.png')];
    const child = spawn('strace', args, { cwd: work, env, stdio: ['pipe', 'ignore', 'pipe'] });
    let err = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
    for (let second = 0; second < SECONDS; second++) {
      child.stdin.write(`a red fox ${second}\n`);
      await wait(1000);
    }
    child.stdin.end();
    expect(await ended, err).toBe(0);

    const calls = readFileSync(trace, 'utf8');
    expect(calls.length).toBeGreaterThan(10_000);
    expect(readdirSync(work), 'it drew').toEqual(['live.png']);
    expect(calls.split('\n').filter((line) => /AF_INET/.test(line))).toEqual([]); // not even loopback: no socket, so no name is looked up
    expect(readdirSync(home)).toEqual([]);
    const own = new RegExp(`^(${work}|${temporary}|/dev/|/proc/)`);
    expect(written(calls).filter((path) => !own.test(path) && !/^(pipe|socket):/.test(path))).toEqual([]);
  },
);
