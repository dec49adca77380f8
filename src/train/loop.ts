// The loop around a training step with its files on disk, for recipes (Node): checkpoint and log are paths. The loop itself
// is in run.ts.
import { folderStore } from '../disk/files.ts';
import { runSteps, type Progress, type RunOptions } from './run.ts';

export { cosineRate, type Progress } from './run.ts';

export type LoopOptions = Omit<RunOptions, 'store'>;

/** Trains; yields progress each `logEvery` steps and at the end. Returning early (break) saves a checkpoint first. */
export const train = (options: LoopOptions): AsyncGenerator<Progress> => runSteps({ ...options, store: folderStore('.') });
