// The result of an evaluation as data, and as one page for people. Every score of the model stands beside the same score of
// real renders, and every figure with what it was measured on.
import type { Accuracy, JudgeFile } from './judge.ts';
import type { ColourResult, PictureResult, Score } from './pictures.ts';
import type { Edges, ReconstructionResult } from './reconstruction.ts';

export interface Evaluation {
  readonly date: string;
  readonly command: string;
  readonly commit: string;
  /** One line: processor, memory, versions. */
  readonly machine: string;
  readonly preset: string;
  /** Name of the model, and the file that it was read from. */
  readonly model: string;
  readonly file: string;
  readonly mode: 'quick' | 'full';
  readonly seconds: number;
  readonly guidance: number;
  /** Of the products: 'float32', 'int8', 'int4'. */
  readonly precision: string;
  readonly autoencoder?: ReconstructionResult;
  readonly judge?: Omit<JudgeFile, 'weights' | 'classes'> & { readonly concepts: number; readonly styles: number; readonly backgrounds: number };
  readonly pictures?: Pick<PictureResult, 'sets' | 'agreement'>;
  readonly colours?: ColourResult;
  /** The least convincing pictures: caption, seed, what the judge took it for. */
  readonly worst?: readonly { caption: string; seed: number; probability: number; seenAs: string }[];
}

const percent = (x: number) => (Number.isFinite(x) ? `${(100 * x).toFixed(1)} %` : '-');
const decibel = (x: number) => (Number.isFinite(x) ? `${x.toFixed(2)} dB` : '-');
const width = (x: number) => (Number.isFinite(x) ? `${x.toFixed(2)} px` : '-');

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`;
  return `${line(head)}${line(head.map((_, i) => (i === 0 ? '---' : '---:')))}${rows.map(line).join('')}`;
}

function autoencoderPart({ psnr, large }: ReconstructionResult): string {
  const scenes = Object.entries(psnr).map(([side, p]) => [`${side} px`, decibel(p.mean), decibel(p.worst), String(p.scenes)]);
  const edge = (e: Edges) => `${width(e.width)}${e.lost > 0 ? `, ${percent(e.lost)} lost` : ''}`;
  const pieces = Object.entries(large).flatMap(([side, l]) => [
    [`${side} px, the SVG itself`, '-', width(l.truth), `${l.edges} edges in ${l.pieces} pieces`],
    [`${side} px, ours`, decibel(l.ours.psnr), edge(l.ours), ''],
    [`${side} px, bicubic of the SVG at 512 px`, decibel(l.bicubic.psnr), edge(l.bicubic), ''],
    [`${side} px, bicubic of ours at 512 px`, decibel(l.bicubicOfOurs.psnr), edge(l.bicubicOfOurs), ''],
  ]);
  return `## Autoencoder, held-out scenes

Encoded and drawn back, over white, without the alpha channel.

${table(['drawn at', 'PSNR, mean', 'worst', 'scenes'], scenes)}
Pieces of large pictures, on their edges; edge width is 10-90 %, the median of clean edges.

${table(['', 'PSNR', 'edge width', ''], pieces)}`;
}

function judgePart({ accuracy, training, concepts, styles, backgrounds }: NonNullable<Evaluation['judge']>): string {
  const row = (name: string, a: Accuracy) => [name, percent(a.concept), percent(a.style), percent(a.background), String(a.count)];
  return `## Judge

Our own network (${concepts} concepts, ${styles} styles, ${backgrounds} backgrounds), trained on real renders only: ${training}.
Its accuracy on renders that it has not seen:

${table(['combinations', 'concept', 'style', 'background', 'renders'], [row('seen by the model', accuracy.seen), row('held out', accuracy.heldOut)])}`;
}

function picturesPart({ sets, agreement }: NonNullable<Evaluation['pictures']>): string {
  const row = (set: string, who: string, s: Score) => [set, who, percent(s.concept), percent(s.concept5), percent(s.style), percent(s.background), String(s.count)];
  const rows = Object.entries(sets).flatMap(([set, { real, variants }]) => [row(set, 'real renders', real), ...Object.entries(variants).map(([name, s]) => row('', name, s))]);
  const agree = Object.entries(agreement).map(([name, a]) => [name, decibel(a.psnr), percent(a.sameConcept)]);
  const last = Object.values(sets)[0] && Object.keys(Object.values(sets)[0]!.variants).at(-1);
  return `## Concept, style and background

One object each, drawn at 128 px and judged at 64 px; the real renders are of the same cases.

${table(['prompts', 'drawn by', 'concept, first', 'among five', 'style', 'background', 'pictures'], rows)}
${agree.length > 0 ? `### Steps\n\nBeside ${last} at the same seeds.\n\n${table(['', 'PSNR', 'same concept'], agree)}` : ''}`;
}

function coloursPart(colours: ColourResult): string {
  const names = Object.keys(Object.values(colours)[0]?.variants ?? {});
  const rows = Object.entries(colours).map(([set, c]) => [set, percent(c.real), ...names.map((n) => percent(c.variants[n]!)), String(c.count)]);
  return `## Colours

Simple objects in a colour that is not theirs: is most of the thing in the colour that was asked for?

${table(['', 'real renders', ...names, 'pictures'], rows)}`;
}

function worstPart(worst: NonNullable<Evaluation['worst']>): string {
  const rows = worst.slice(0, 12).map((w) => [w.caption, String(w.seed), percent(w.probability), w.seenAs]);
  return `## The least convincing\n\nOn the sheet each stands beside the real render of its case.\n\n${table(['prompt', 'seed', 'probability', 'seen as'], rows)}`;
}

/** The page. */
export function markdown(e: Evaluation): string {
  const parts = [
    `# Evaluation of ${e.model}, ${e.mode} mode

- ${e.date.slice(0, 10)}, commit ${e.commit}, preset ${e.preset}, ${e.file}, guidance ${e.guidance}, ${e.precision}
- ${e.machine}
- \`${e.command}\`, ${e.seconds.toFixed(0)} s
`,
    e.autoencoder && autoencoderPart(e.autoencoder),
    e.judge && judgePart(e.judge),
    e.pictures && picturesPart(e.pictures),
    e.colours && coloursPart(e.colours),
    e.worst && e.worst.length > 0 && worstPart(e.worst),
  ];
  return parts.filter((p) => typeof p === 'string').join('\n');
}
