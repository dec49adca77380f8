import { describe, expect, test } from 'vitest';
import { evaluate } from '../../graph/evaluate.ts';
import { initialize, type Specs } from '../../nn/scope.ts';
import { referenceRuntime } from '../../runtime/reference.ts';
import { float32, int64, type Tensors } from '../../tensor/tensor.ts';
import { ROOMS, roomAbilities } from '../../train/layers/rows.ts';
import { layeredTeacher, type Room } from '../../train/layers/teacher.ts';
import { random } from '../../util/random.ts';
import { layersPreset, PATCH_NUMBERS, THUMBNAIL } from './config.ts';
import { frameNumbers, frameOf } from './frame.ts';
import { numbersOf } from '../layout.ts';
import { contentTokens, kindsOf, layoutIn, layoutOf, partsOf, pictureParts, PLACES, SLOTS, tokenCount, type Layout } from './layout.ts';
import { openLayerNetworks } from './networks.ts';
import { imageToTensor } from '../../image/image.ts';
import { sharpened } from './sharpen.ts';
import { drawingOf, layersOf, placeOf, type Layer } from './paint.ts';
import { conditionStage, denoiseStage, mapsStage, pixelsStage } from './stages.ts';
import { decodeTokens, encodeThumbnail, type Basis } from './thumbnail.ts';

const config = layersPreset('tiny');

/** A basis that keeps the first numbers of a patch. */
function plainBasis(channels: number): Basis {
  const matrix = new Float32Array(PATCH_NUMBERS * channels);
  for (let c = 0; c < channels; c++) matrix[c * channels + c] = 1;
  return { channels, mean: new Float32Array(PATCH_NUMBERS).fill(-1), matrix, scale: 0.5 };
}

describe('thumbnails', () => {
  test('a whole basis gives every pixel back, whatever the shape', () => {
    const [width, height] = [32, 16];
    const pixels = Uint8Array.from({ length: width * height * 4 }, (_, i) => (i * 37) % 256);
    const basis = plainBasis(PATCH_NUMBERS);
    const back = decodeTokens(encodeThumbnail({ width, height, pixels }, basis), width, height, basis);
    expect(Array.from(back, (v) => Math.round((v + 1) * 127.5))).toEqual(Array.from(pixels));
  });

  test('what is transparent is tokens of nothing where the mean is nothing', () => {
    const tokens = encodeThumbnail({ width: 16, height: 16, pixels: new Uint8Array(1024) }, plainBasis(8));
    expect(Math.max(...tokens.map(Math.abs))).toBe(0);
  });

  test('sides that are no multiples of 16 are refused', () => {
    expect(() => encodeThumbnail({ width: 20, height: 16, pixels: new Uint8Array(1280) }, plainBasis(8))).toThrow(
      '20 x 16 pixels: expected multiples of 16',
    );
  });
});

test('a frame survives its four numbers', () => {
  const frame = { x: -0.3, y: 0.12, size: 0.42, height: 0.5 };
  const back = frameOf([9, 9, ...frameNumbers(frame)], 2);
  for (const key of ['x', 'y', 'size', 'height'] as const) expect(back[key]).toBeCloseTo(frame[key], 6);
});

describe('a layout', () => {
  const layout: Layout = { objects: 3, canvas: { rows: 4, columns: 7 } };

  test('counts its tokens and numbers', () => {
    expect([contentTokens(layout), tokenCount(layout), numbersOf(partsOf(layout, 256))]).toEqual([76, 79, 12 + 76 * 256]);
    expect(layoutIn(partsOf(layout, 256))).toEqual(layout);
    expect(layoutOf({ width: 1600, height: 900 }, 3, false)).toEqual(layout);
    expect(layoutOf({ width: 64, height: 4096 }, 1, false).canvas).toEqual({ rows: 16, columns: 4 });
    expect(layoutOf({ width: 64, height: 64 }, 1, true)).toEqual({ objects: 1 });
    expect(contentTokens({ objects: 2 })).toBe(32);
  });

  test('of a whole picture is a canvas twice as fine, of any shape to 4:1', () => {
    const shapes = [
      [64, 64],
      [1600, 900],
      [300, 400],
      [64, 640],
    ].map(([width, height]) => pictureParts({ width: width!, height: height! }, 256)[0]!);
    expect(shapes.map(({ rows, columns }) => [rows, columns])).toEqual([
      [8, 8],
      [8, 14],
      [11, 8],
      [32, 8],
    ]);
    expect(shapes[0]!.box).toEqual({ x: 0, y: 0, width: 1, height: 1 });
    expect(shapes[2]!.box).toMatchObject({ x: 0, width: 1, height: expect.closeTo((300 * 11) / 8 / 400) });
    expect(kindsOf(layoutIn(pictureParts({ width: 64, height: 64 }, 256))).slots).toEqual(Array(64).fill(SLOTS - 1));
  });

  test('gives every object the same positions, and every part its own slot', () => {
    const { slots, places, positions } = kindsOf(layout);
    expect(positions.slice(3, 19)).toEqual(positions.slice(19, 35));
    expect(places.slice(3, 19)).toEqual(places.slice(35, 51));
    expect(new Set(slots).size).toBe(3 + 3 + 1);
    expect(Math.max(...slots)).toBeLessThan(SLOTS);
    expect(Math.max(...places)).toBeLessThan(PLACES);
    expect(new Set(places.slice(51)).size).toBe(28);
  });
});

