// Fewer steps and fewer bits beside the whole: the same prompts from the same seeds by every variant, each scored by the rules of
// GenEval and compared pixel by pixel with one of them.
import type { Tensor } from '../tensor/tensor.ts';
import { TASK_NAMES, type Prompt } from './geneval.ts';
import { average, median, psnrOverWhite } from './metrics.ts';
import { wrongWith, type Strictness } from './rule.ts';
import { sightOfDrawn, type Suite, type Variant } from './suite.ts';

export interface StepsScore extends Readonly<Record<Strictness, number>> {
  /** Pictures; the shares are means over the tasks of GenEval. */
  readonly count: number;
  /** In dB over white at equal seeds, the median; undefined for the reference itself. */
  readonly psnr?: number;
}
export interface StepsResult {
  /** The variant that the others are compared with. */
  readonly reference: string;
  readonly variants: Readonly<Record<string, StepsScore>>;
}

/** Of equal pictures, whose PSNR is infinite. */
const MOST = 99;

/** Draws every prompt once by every variant. The seeds are those of GenEval's first pictures, of which it draws `pictures` a prompt. */
export async function measureSteps(
  suite: Suite,
  reference: Variant,
  others: readonly Variant[],
  prompts: readonly Prompt[],
  pictures: number,
): Promise<StepsResult> {
  const variants = [...others.filter((v) => v.name !== reference.name), reference];
  const marks = variants.map(() => new Map(TASK_NAMES.map((task) => [task, { first: [] as number[], five: [] as number[] }])));
  const psnr: number[][] = variants.map(() => []);
  for (const [i, { task, caption, index, asked }] of prompts.entries()) {
    const seed = index * pictures;
    const drawn = new Map<Variant, Promise<Tensor>>();
    const once = (v: Variant): Promise<Tensor> => drawn.get(v) ?? drawn.set(v, v.draw(caption, seed)).get(v)!;
    for (const [k, variant] of variants.entries()) {
      const { objects } = await sightOfDrawn(suite, { ...variant, draw: () => once(variant) }, caption, seed);
      for (const strictness of ['first', 'five'] as const)
        marks[k]!.get(task)![strictness].push(Number(wrongWith(asked, objects, strictness) === undefined));
      if (variant === reference) continue;
      const beside = Object.fromEntries(Object.entries(reference.key).map(([field, x]) => [`beside.${field}`, x]));
      psnr[k]!.push(
        await suite.ledger.recall({ ...variant.key, ...beside, what: 'psnr', prompt: caption, seed }, async () =>
          Math.min(MOST, psnrOverWhite(await once(variant), await once(reference))),
        ),
      );
    }
    suite.progress('steps', i + 1, prompts.length);
  }
  const score = (k: number): StepsScore => {
    const tasks = [...marks[k]!.values()].filter((t) => t.first.length > 0);
    const mean = (strictness: Strictness) => average(tasks.map((t) => average(t[strictness])));
    return { count: prompts.length, first: mean('first'), five: mean('five'), ...(psnr[k]!.length > 0 && { psnr: median(psnr[k]!) }) };
  };
  return { reference: reference.name, variants: Object.fromEntries(variants.map((v, k) => [v.name, score(k)])) };
}
