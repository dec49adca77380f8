// What a running batch tells: each picture's path as it is written, a line of progress with the time that is left, and at the end how
// many rows are drawn, skipped and failed, with the reasons of the first. Standard output holds pictures, or one JSON object.
import type { TextEvent } from '../draw/events.ts';
import type { BatchEvent } from '../jobs/batch.ts';
import { RuntimeError } from '../util/errors.ts';
import { progressLine, type Io } from './io.ts';
import { duration, several } from './text.ts';

/** How many failed rows are told with their reason: the others are in the journal. */
const TOLD = 20;
/** Seconds between lines of progress where no line can change in place. */
const EVERY = 30;

export interface Report {
  see(event: BatchEvent): void;
  /** How far it is. */
  state(): string;
  clear(): void;
  /** Tells the summary. Throws RuntimeError `batch.failed` when rows failed. */
  end(pages: readonly string[], journal: string): void;
}

const advice = (journal: string) => `mend them and give the same command again; all reasons are in ${journal}`;

/** `total`: rows, where that is known; `warning`: what to say of a prompt that is too long. */
export function reportOf(
  io: Io,
  { total, json, warning }: { total: number | undefined; json: boolean; warning: (event: TextEvent) => string },
): Report {
  const count = { rows: 0, drawn: 0, skipped: 0, failed: 0 };
  const failures: string[] = [];
  const progress = progressLine(io);
  const say = (line: string) => (progress.clear(), io.err(`${line}\n`));
  const from = performance.now();
  const seconds = () => (performance.now() - from) / 1000;
  let told = 0;
  const state = () => {
    const each = seconds() / (count.drawn || 1);
    const left = total !== undefined && count.drawn > 0 ? `  ${each.toFixed(1)} s a row  ETA ${duration(each * (total - count.rows))}` : '';
    return `row ${count.rows + 1}${total === undefined ? '' : ` of ${total}`}${count.failed ? `  ${count.failed} failed` : ''}${left}`;
  };
  const lists: { [T in BatchEvent['type']]: (event: Extract<BatchEvent, { type: T }>) => void } = {
    text: ({ row, text }) => text.truncated > 0 && say(`row ${row}: ${warning(text)}`),
    step: ({ picture, pictures, step, steps }) =>
      progress.show(`${state()}  ${pictures > 1 ? `picture ${picture} of ${pictures}  ` : ''}step ${step} of ${steps}`),
    picture({ path, recipe: { width, height, seed } }) {
      progress.clear();
      if (!json) io.out(`${path}  ${width}x${height}  seed ${seed}\n`);
    },
    row(event) {
      if (event.outcome === 'failed' && failures.length < TOLD)
        failures.push(`row ${event.row}: ${event.error.message.replace(/\s*\n\s*/g, ' ')}`);
      if (!io.terminal && seconds() > told + EVERY) say(state()), (told = seconds());
      count.rows++;
      count[event.outcome]++;
    },
  };
  return {
    see: (event) => (lists[event.type] as (event: BatchEvent) => void)(event),
    state,
    clear: () => progress.clear(),
    end(pages, journal) {
      progress.clear();
      for (const line of failures) io.err(`${line}\n`);
      if (json) io.out(`${JSON.stringify(count)}\n`);
      else {
        for (const page of pages) io.out(`${page}\n`);
        io.out(
          `${several(count.rows, 'row')}: ${count.drawn} drawn, ${count.skipped} skipped, ${count.failed} failed  ${duration(seconds())}\n`,
        );
      }
      if (count.failed > 0)
        throw new RuntimeError('batch.failed', `${several(count.failed, 'row')} of ${count.rows} could not be drawn: ${advice(journal)}`);
    },
  };
}