const specs: Specs = new Map(
  [conditionStage(config, undefined, true), denoiseStage(config), mapsStage(config), pixelsStage(config)].flatMap((stage) => [
    ...stage.specs,
  ]),
);
const drawn = initialize(specs, random(3));
/** Random weights in which nothing is hidden by a zero start. */
const weights: Tensors = Object.fromEntries(
  Object.entries(drawn).map(([path, w]) => [
    path,
    path.includes('-out')
      ? float32(
          w.shape,
          random(4)
            .split(path)
            .normals(w.data.length)
            .map((v) => v * 0.1),
        )
      : w,
  ]),
);

describe('the program that is trained and the stages that draw predict the same', () => {
  const square = { rows: 4, columns: 4 };
  test.each<[string, Omit<Room, 'batch' | 'text'>]>([
    ['of two objects on a canvas', { layout: { objects: 2, canvas: square } }],
    ['of two objects known from references', { layout: { objects: 2 }, references: true }],
    ['of a whole picture', { layout: { objects: 0, canvas: { rows: 8, columns: 8 } } }],
  ])('%s', async (_, room) => {
    const { objects: N } = room.layout;
    const P = contentTokens(room.layout);
    const rng = random(7);
    const [frames, content] = [rng.normals(N * 4), rng.normals(P * config.channels)];
    const [ids, t] = [[1, 5, 9, 2], 0.6];
    const { program } = layeredTeacher(config, { ...room, batch: 1, text: 4 });
    const noise = { frames: rng.normals(N * 4), content: rng.normals(content.length) };
    const references = room.references
      ? [2, 1].map((slot) => ({ slot, tokens: random(slot).normals(16 * config.channels) })) //
      : [];
    const { loss, 'content-error': wrong } = evaluate(program.graph, {
      ...program.begin(weights),
      rate: float32([], [0]),
      t: float32([1], [t]),
      variance: weights['transformer.variance']!,
      content: float32([1, P, config.channels], content),
      'content.noise': float32([1, P, config.channels], noise.content),
      ...(N > 0 && {
        frames: float32([1, N, 4], frames),
        'frames.noise': float32([1, N, 4], noise.frames),
        objects: float32([1, N], Array<number>(N).fill(1)),
      }),
      ...(room.layout.canvas && { canvas: float32([1], [1]) }),
      ...(references.length > 0 && {
        'reference.tokens': float32([1, 32, config.channels], [...references[0]!.tokens, ...references[1]!.tokens]),
        'reference.slots': int64([1, 32], [...Array<number>(16).fill(2), ...Array<number>(16).fill(1)]),
        'reference.mask': float32([1, 32], Array<number>(32).fill(1)),
      }),
      'text.ids': int64([1, 4], ids),
      'text.mask': float32([1, 4], [1, 1, 1, 1]),
      'text.positions': int64([4], [0, 1, 2, 3]),
    });
    const networks = openLayerNetworks(referenceRuntime(), config, weights);
    const x = Float32Array.from([...frames, ...content], (v, i) => (1 - t) * v + t * [...noise.frames, ...noise.content][i]!);
    const velocity = await networks.velocity(await networks.condition(ids, references), partsOf(room.layout, config.channels))(x, t);
    const error = content.reduce((sum, v, i) => sum + (velocity[N * 4 + i]! - (noise.content[i]! - v)) ** 2, 0) / content.length;
    expect((wrong!.data[0] as number) / (error / 0.15 ** 2)).toBeCloseTo(1, 3);
    expect(Number.isFinite(loss!.data[0] as number)).toBe(true);
  });
});

test('what a model can do is what it had rooms for', () => {
  expect(roomAbilities(['alone', 'one', 'two', 'many'])).toEqual([]);
  expect(roomAbilities(['two', 'pictures'])).toEqual(['image']);
  expect(roomAbilities(ROOMS.map(({ name }) => name))).toEqual(['image', 'references']);
});

