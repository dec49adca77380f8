// The passes in the order in which they help each other. Call one of these before a graph is compiled or written.
import type { Graph } from '../value.ts';
import { dead } from './dead.ts';
import { fold } from './fold.ts';
import { fuse } from './fuse.ts';
import { share } from './share.ts';

/** For running only: folded, shared, and fused into operators that have no gradient. */
export function forInference(g: Graph): Graph {
  return dead(share(fold(fuse(share(fold(g))))));
}

/** For a training step: folded and shared; still primitives only. Inputs stay, so that a feed may hold all of them. */
export function forTraining(g: Graph): Graph {
  return share(fold(g));
}
