// Recipe 2: the renderer's programs and windows as a folder that recipes/train.ts trains here, and tools/cuda/run.py on a GPU.
//   npx tsx recipes/2-renderer.ts --preset pico [--run runs/pico] [--rate 0.002] [--from CHECKPOINT]
//   python3 tools/cuda/run.py runs/pico/renderer --out runs/pico/renderer-run --seconds 3600
// With a teacher's or student's checkpoint it also learns to clean what that model really makes; a renderer that was trained without
// goes on from its own checkpoint.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { drawingsOf, type Drawing } from '../src/data/drawings.ts';
import { renderPool } from '../src/data/render.ts';
import { windowsOf, type Window } from '../src/data/windows.ts';
import { layeredData } from '../src/data/layered.ts';
import { readSafetensors, writeSafetensors } from '../src/disk/files.ts';
import { MARGIN } from '../src/models/layers/level-sets.ts';
import { layersPreset, THUMBNAIL } from '../src/models/layers/config.ts';
import { openLayerNetworks } from '../src/models/layers/networks.ts';
import type { Basis } from '../src/models/layers/thumbnail.ts';
import { initialize } from '../src/nn/scope.ts';
import { encodeModel } from '../src/onnx/encode.ts';
import { tensor, type Tensors } from '../src/tensor/tensor.ts';
import { storedBasis } from '../src/train/layers/basis.ts';
import { kept, remaker, samplesByDrawing, type Remake } from '../src/train/layers/remade.ts';
import { rendererPrepare, rendererProgram, scalesOf, windowCells, type Scale } from '../src/train/layers/renderer.ts';
import { schedulePoints, type Plan } from '../src/train/plan.ts';
import { ROOMS, roomSamples } from '../src/train/layers/rows.ts';
import { cosineRate } from '../src/train/run.ts';
import type { RecipeOptions } from '../src/train/paths.ts';
import { hash32, random, type Random } from '../src/util/random.ts';
import { ortNode } from '../src/runtime/ort-node.ts';
import { averaged, materialOf } from './stage.ts';
import { main } from './recipe.ts';

/** Windows of a scale. */
const WINDOWS = 4000;
/** Every so many concepts one is kept for tests: the renderer never sees it. */
const HELD = 10;
/** Scales from here on have no truth in art that is pixels, and soft gradients (blur) take seconds a picture. */
const LARGE = 8;

/** Is a drawing's concept one that the renderer is trained on? */
export const trainsRenderer = ({ key }: Pick<Drawing, 'key'>): boolean => hash32(`renderer ${key.split(' ')[0]}`) % HELD !== 0;

/** Drawings of a scale, in an order without pattern. */
function chosen(all: readonly Drawing[], { pixels }: Scale): Drawing[] {
  const styles = pixels >= LARGE ? ['flat', 'noto'] : ['flat', 'noto', 'fluent', 'fluent3d'];
  const able = all.filter((d) => trainsRenderer(d) && styles.includes(d.key.split(' ')[1]!));
  return able.sort((a, b) => hash32(`${pixels} ${a.key}`) - hash32(`${pixels} ${b.key}`)).slice(0, WINDOWS / 2);
}

/** A window of a whole thumbnail, with transparent cells beyond its border: (a, a, 4). */
function cutOut(pixels: ArrayLike<number>, top: number, left: number, a: number): Uint8Array {
  const out = new Uint8Array(a * a * 4);
  for (let y = 0; y < a; y++)
    for (let x = 0; x < a; x++) {
      const [row, column] = [top - MARGIN + y, left - MARGIN + x];
      if (row < 0 || column < 0 || row >= THUMBNAIL || column >= THUMBNAIL) continue;
      for (let c = 0; c < 4; c++) out[(y * a + x) * 4 + c] = pixels[(row * THUMBNAIL + column) * 4 + c]!;
    }
  return out;
}

/** Whole thumbnails of the windows' drawings as they are cut and remade, by key. */
async function degraded(windows: readonly Window[], basis: Basis, remake: Remake | undefined, rng: Random) {
  const [cut, remade] = [new Map<string, Uint8Array>(), new Map<string, Uint8Array>()];
  for (const { drawing, thumbnail } of windows) {
    const { key } = drawing;
    if (cut.has(key)) continue;
    cut.set(key, kept(thumbnail, basis));
    remade.set(key, (await remake?.(key, thumbnail, rng.split(key))) ?? cut.get(key)!);
  }
  return { cut, remade };
}