test('objects that a picture does not have change nothing for the others', () => {
  const { program } = layeredTeacher(config, { batch: 1, layout: { objects: 2 }, text: 2 });
  const rng = random(9);
  const state = program.begin(weights);
  const feed = (second: number): Tensors => ({
    ...state,
    rate: float32([], [0]),
    t: float32([1], [0.5]),
    variance: weights['transformer.variance']!,
    frames: float32([1, 2, 4], [1, 2, 3, 4, second, second, 0, 0]),
    content: float32(
      [1, 32, config.channels],
      Array.from({ length: 32 * config.channels }, (_, i) => (i < 16 * config.channels ? Math.sin(i) : second)),
    ),
    'frames.noise': float32([1, 2, 4], rng.split('a').normals(8)),
    'content.noise': float32([1, 32, config.channels], rng.split('b').normals(32 * config.channels)),
    objects: float32([1, 2], [1, 0]),
    'text.ids': int64([1, 2], [1, 2]),
    'text.mask': float32([1, 2], [1, 1]),
    'text.positions': int64([2], [0, 1]),
  });
  expect(evaluate(program.graph, feed(5)).loss!.data[0]).toBeCloseTo(evaluate(program.graph, feed(0)).loss!.data[0] as number, 5);
});

describe('painting', () => {
  const square = (value: number, alpha: number) =>
    Float32Array.from({ length: THUMBNAIL ** 2 * 4 }, (_, i) => (i % 4 === 3 ? alpha : value));
  const object = (x: number, y: number, size: number, height = 0): Layer => ({
    slot: 1,
    pixels: square(-1, 1),
    width: 64,
    height: 64,
    frame: { x, y, size, height },
  });

  test('a frame says where the art stands, in shorter sides from the middle', () => {
    expect(placeOf(object(0.25, -0.1, 0.47), { width: 200, height: 100 })).toEqual({ x: 100 + 25 - 25, y: 50 - 10 - 25, side: 50 });
  });

  test('layers come back to front, the canvas first', () => {
    const layout: Layout = { objects: 2, canvas: { rows: 4, columns: 4 } };
    const parts = partsOf(layout, config.channels);
    const latent = new Float32Array(numbersOf(parts));
    latent.set(frameNumbers({ x: 0, y: 0, size: 0.5, height: 1 }), 0);
    latent.set(frameNumbers({ x: 0, y: 0, size: 0.5, height: 0 }), 4);
    expect(layersOf(latent, parts, plainBasis(config.channels)).map(({ slot }) => slot)).toEqual([0, 2, 1]);
  });

  test('a canvas has no edge of its own: what is there goes on', async () => {
    const networks = openLayerNetworks(referenceRuntime(), config, weights);
    const plain: Layer = { slot: 0, pixels: square(0.5, 1), width: 64, height: 64 };
    const tile = { x: 0, y: 0, width: 6, height: 6 };
    const { data } = await (await drawingOf(networks, [plain])).render(tile, { width: 64, height: 64 });
    const pixels = Array.from({ length: 36 }, (_, i) =>
      [...(data as Float32Array).subarray(i * 4, i * 4 + 4)].map((v) => v.toFixed(3)).join(),
    );
    expect(new Set(pixels.filter((_, i) => i % 2 === Math.floor(i / 6) % 2)).size).toBeLessThanOrEqual(2); // the same but for where in its cell a pixel is
  });

  test('a picture is drawn sharp in pieces as it is in one', async () => {
    const networks = openLayerNetworks(referenceRuntime(), config, weights);
    const [width, height] = [140, 9]; // two pieces
    const data = Uint8ClampedArray.from({ length: width * height * 4 }, (_, i) => (i * 37 + (i >> 3) * 11) % 256);
    const small = { width, height, data };
    const [maps] = await networks.maps([{ width, height, pixels: imageToTensor(small).data as Float32Array }], {
      exact: true,
      around: 'edge',
    });
    const tile = { x: 240, y: 0, width: 40, height: 13 }; // over the border of the pieces, at 256
    const size = { width: 280, height: 18 };
    const pieces = (await sharpened(networks, small).render(tile, size)).data as Float32Array;
    const whole = networks.pixels(maps!, tile, 2).data as Float32Array;
    expect(pieces.length).toBe(whole.length);
    expect(Math.max(...pieces.map((v, i) => Math.abs(v - whole[i]!)))).toBeLessThan(1e-4);
  });

  test('a picture without layers is transparent; tiles are pieces of the whole', async () => {
    const networks = openLayerNetworks(referenceRuntime(), config, weights);
    const whole = { x: 0, y: 0, width: 12, height: 12 };
    const nothing = await (await drawingOf(networks, [object(5, 5, 0.2)])).render(whole, whole);
    expect(new Set(nothing.data as Float32Array)).toEqual(new Set([-1]));
    const drawing = await drawingOf(networks, [object(0.1, 0.2, 0.5), object(0.4, 0.4, 0.6, 1)]);
    const picture = await drawing.render(whole, whole);
    const tile = { x: 5, y: 3, width: 6, height: 7 };
    const piece = (await drawing.render(tile, whole)).data as Float32Array;
    const expected = Array.from(
      { length: 7 * 6 * 4 },
      (_, i) => picture.data[((3 + Math.floor(i / 24)) * 12 + 5) * 4 + (i % 24)] as number,
    );
    piece.forEach((v, i) => expect(v).toBeCloseTo(expected[i]!, 4));
    expect(Math.max(...piece)).toBeGreaterThan(-1);
  });
});
