import { expect, test } from 'vitest';
import { ATTRIBUTES } from './judges/characters.ts';
import type { TaskScore } from './geneval.ts';
import type { JudgeAccuracy } from './judges/judges.ts';
import { markdown, type Evaluation } from './report.ts';

const boxes = { concept: 0.95, concept5: 0.99, style: 0.98, count: 200 };
const accuracy: JudgeAccuracy = {
  detector: { precision: 0.97, recall: 0.93, f1: 0.95, background: 1, scenes: 100, objects: 180 },
  classifier: { trueBoxes: boxes, foundBoxes: { ...boxes, concept: 0.9 } },
  colour: { right: 0.97, count: 80 },
  characters: {
    attributes: Object.fromEntries(ATTRIBUTES.map((a) => [a, 0.9])) as JudgeAccuracy['characters']['attributes'],
    identity: 0.85,
    count: 64,
  },
};
const task = (first: number, five: number): TaskScore => ({ count: 32, first, five });
const score = { count: 40, concept: 0.5, concept5: 0.75, style: 0.9, background: NaN };
const identity = { subjects: 16, found: 1, match: 0.875, bleeding: 0.1, asked: 0.5, kept: 0.25, copied: 0 };

const evaluation: Evaluation = {
  date: '2026-11-23T00:00:00.000Z',
  command: 'npm run evaluate',
  commit: 'abc',
  machine: 'a machine',
  preset: 'tiny',
  model: 'tiny',
  file: 'models/tiny.safetensors',
  hash: '0123',
  mode: 'quick',
  seconds: 12,
  steps: 4,
  precision: 'float32',
  side: 256,
  pictures: 4,
  notes: ['identity: the model was not trained with references'],
  judges: { hash: '4567', accuracy, training: { detector: '8000 scenes' }, concepts: 20, styles: 2, backgrounds: 20 },
  geneval: {
    'seen, English': {
      'one object': { prompts: 8, real: task(1, 1), drawn: task(0.5, 0.75) },
      counting: { prompts: 8, real: task(0.9, 1), drawn: task(0.25, 0.25) },
    },
  },
  concepts: { 'seen, English': { real: score, drawn: score } },
  identity: { 2: { scenes: 8, real: identity, drawn: identity } },
  free: { English: { count: 30, shown: 0.6, shown5: 0.7, misses: ['crowned'] } },
  stepsAndBits: {
    reference: '4 steps',
    variants: { '1 step': { count: 24, first: 0.4, five: 0.5, psnr: 24.5 }, '4 steps': { count: 24, first: 0.5, five: 0.6 } },
  },
  worst: [{ part: 'identity', caption: '<1> happy', seed: 3, why: '0 of 1 recognised', nearness: 0 }],
};

test('every score beside that of real renders, under what the judges are worth', () => {
  const page = markdown(evaluation, 'worst.webp');
  const part = (title: string) => page.split('\n## ').find((p) => p.startsWith(title))!;
  for (const title of ['House GenEval', 'Concept, style', 'Steps'])
    expect(part(title)).toContain('Judges, on unseen real renders: objects 95.0 % (F1), concept 90.0 %');
  expect(part('Identity')).toContain('identity among 32 85.0 %, maker 90.0 %');
  expect(part('House GenEval')).toContain('| one object | 50.0 % | 100.0 % | 75.0 % | 100.0 % | 8 x 4 |');
  expect(part('House GenEval')).toContain('| **mean** | 37.5 % | 95.0 % | 50.0 % | 100.0 % |  |');
  expect(part('Concept')).toContain('| seen, English | the model | 50.0 % | 75.0 % | 90.0 % | - | 40 |\n|  | real renders |');
  expect(part('Identity')).toContain('| 2 | the model | 100.0 % | 87.5 % | 10.0 % | 50.0 % | 25.0 % | 0.0 % | 16 |');
  expect(part('Free')).toContain('| English | 60.0 % | 70.0 % | 30 |');
  expect(part('Steps')).toContain('| 1 step | 40.0 % | 50.0 % | 24.50 dB | 24 |\n| 4 steps | 50.0 % | 60.0 % | - | 24 |');
  expect(part('The furthest')).toContain('| &lt;1&gt; happy | identity | 0 of 1 recognised | 3 |');
  expect(page.trimEnd().endsWith('(worst.webp)')).toBe(true);
  expect(page.split('\n').slice(0, 8)).toEqual([
    '# Evaluation of tiny, quick mode',
    '',
    '- 2026-11-23, commit abc, preset tiny, models/tiny.safetensors (0123)',
    '- Pictures of 256 px in 4 steps, float32, where nothing else is said',
    '- a machine',
    '- `npm run evaluate`, 12 s',
    '- Left out: identity: the model was not trained with references',
    '',
  ]);
});

test('what was not measured has no heading, and without judges nothing is scored', () => {
  const { judges: _judges, identity: _identity, worst: _worst, ...rest } = evaluation;
  const page = markdown(rest);
  expect(page.match(/^## .*/gm)).toEqual(['## Speed']);
});