type Degraded = Awaited<ReturnType<typeof degraded>>;

function rowsOf(windows: readonly Window[], scale: Scale, { cut, remade }: Degraded): Tensors {
  const [a, P] = [windowCells(scale), scale.cells * scale.pixels];
  const stack = (side: number, pictures: readonly Uint8Array[]) => {
    const bytes = new Uint8Array(pictures.length * side * side * 4);
    pictures.forEach((p, i) => bytes.set(p, i * side * side * 4));
    return tensor('uint8', [pictures.length, side, side, 4], bytes);
  };
  const cells = (of: (window: Window) => Uint8Array) =>
    stack(
      a,
      windows.map((window) => cutOut(of(window), window.top, window.left, a)),
    );
  return {
    cells: cells(({ thumbnail }) => thumbnail),
    cut: cells(({ drawing }) => cut.get(drawing.key)!),
    remade: cells(({ drawing }) => remade.get(drawing.key)!),
    target: stack(
      P,
      windows.map(({ target }) => target),
    ),
  };
}

/** Samples that are looked through for the captions of drawings. */
const SAMPLES = 60_000;

/** What a checkpoint's averaged weights make of drawings. */
async function openRemake(from: string, name: string, run: string, bank: Tensors, basis: Basis): Promise<Remake> {
  const weights = { ...(await averaged(from)), 'transformer.variance': bank.variance! };
  const networks = openLayerNetworks(await ortNode({ threads: 1 }), layersPreset(name), weights);
  const { keys, tokenizer } = await materialOf(name, run);
  const samples = function* () {
    let left = name === 'tiny' ? 200 : SAMPLES;
    for (const sample of roomSamples(ROOMS[0]!, layeredData(name), keys, 0)) {
      if (left-- === 0) return;
      yield sample;
    }
  };
  return remaker(networks, basis, tokenizer, samplesByDrawing(samples()));
}

/** Writes the bundle. */
export async function makeRendererBundle({
  preset: name,
  run = `runs/${name}`,
  rate = 0.002,
  seed = 0,
  from,
  processes = 1,
  log = () => {},
}: RecipeOptions): Promise<void> {
  const config = layersPreset(name);
  const out = join(run, 'renderer');
  const { tensors: bank } = await readSafetensors(join(run, 'bank.safetensors'));
  const basis = storedBasis(bank, config.channels);
  const remake = from === undefined ? undefined : await openRemake(from, name, run, bank, basis);
  const all = drawingsOf(layeredData(name).scope, THUMBNAIL);
  const parts = [];
  const pool = renderPool({ processes, seconds: 20 });
  for (const scale of scalesOf(name)) {
    const folder = join(out, `x${scale.pixels}`);
    await mkdir(join(folder, 'data'), { recursive: true });
    const windows: Window[] = [];
    for await (const window of windowsOf(chosen(all, scale), scale, 2, pool, seed)) windows.push(window);
    await writeSafetensors(
      join(folder, 'data', 'rows.safetensors'),
      rowsOf(windows, scale, await degraded(windows, basis, remake, random(seed).split(`remade ${scale.pixels}`))),
    );
    const { program, specs } = rendererProgram(config, scale);
    await writeFile(join(folder, 'program.onnx'), encodeModel(program.graph).model);
    await writeFile(join(folder, 'prepare.onnx'), encodeModel(rendererPrepare(scale)).model);
    const data = (key: string) => ({ kind: 'data', key }) as const;
    const uniform = { kind: 'uniform' } as const;
    const inputs: Plan['inputs'] = {
      cells: data('cells'),
      cut: data('cut'),
      remade: data('remade'),
      target: data('target'),
      normal: { kind: 'normal' },
      kind: uniform,
      model: uniform,
      half: uniform,
      mix: uniform,
      noisy: uniform,
      level: uniform,
      rate: { kind: 'table', points: schedulePoints(cosineRate(rate)) },
    };
    parts.push({ name: `x${scale.pixels}`, weight: [[0, scale.share]], batch: scale.batch, plan: { inputs } });
    if (parts.length === 1)
      await writeSafetensors(join(out, 'state.safetensors'), program.begin(initialize(specs, random(seed).split('renderer'))), {
        preset: name,
      });
    log(`x${scale.pixels}: ${windows.length} windows`);
  }
  pool.close();
  await writeFile(join(out, 'plan.json'), JSON.stringify({ seed, parts }));
}

await main(import.meta.url, makeRendererBundle);
