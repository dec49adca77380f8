// A worker of a fleet with drawings of no model, as a process: URL, FOLDER, milliseconds a picture. It says each picture that it begins.
import { openQueue } from '../src/fleet/queue.ts';
import { openResults } from '../src/fleet/results.ts';
import { openWorker } from '../src/fleet/worker.ts';
import { narrowed } from '../src/draw/request.ts';
import { MODEL } from './fake-model.ts';
import { fakeDraw } from './fake-draw.ts';

const [redis, folder, ms] = process.argv.slice(2) as [string, string, string];
const draw = fakeDraw(Number(ms));
const generate: typeof draw = (options) => {
  console.log(`begin ${options.prompt} ${options.seed}`);
  return draw(options);
};
const log = { info: () => {}, error: (facts: object, what: string) => console.error(what, facts) };
await openWorker(
  await openQueue({ redis }),
  await openResults(folder),
  { model: MODEL, generate },
  { limits: narrowed(), log, claim: 1000 },
);
console.log('ready');
