// A pool of drawing processes. resvg can abort its process, uncatchably; here that costs one picture: the job is
// reported as failed and a fresh process goes on with the next. Results come back in order. Long work is an async
// generator, so progress is what it yields and cancelling is `break`.
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { RuntimeError } from '../util/errors.ts';
import type { RenderJob } from './draw.ts';

export type { Rect, RenderJob } from './draw.ts';

/** What became of a job: pixels (premultiplied RGBA), or why there are none. */
export type Rendered = { pixels: Uint8Array; error?: undefined } | { pixels?: undefined; error: string };

export interface RenderPool {
  /** Draws one picture; resolves also when it failed. */
  render(job: RenderJob): Promise<Rendered>;
  /** Draws many, in order, keeping every process busy. */
  renderAll(jobs: Iterable<RenderJob>): AsyncGenerator<Rendered, void>;
  /** Ends the processes; jobs still waiting fail. */
  close(): void;
}

interface Waiting {
  job: RenderJob;
  resolve: (result: Rendered) => void;
  timer?: NodeJS.Timeout;
}

interface Worker {
  child: ChildProcess;
  current?: Waiting;
}

const source = import.meta.url.endsWith('.ts');
const script = fileURLToPath(new URL(source ? './render-child.ts' : './render-child.js', import.meta.url));

/** Starts a pool. `processes`: how many pictures are drawn at once. `seconds`: a job that takes longer is given up. */
export function renderPool({ processes = 1, seconds = 60 }: { processes?: number; seconds?: number } = {}): RenderPool {
  const queue: Waiting[] = [];
  const workers = new Set<Worker>();
  let closed = false;
  let id = 0;

  function start(): Worker {
    const child = fork(script, [], {
      serialization: 'advanced',
      execArgv: source ? ['--import', 'tsx'] : [],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const worker: Worker = { child };
    workers.add(worker);
    child.on('error', () => end(worker, 'the drawing process could not be started'));
    child.on('exit', (code, signal) => end(worker, `the drawing process ended (${signal ?? `code ${code}`})`));
    return worker;
  }

  function end(worker: Worker, reason: string): void {
    if (!workers.delete(worker)) return;
    const { current } = worker;
    delete worker.current;
    if (current) clearTimeout(current.timer);
    current?.resolve({ error: reason });
    if (!closed) next();
  }

  function next(): void {
    while (queue.length) {
      let idle = [...workers].find((w) => !w.current);
      if (!idle && workers.size < processes) idle = start();
      if (!idle) return;
      send(idle, queue.shift()!);
    }
  }

  function send(worker: Worker, waiting: Waiting): void {
    worker.current = waiting;
    const sent = id++;
    waiting.timer = setTimeout(() => worker.child.kill('SIGKILL'), seconds * 1000);
    const answer = (message: { id: number; pixels?: Uint8Array; error?: string }) => {
      if (message.id !== sent) return;
      settle(message.pixels ? { pixels: message.pixels } : { error: message.error ?? 'no picture' });
    };
    const settle = (result: Rendered) => {
      clearTimeout(waiting.timer);
      worker.child.off('message', answer);
      delete worker.current;
      waiting.resolve(result);
      next();
    };
    worker.child.on('message', answer);
    worker.child.send({ id: sent, job: waiting.job }, (error) => {
      if (error) worker.child.kill('SIGKILL');
    });
  }

  const self: RenderPool = {
    render(job) {
      if (closed) return Promise.reject(new RuntimeError('data.render', 'the render pool is closed'));
      return new Promise((resolve) => {
        queue.push({ job, resolve });
        next();
      });
    },
    async *renderAll(jobs) {
      const ahead: Promise<Rendered>[] = [];
      for (const job of jobs) {
        ahead.push(self.render(job));
        if (ahead.length > 3 * processes) yield await ahead.shift()!;
      }
      while (ahead.length) yield await ahead.shift()!;
    },
    close() {
      closed = true;
      for (const w of workers) w.child.kill('SIGKILL');
      for (const w of queue.splice(0)) w.resolve({ error: 'the render pool was closed' });
    },
  };
  return self;
}
