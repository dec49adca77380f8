// The server against who sends anything at all: `npm run bench:fuzz [-- --minutes 10] [--checks all]`. Schemathesis (PyPI: `pip install
// schemathesis`) reads /openapi.json and asks for what may be and for what may not be, by itself and in sequences. No answer may be a 500 or
// come too late, and each must be of a kind that the document promises. The model is an untrained tiny one, pictures are small: what is
// looked at is what stands around the drawing.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { narrowed } from '../src/draw/request.ts';
import { openBanana } from '../src/node/index.ts';
import { serve } from '../src/server/listen.ts';
import { tinyModel, workFolder } from '../test/command.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    checks: {
      type: 'string',
      default: 'not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,unsupported_method',
    },
    program: { type: 'string', default: 'schemathesis' },
    seed: { type: 'string', default: '1' },
  },
});
/** Seconds after which an answer is a hang: pictures are drawn in milliseconds, and some wait for others. */
const LATE = 30;

if (spawnSync(values.program, ['--version']).status !== 0) {
  console.error('schemathesis is not there: `pip install schemathesis`, or name it with --program');
  process.exit(2);
}
const { folder, remove } = workFolder();
const limits = narrowed({ side: 512, count: 2, pictureBytes: 4 * 32 ** 2 });
const banana = await openBanana({ model: await tinyModel(folder), threads: 1, limits });
const unforeseen: unknown[] = [];
let answered = 0;
const log = { info: () => void answered++, error: (facts: object) => void unforeseen.push(facts) };
const server = await serve(banana, { port: 0, jobs: join(folder, 'jobs'), room: 256, limits, log });
const options = [
  ['--checks', values.checks],
  ['--max-time', String(Number(values.minutes) * 60)],
  ['--request-timeout', String(LATE)],
  ['--seed', values.seed],
  ['--generation-database', 'none'],
  ['--suppress-health-check', 'all'],
].flat();
const child = spawn(values.program, ['run', `${server.url}/openapi.json`, ...options, '--continue-on-failure', '--no-color'], {
  cwd: folder,
  stdio: ['ignore', 'inherit', 'inherit'],
});
const [code] = (await once(child, 'close')) as [number];
const { status } = await fetch(`${server.url}/health`);
const picture = await banana.picture({ prompt: 'a fox', width: 64, height: 64 }).then(
  () => 'drawn',
  (error: Error) => error.message,
);
await server.close({ patience: 5 });
await banana.close();
remove();
for (const one of unforeseen) console.error(one);
console.log(JSON.stringify({ minutes: Number(values.minutes), answered, code, unforeseen: unforeseen.length, health: status, picture }));
process.exitCode = code === 0 && unforeseen.length === 0 && status === 200 && picture === 'drawn' ? 0 : 1;
