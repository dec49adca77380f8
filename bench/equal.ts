// Do equal requests give equal bytes, whatever else the machine does? 100 requests of one prompt and seed, in waves of ten at a time, while
// other processes take every core: `npm run bench:equal -- [--requests N] [--model FILE]`. Half of the PNGs are encoded while they are
// drawn, as the command does, half afterwards; the two kinds differ in their bytes, and each must have one SHA-256. Exit code 1 if not.
import { createHash } from 'node:crypto';
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { drawnFiles, openBanana, type NodeBanana } from '../src/node/index.ts';
import type { GenerateOptions } from '../src/draw/request.ts';

const { values } = parseArgs({ options: { requests: { type: 'string', default: '100' }, model: { type: 'string' } } });
const requests = Number(values.requests);
const AT_ONCE = 10;
const REQUEST: GenerateOptions = { prompt: 'a red fox in the snow, flat style', seed: 7, steps: 2, preview: 0 };

async function streamed(banana: NodeBanana): Promise<Uint8Array> {
  const files = drawnFiles(true);
  for await (const event of banana.generate(REQUEST)) {
    files.see(event);
    if (event.type === 'image') return files.file(event, 'png');
  }
  throw new Error('nothing was drawn');
}

const WAYS = { streamed, whole: async (banana: NodeBanana) => (await banana.picture(REQUEST)).encode('png') };

/** How often each hash came, by the way that the file was made. */
async function count(banana: NodeBanana): Promise<Record<keyof typeof WAYS, Record<string, number>>> {
  const found = { streamed: {} as Record<string, number>, whole: {} as Record<string, number> };
  for (let from = 0; from < requests; from += AT_ONCE)
    await Promise.all(
      Array.from({ length: Math.min(AT_ONCE, requests - from) }, async (_, i) => {
        const way = i % 2 ? 'streamed' : 'whole';
        const hash = createHash('sha256')
          .update(await WAYS[way](banana))
          .digest('hex');
        found[way][hash] = (found[way][hash] ?? 0) + 1;
      }),
    );
  return found;
}

const busy = Array.from({ length: availableParallelism() }, () => spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }));
const banana = await openBanana(values.model === undefined ? {} : { model: values.model });
try {
  const from = performance.now();
  const found = await count(banana);
  console.log(JSON.stringify({ requests, busy: busy.length, seconds: Math.round((performance.now() - from) / 1000), found }, null, 2));
  process.exitCode = Object.values(found).every((hashes) => Object.keys(hashes).length === 1) ? 0 : 1;
} finally {
  await banana.close();
  for (const child of busy) child.kill();
}
