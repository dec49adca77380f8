// Training the reader of characters: figures of every maker drawn once on transparent canvases, from seeds of its own, and
// composed with backgrounds like the crops of the classifier. Resumable: figures and crops follow from seed and step.
import { MAKERS, type Identity, type Maker } from '../../data/makers.ts';
import { renderPool } from '../../data/render.ts';
import { sceneSvg } from '../../data/scenes.ts';
import { initialize } from '../../nn/scope.ts';
import { readSafetensors } from '../../disk/files.ts';
import { int64, tensor, type Tensors } from '../../tensor/tensor.ts';
import { cosineRate, train } from '../../train/loop.ts';
import { averageOf } from '../../train/step.ts';
import { random, type Random } from '../../util/random.ts';
import { ATTRIBUTES, FIGURE, readerProgram, traitsOf, type TraitClasses, type Traits } from './characters.ts';
import { composeCrop } from './compose.ts';
import { drawBackdrops, type Bank, type Drawn } from './sprite-bank.ts';
import { trained, type JudgeTraining } from './train-classifier.ts';

export interface DrawnFigure extends Drawn {
  readonly traits: Traits;
}

const CANVAS = { side: 80, art: 0.9 } as const;

/** One figure with one expression. */
export interface Figure {
  readonly maker: Maker;
  readonly who: Identity;
  readonly expression: string;
}

/** A figure of a random maker: each maker as often. */
export function randomFigure(rng: Random, maker = rng.pick(MAKERS)): Figure {
  const who = maker.identity(rng);
  return { maker, who, expression: rng.pick(Object.keys(maker.expressions(who))) };
}

/** Figures drawn on transparent canvases, one a group, and backgrounds. */
export async function drawFigures(
  figures: readonly Figure[],
  rng: Random,
  { sceneries = 8, processes = 2 } = {},
): Promise<Bank<DrawnFigure>> {
  const wanted = figures.map(({ maker, who, expression }) => {
    const drawn = maker.draw(who, expression);
    const [, , vw = 1, vh = 1] = drawn.viewBox.split(' ').map(Number);
    const [w, h] = [vw, vh].map((v) => (CANVAS.art * v) / Math.max(vw, vh)) as [number, number];
    const svg = sceneSvg({
      width: 256,
      height: 256,
      background: { kind: 'transparent', seed: 0 },
      objects: [],
      art: [{ ...drawn, box: [0.5 - w / 2, 0.5 - h / 2, w, h], flip: false }],
    });
    return { traits: traitsOf(maker, who, expression), art: [w, h] as const, bust: maker.bust, paintable: false, svg };
  });
  const pool = renderPool({ processes, seconds: 600 });
  const drawings: DrawnFigure[][] = [];
  try {
    let i = 0;
    for await (const { pixels } of pool.renderAll(wanted.map(({ svg }) => ({ svg, width: CANVAS.side, height: CANVAS.side })))) {
      const { svg: _, ...facts } = wanted[i++]!;
      if (pixels) drawings.push([{ ...facts, bytes: Uint8Array.from(pixels) }]);
    }
  } finally {
    pool.close();
  }
  return { canvas: CANVAS, drawings, backdrops: await drawBackdrops(rng, sceneries) };
}

/** How the crops of a step are drawn from the figures. */
export function figureBatches(
  bank: Bank<DrawnFigure>,
  classes: TraitClasses,
  { seed, batch }: { seed: number; batch: number },
): (step: number) => Tensors {
  const pick = (rng: Random) => rng.pick(bank.drawings);
  const size = FIGURE.side ** 2 * 4;
  return (step) => {
    const rng = random(seed).split(`figures:${step}`);
    const bytes = new Uint8Array(batch * size);
    const shown = Array.from({ length: batch }, (_, i) =>
      composeCrop(bank, pick, rng, FIGURE.side, FIGURE.margin, bytes.subarray(i * size, (i + 1) * size)),
    );
    const labels = ATTRIBUTES.map((a) => [
      `label.${a}`,
      int64(
        [batch, 1],
        shown.map(({ traits }) => Math.max(0, classes[a].indexOf(traits[a]))),
      ),
    ]);
    return { crop: tensor('uint8', [batch, FIGURE.side, FIGURE.side, 4], bytes), ...(Object.fromEntries(labels) as Tensors) };
  };
}

/** Trains the reader on `figures` figures, or goes on with its checkpoint; its weights, averaged. */
export async function trainReader(
  classes: TraitClasses,
  figures: number,
  { runtime, seed, steps, seconds: limit = Infinity, batch, rate, checkpoint, logFile, log = () => {} }: JudgeTraining,
): Promise<Tensors> {
  const { program, specs } = readerProgram(classes, batch);
  const finished = await trained(checkpoint, specs, steps);
  if (finished) return finished;
  const rng = random(seed).split('reader');
  log(`reader: drawing ${figures} figures`);
  const drawn = rng.split('figures');
  const bank = await drawFigures(
    Array.from({ length: figures }, () => randomFigure(drawn)),
    rng.split('backdrops'),
  );
  const run = train({
    runtime,
    program,
    steps,
    seconds: limit,
    checkpoint,
    weights: initialize(specs, rng.split('weights')),
    batch: figureBatches(bank, classes, { seed, batch }),
    rate: cosineRate(rate, { warm: 0.03 }),
    ...(logFile !== undefined && { log: logFile }),
  });
  for await (const { step, seconds, metrics } of run)
    log(
      `reader  step ${step}/${steps}  ${seconds.toFixed(0)} s  cpu ${(process.cpuUsage().user / 1e6).toFixed(0)} s  ${Object.entries(
        metrics,
      )
        .map(([key, x]) => `${key} ${x.toPrecision(3)}`)
        .join('  ')}`,
    );
  return averageOf((await readSafetensors(checkpoint)).tensors, specs);
}
