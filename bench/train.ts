// How fast the two long trainings go, on made-up data of the right sizes: samples a second of the autoencoder's step and of
// the teacher's. Data loading is left out; it is a few per cent of a step.
import { preset, CELLS, ENCODER_PIXELS } from '../src/models/banana/config.ts';
import { initialize } from '../src/nn/scope.ts';
import { ortNode } from '../src/runtime/ort-node.ts';
import { float32, int64, scalar, sizeOf, tensor, type Tensors } from '../src/tensor/tensor.ts';
import { autoencoderProgram, cropTables } from '../src/train/autoencoder.ts';
import { NEXT, type Program } from '../src/train/step.ts';
import { gridFeeds } from '../src/train/grids.ts';
import { teacherProgram } from '../src/train/teacher.ts';
import type { Specs } from '../src/nn/scope.ts';
import { random } from '../src/util/random.ts';
import { time, type Summary } from './timing.ts';
import type { MeasureOptions } from './drawing.ts';

const AUTOENCODER_BATCH = 16;
const TEACHER_BATCH = 32;
const CROP = 80;

export async function measureTraining({ preset: name, quick, threads }: MeasureOptions): Promise<object> {
  const config = preset(name);
  const side = (512 / config.latentPixels) * ENCODER_PIXELS;
  const rng = random(0);
  const bytes = (shape: number[]) =>
    tensor(
      'uint8',
      shape,
      Uint8Array.from({ length: sizeOf(shape) }, () => rng.integer(256)),
    );
  const normal = (shape: number[]) => float32(shape, rng.normals(sizeOf(shape)));
  const [rows, T, C] = [side / ENCODER_PIXELS, config.text.length, config.channels];
  const L = rows * rows;

  const rects = float32([AUTOENCODER_BATCH, 4], Array.from({ length: AUTOENCODER_BATCH }, () => [0.3, 0.3, 0.5, 0.5]).flat());
  const autoencoder = {
    ...autoencoderProgram(config, { batch: AUTOENCODER_BATCH, side, crop: CROP }),
    feeds: {
      image: bytes([AUTOENCODER_BATCH, side, side, 4]),
      crop: bytes([AUTOENCODER_BATCH, CROP, CROP, 4]),
      noise: normal([AUTOENCODER_BATCH, L, C]),
      ...cropTables(rects, CROP, rows * CELLS),
    },
  };
  const teacher = {
    ...teacherProgram(config, { batch: TEACHER_BATCH, tokens: L }),
    feeds: {
      latent: normal([TEACHER_BATCH, L, C]),
      noise: normal([TEACHER_BATCH, L, C]),
      t: float32(
        [TEACHER_BATCH],
        Array.from({ length: TEACHER_BATCH }, () => rng.uniform()),
      ),
      ...gridFeeds(Array(TEACHER_BATCH).fill({ rows, columns: rows }), L, config),
      'text.ids': int64(
        [TEACHER_BATCH, T],
        Array.from({ length: TEACHER_BATCH * T }, () => rng.integer(config.text.vocabulary)),
      ),
      'text.positions': int64([T], [...Array(T).keys()]),
      'text.mask': float32([TEACHER_BATCH, T], new Float32Array(TEACHER_BATCH * T).fill(1)),
    },
  };
  const runtime = await ortNode(threads === undefined ? {} : { threads });
  const step = async ({ program, specs, feeds }: { program: Program; specs: Specs; feeds: Tensors }): Promise<Summary> => {
    const session = await runtime.compile(program.graph);
    const inputs = new Set(session.inputs.map((p) => p.name));
    let state = program.begin(initialize(specs, random(0)));
    const summary = await time(
      async () => {
        const fed = Object.entries({ ...state, ...feeds, rate: scalar(1e-4) }).filter(([key]) => inputs.has(key));
        const results = await session.run(Object.fromEntries(fed));
        const next = Object.entries(results).filter(([key]) => key.startsWith(NEXT));
        state = { ...state, ...Object.fromEntries(next.map(([key, t]) => [key.slice(NEXT.length), t])) };
      },
      { runs: quick ? 2 : 6 },
    );
    await session.release();
    return summary;
  };
  const [a, t] = [await step(autoencoder), await step(teacher)];
  return {
    autoencoder: { batch: AUTOENCODER_BATCH, side, step: a, samplesPerSecond: AUTOENCODER_BATCH / a.median },
    teacher: { batch: TEACHER_BATCH, tokens: L, step: t, samplesPerSecond: TEACHER_BATCH / t.median },
  };
}
