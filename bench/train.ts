// How fast the two long trainings go, on made-up data of the right sizes: samples a second of the renderer's step at 4 pixels a cell
// and of the teacher's for one object on a canvas. Data loading is left out; it is a few per cent of a step.
import { layersPreset } from '../src/models/layers/config.ts';
import { initialize, type Specs } from '../src/nn/scope.ts';
import { ortNode } from '../src/runtime/ort-node.ts';
import { randomFeeds } from '../src/sdk/testing.ts';
import { scalar, type Tensors } from '../src/tensor/tensor.ts';
import { rendererProgram, SCALES } from '../src/train/layers/renderer.ts';
import { ROOMS } from '../src/train/layers/rows.ts';
import { layeredTeacher } from '../src/train/layers/teacher.ts';
import { NEXT, type Program } from '../src/train/step.ts';
import { random } from '../src/util/random.ts';
import type { MeasureOptions } from './drawing.ts';
import { time, type Summary } from './timing.ts';

const TEACHER_BATCH = 32;

export async function measureTraining({ preset: name, quick, threads }: MeasureOptions): Promise<object> {
  const config = layersPreset(name);
  const scale = SCALES.find(({ pixels }) => pixels === 4)!;
  const { layout, text: words } = ROOMS.find((room) => room.name === 'one')!;
  const text = Math.min(words, config.text.length);
  const runtime = await ortNode(threads === undefined ? {} : { threads });
  const step = async ({ program, specs }: { program: Program; specs: Specs }): Promise<Summary> => {
    const session = await runtime.compile(program.graph);
    const inputs = new Set(session.inputs.map((p) => p.name));
    let state = program.begin(initialize(specs, random(0)));
    const drawn: Tensors = { ...randomFeeds(program.graph, random(1)), rate: scalar(1e-4) };
    const summary = await time(
      async () => {
        const fed = Object.entries({ ...drawn, ...state }).filter(([key]) => inputs.has(key));
        const results = await session.run(Object.fromEntries(fed));
        const next = Object.entries(results).filter(([key]) => key.startsWith(NEXT));
        state = { ...state, ...Object.fromEntries(next.map(([key, t]) => [key.slice(NEXT.length), t])) };
      },
      { runs: quick ? 2 : 6 },
    );
    await session.release();
    return summary;
  };
  const [r, t] = [await step(rendererProgram(config, scale)), await step(layeredTeacher(config, { batch: TEACHER_BATCH, layout, text }))];
  return {
    renderer: { batch: scale.batch, step: r, samplesPerSecond: scale.batch / r.median },
    teacher: { batch: TEACHER_BATCH, step: t, samplesPerSecond: TEACHER_BATCH / t.median },
  };
}
