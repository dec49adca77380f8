// `banana worker`: an engine that draws for a fleet's servers (`banana serve --redis URL`). The first signal finishes the job that is drawn,
// a second one ends at once; what was not done another worker does.
import { Command } from 'commander';
import { modelPath } from '../node/models.ts';
import { InputError } from '../util/errors.ts';
import type { Io } from './io.ts';
import { whole } from './options.ts';
import { aborted, openLog, redisOf, servedLimits, withFleet, withLog, type FleetFlags } from './serving.ts';
import { openEngine, stoppable, withEngine, type EngineFlags } from './shared.ts';

interface Flags extends EngineFlags, FleetFlags {
  readonly log: string;
  readonly claim: number;
}

export function workerCommand(io: Io): Command {
  const command = new Command('worker')
    .description('draw for the servers of a fleet, by a queue in Redis')
    .option('--claim <seconds>', 'after which a worker that does not speak has lost its job; default 30', whole, 30);
  return withEngine(withLog(withFleet(command))).action((flags: Flags) => worker(flags, io));
}

async function worker({ redis: _, fleet: name, results, log: level, claim, ...engine }: Flags, io: Io): Promise<void> {
  const redis = redisOf({ redis: _ });
  if (redis === undefined) throw new InputError('fleet.address', 'there is no --redis: say where the Redis of the fleet is');
  if (claim < 1) throw new InputError('fleet.claim', `--claim ${claim}: expected at least a second`);
  modelPath(engine.model ?? engine.preset);
  const [{ openQueue }, { openResults, resultsPlace }, { openWorker }, log] = await Promise.all([
    import('../fleet/queue.ts'),
    import('../fleet/results.ts'),
    import('../fleet/worker.ts'),
    openLog(level, io),
  ]);
  const limits = servedLimits();
  await stoppable(io, async (signal) => {
    const place = await openResults(resultsPlace(results));
    const fleet = await openQueue({ redis, ...(name !== undefined && { name }) });
    try {
      const banana = await openEngine(engine, signal, limits);
      try {
        const working = await openWorker(fleet, place, banana, { limits, log, claim: claim * 1000 });
        io.out(`banana worker of fleet "${fleet.name}" draws with ${banana.model.name}; Ctrl-C stops it\n`);
        await aborted(signal);
        log.info({}, 'stopping: the job that is drawn is finished; a second signal ends at once');
        await working.close();
      } finally {
        await banana.close();
      }
    } finally {
      await fleet.close();
    }
  });
}
