// The result of an evaluation as data, and as one page for people. Every score of the model stands beside the same score of
// real renders, under a line that says how good the judges are on renders that they have not seen.
import type { ConceptResult, ConceptScore } from './concepts.ts';
import type { FreeScore } from './free-sentences.ts';
import { meanScore, TASK_NAMES, type GenEvalResult, type TaskScore } from './geneval.ts';
import type { IdentityResult, IdentityScore } from './identity.ts';
import type { JudgeAccuracy } from './judges/judges.ts';
import type { StepsResult } from './steps.ts';
import type { Miss } from './suite.ts';

export interface Evaluation {
  readonly date: string;
  readonly command: string;
  readonly commit: string;
  /** One line: processor, memory, versions. */
  readonly machine: string;
  readonly preset: string;
  /** Name of the model, the file that it was read from and the beginning of its SHA-256. */
  readonly model: string;
  readonly file: string;
  readonly hash: string;
  readonly mode: 'quick' | 'full';
  /** Of this run; what earlier runs had judged already took no time. */
  readonly seconds: number;
  /** How its pictures were drawn where nothing else is said. */
  readonly steps: number;
  /** Of the products: 'float32', 'int8', 'int4'. */
  readonly precision: string;
  /** Side in pixels. */
  readonly side: number;
  readonly judges?: {
    readonly hash: string;
    readonly accuracy: JudgeAccuracy;
    readonly training: Readonly<Record<string, string>>;
    readonly concepts: number;
    readonly styles: number;
    readonly backgrounds: number;
  };
  readonly geneval?: GenEvalResult;
  /** Pictures of each prompt of GenEval. */
  readonly pictures?: number;
  readonly concepts?: ConceptResult;
  readonly identity?: IdentityResult;
  /** Sentences that no grammar of ours makes. */
  readonly free?: Readonly<Record<string, FreeScore>>;
  readonly stepsAndBits?: StepsResult;
  /** The pictures furthest from right. */
  readonly worst?: readonly Pick<Miss, 'part' | 'caption' | 'seed' | 'why' | 'nearness'>[];
  /** Parts that were left out, and why. */
  readonly notes: readonly string[];
}

const percent = (x: number) => (Number.isFinite(x) ? `${(100 * x).toFixed(1)} %` : '-');
const decibel = (x: number | undefined) => (x !== undefined && Number.isFinite(x) ? `${x.toFixed(2)} dB` : '-');

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`;
  return `${line(head)}${line(head.map((_, i) => (i === 0 ? '---' : '---:')))}${rows.map(line).join('')}`;
}

type JudgesOf = NonNullable<Evaluation['judges']>;

function judgesPart({ accuracy: a, training, concepts, styles, backgrounds, hash }: JudgesOf): string {
  const { detector, classifier, colour, characters } = a;
  const boxes = (name: string, c: (typeof classifier)['trueBoxes']): string[][] => [
    [`concept, ${name}`, percent(c.concept), `${c.count} objects`],
    [`among five, ${name}`, percent(c.concept5), ''],
    [`style, ${name}`, percent(c.style), ''],
  ];
  const rows = [
    ['objects found, F1 at IoU 0.5', percent(detector.f1), `${detector.objects} objects in ${detector.scenes} scenes`],
    ['background', percent(detector.background), `${detector.scenes} scenes`],
    ...boxes('true boxes', classifier.trueBoxes),
    ...boxes('found boxes', classifier.foundBoxes),
    ['colour', percent(colour.right), `${colour.count} recoloured objects`],
    ['the same character among 32', percent(characters.identity), `${characters.count} characters`],
    ...Object.entries(characters.attributes).map(([name, right]) => [`character: ${name}`, percent(right), '']),
  ];
  return `## Judges

Our own networks (${concepts} concepts, ${styles} styles, ${backgrounds} backgrounds; file ${hash}), trained on real renders only, and how often they are right on real renders that they
have not seen:

${table(['', 'right', 'of'], rows)}
${Object.entries(training)
  .map(([name, how]) => `- ${name}: ${how}`)
  .join('\n')}
`;
}

/** How good the judges of a part are, in a sentence beneath its heading. */
const trust = ({
  accuracy: {
    detector,
    classifier: { foundBoxes: c },
    colour,
  },
}: JudgesOf) =>
  `Judges, on unseen real renders: objects ${percent(detector.f1)} (F1), concept ${percent(c.concept)}, among five ${percent(c.concept5)}, style ${percent(c.style)}, background ${percent(detector.background)}, colour ${percent(colour.right)}.`;

function genevalPart(sets: GenEvalResult, pictures: number, judges: JudgesOf): string {
  const cells = (drawn: Pick<TaskScore, 'first' | 'five'>, real: Pick<TaskScore, 'first' | 'five'>) => [
    percent(drawn.first),
    percent(real.first),
    percent(drawn.five),
    percent(real.five),
  ];
  const parts = Object.entries(sets).map(([set, tasks]) => {
    const rows = TASK_NAMES.flatMap((task) => {
      const t = tasks[task];
      return t ? [[task, ...cells(t.drawn, t.real), `${t.prompts} x ${pictures}`]] : [];
    });
    const mean = (who: 'real' | 'drawn') => ({ first: meanScore(tasks, who, 'first'), five: meanScore(tasks, who, 'five') });
    const head = ['', 'right', 'real renders', 'right, concept among five', 'real renders', 'prompts x pictures'];
    return `### ${set[0]!.toUpperCase()}${set.slice(1)}\n\n${table(head, [...rows, ['**mean**', ...cells(mean('drawn'), mean('real')), '']])}`;
  });
  return `## House GenEval

GenEval's six tasks with things of our own domain, judged by its rules: every thing that the prompt names is found (by the judge's first choice of concept, or one of its first five); exactly as many as
it says; in the colour it says; centres apart the way it says by more than a tenth of both sizes. Real renders are SVGs of the same prompts.
${trust(judges)}

${parts.join('\n')}`;
}

