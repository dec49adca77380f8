// Whether a Peel that is on breaks prompts that have nothing to do with it: captions of the base's own world, drawn by the base and with the
// Peel at weight 1 but without its words, at the same seeds, and what the house judges take them for.
import type { PeelStack } from '../../adapters/stack.ts';
import type { DataOptions } from '../../data/sample.ts';
import { conceptCases } from '../cases.ts';
import { loadJudges, openJudges } from '../judges/judges.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { imageToTensor } from '../../image/image.ts';
import type { Draw } from './scores.ts';

/** Share of cases whose concept is among the judges' first 1 and 5 guesses, 0 to 1. */
export interface ConceptScore {
  readonly first: number;
  readonly five: number;
  readonly count: number;
}

export interface Concepts {
  /** The score of what is drawn with a stack on, its words left out. */
  score(draw: Draw, stack: PeelStack): Promise<ConceptScore>;
  release(): Promise<void>;
}

const SEED = 930_000;

/** The judges of a file, and the cases that they are asked about. */
export async function openConcepts(path: string, runtime: Runtime, data: DataOptions, count: number): Promise<Concepts> {
  const judges = await openJudges(runtime, await loadJudges(path));
  const cases = conceptCases(data, { name: 'seen', split: 'train', language: 'en' }, count, SEED);
  return {
    async score(draw, stack) {
      let [first, five] = [0, 0];
      for (const [i, { caption, truth }] of cases.entries()) {
        const { objects } = await judges.find(imageToTensor(await draw(caption, SEED + i, stack, { triggers: false })));
        const seen = objects[0]?.concept;
        const right = judges.classes.concept.indexOf(truth.concept);
        const rank = seen && right >= 0 ? seen.filter((p) => p > seen[right]!).length : Infinity;
        first += Number(rank < 1);
        five += Number(rank < 5);
      }
      return { first: first / cases.length, five: five / cases.length, count: cases.length };
    },
    release: () => judges.release(),
  };
}
