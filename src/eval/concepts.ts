// One thing alone: is it the concept, the style and the background that the prompt says? Seen and held-out combinations, synonyms and
// Dutch, each beside the same shares of the real renders of the very same cases.
import type { Case } from './cases.ts';
import { average } from './metrics.ts';
import { labelOf, sightOfDrawn, sightOfReal, type Miss, type Sight, type Suite, type Variant } from './suite.ts';

/** Shares of pictures that are right; NaN where nothing was asked. */
export interface ConceptScore {
  readonly count: number;
  /** Of the most certain object: the judge's first choice, and one of its first five; no object at all is wrong. */
  readonly concept: number;
  readonly concept5: number;
  readonly style: number;
  /** Of the pictures whose caption says the background. */
  readonly background: number;
}

/** By set. */
export type ConceptResult = Readonly<Record<string, { readonly real: ConceptScore; readonly drawn: ConceptScore }>>;

interface Judged {
  readonly one: Case;
  readonly sight: Sight;
}

function scoreOf(list: readonly Judged[]): ConceptScore {
  const share = (right: (judged: Judged) => boolean, asked = list) => average(asked.map((j) => Number(right(j))));
  return {
    count: list.length,
    concept: share(({ one, sight }) => sight.objects[0]?.concepts[0] === one.truth.concept),
    concept5: share(({ one, sight }) => sight.objects[0]?.concepts.includes(one.truth.concept) ?? false),
    style: share(({ one, sight }) => sight.objects[0]?.style === one.truth.style),
    background: share(
      ({ one, sight }) => sight.background === one.truth.background,
      list.filter(({ one }) => one.backgroundSaid),
    ),
  };
}

/** Draws and judges every case once; a case whose truth cannot be drawn is left out. */
export async function measureConcepts(
  suite: Suite,
  variant: Variant,
  cases: readonly Case[],
): Promise<{ result: ConceptResult; misses: Miss[] }> {
  const [sets, misses]: [Map<string, { real: Judged[]; drawn: Judged[] }>, Miss[]] = [new Map(), []];
  const counts = new Map<string, number>();
  for (const [i, one] of cases.entries()) {
    const seed = counts.get(one.set) ?? 0; // its place in its set, whatever else is measured
    counts.set(one.set, seed + 1);
    const real = await sightOfReal(suite, one.svg);
    if (real) {
      const sight = await sightOfDrawn(suite, variant, one.caption, seed);
      const list = sets.get(one.set) ?? { real: [], drawn: [] };
      list.real.push({ one, sight: real });
      list.drawn.push({ one, sight });
      sets.set(one.set, list);
      const [first] = sight.objects;
      if (first?.concepts[0] !== one.truth.concept) {
        const why = first ? `seen as ${labelOf(suite.judges, first.concepts[0]!)}` : 'nothing there';
        misses.push({
          part: 'concept',
          caption: one.caption,
          seed,
          svg: one.svg,
          why,
          nearness: first?.odds[first.concepts.indexOf(one.truth.concept)] ?? 0,
        });
      }
    }
    suite.progress('concepts', i + 1, cases.length);
  }
  return {
    result: Object.fromEntries([...sets].map(([set, { real, drawn }]) => [set, { real: scoreOf(real), drawn: scoreOf(drawn) }])),
    misses,
  };
}