function conceptsPart(sets: ConceptResult, judges: JudgesOf): string {
  const row = (set: string, who: string, s: ConceptScore) => [
    set,
    who,
    percent(s.concept),
    percent(s.concept5),
    percent(s.style),
    percent(s.background),
    String(s.count),
  ];
  const rows = Object.entries(sets).flatMap(([set, { real, drawn }]) => [row(set, 'the model', drawn), row('', 'real renders', real)]);
  return `## Concept, style and background

One thing each; judged is the most certain object in the picture.
${trust(judges)}

${table(['prompts', 'drawn by', 'concept, first', 'among five', 'style', 'background', 'pictures'], rows)}`;
}

function identityPart(sets: IdentityResult, { accuracy: { characters } }: JudgesOf): string {
  const row = (n: string, who: string, s: IdentityScore) => [
    n,
    who,
    percent(s.found),
    percent(s.match),
    percent(s.bleeding),
    percent(s.asked),
    percent(s.kept),
    percent(s.copied),
    String(s.subjects),
  ];
  const rows = Object.entries(sets).flatMap(([n, { real, drawn }]) => [row(n, 'the model', drawn), row('', 'real renders', real)]);
  return `## Identity

Held-out characters, each given as a picture with another expression. Match: of all subjects, those whose figure (assigned by the Hungarian method) is liker to its own reference than to the others of the scene and to
31 more of the same maker. Bleeding: of the attributes that another subject has otherwise, those that came from another. Expression: of the figures found, as asked, or the reference's instead. Copies: at
least 25 dB beside the reference's pixels.
Judges, on unseen real renders: identity among 32 ${percent(characters.identity)}, ${Object.entries(characters.attributes)
    .map(([name, right]) => `${name} ${percent(right)}`)
    .join(', ')}.

${table(['subjects', 'drawn by', 'found', 'match', 'bleeding', 'expression as asked', "reference's", 'copies', 'of'], rows)}`;
}

function freePart(sets: NonNullable<Evaluation['free']>, judges: JudgesOf): string {
  const rows = Object.entries(sets).map(([set, s]) => [set, percent(s.shown), percent(s.shown5), String(s.count)]);
  return `## Free sentences

Sentences as people type them, that no grammar of ours makes; right is a picture that shows the thing.
${trust(judges)}

${table(['', 'shown', 'concept among five', 'sentences'], rows)}`;
}

function stepsPart({ reference, variants }: StepsResult, judges: JudgesOf): string {
  const rows = Object.entries(variants).map(([name, s]) => [
    name,
    percent(s.first),
    percent(s.five),
    name === reference ? '-' : decibel(s.psnr),
    String(s.count),
  ]);
  return `## Steps and bits

The first prompts of house GenEval (seen combinations), one picture each from the same seeds: mean over the tasks, and PSNR beside ${reference}, the median.
${trust(judges)}

${table(['', 'right', 'concept among five', 'PSNR', 'pictures'], rows)}`;
}

function worstPart(worst: NonNullable<Evaluation['worst']>): string {
  const rows = worst.map((w) => [w.caption.replaceAll('|', '/').replace(/<(\d)>/g, '&lt;$1&gt;'), w.part, w.why, String(w.seed)]);
  return `## The furthest from right\n\n${table(['prompt', 'part', 'what is wrong', 'seed'], rows)}`;
}

/** The page. `sheet`: path of the picture of the worst, beside it. */
export function markdown(e: Evaluation, sheet?: string): string {
  const { judges } = e;
  const parts = [
    `# Evaluation of ${e.model}, ${e.mode} mode

- ${e.date.slice(0, 10)}, commit ${e.commit}, preset ${e.preset}, ${e.file} (${e.hash})
- Pictures of ${e.side} px in ${e.steps} step${e.steps === 1 ? '' : 's'}, ${e.precision}, where nothing else is said
- ${e.machine}
- \`${e.command}\`, ${e.seconds.toFixed(0)} s
${e.notes.map((note) => `- Left out: ${note}\n`).join('')}`,
    judges && judgesPart(judges),
    judges && e.geneval && genevalPart(e.geneval, e.pictures ?? 1, judges),
    judges && e.concepts && conceptsPart(e.concepts, judges),
    judges && e.identity && identityPart(e.identity, judges),
    judges && e.free && freePart(e.free, judges),
    judges && e.stepsAndBits && stepsPart(e.stepsAndBits, judges),
    '## Speed\n\nMeasured by `npm run bench`, on an idle machine: docs/results/bench.json.\n',
    e.worst && e.worst.length > 0 && worstPart(e.worst),
    sheet !== undefined &&
      `Each beside a real render of its prompt:\n\n![the pictures furthest from right, each beside a real render](${sheet})\n`,
  ];
  return parts.filter((p) => typeof p === 'string').join('\n');
}
