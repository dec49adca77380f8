// Autoencoder training: each picture is encoded once and drawn twice, whole at a quarter of its pixels and as a crop
// at a random scale against the SVG drawn at that very scale, which is what makes the renderer scale-free.
// Legend: B batch, E encoder side, P crop side, L = h*w latent tokens, C channels.
import { add, cast, div, mean, mul, reshape, sub } from '../graph/ops.ts';
import { l1 } from '../graph/functions.ts';
import { input, type Value } from '../graph/value.ts';
import { gridPositions, rotaryTable } from '../nn/rope.ts';
import { rootScope, type Specs } from '../nn/scope.ts';
import { decoder, encoder } from '../models/banana/autoencoder.ts';
import { CELLS, ENCODER_PIXELS, type Config } from '../models/banana/config.ts';
import { POSITION_CODE, renderer, samplingAxis } from '../models/banana/renderer.ts';
import { float32, type Tensor, type Tensors } from '../tensor/tensor.ts';
import { constant } from '../graph/value.ts';
import { adversary } from './adversary.ts';
import { gradientLoss, shown } from './losses.ts';
import { trainStep, type Program } from './step.ts';

export interface AutoencoderSizes {
  readonly batch: number;
  /** Encoder's picture, in pixels; a multiple of 32. */
  readonly side: number;
  /** Crop, in pixels. */
  readonly crop: number;
}

/** uint8 premultiplied RGBA to [-1, 1]. */
export const pixels = (x: Value) => sub(div(cast(x, 'float32'), 127.5), 1);

/** Mean over side x side blocks: (B, H, W, C) to (B, H/side, W/side, C). */
function pool(x: Value, side: number): Value {
  const [B, H, W, C] = x.shape as [number, number, number, number];
  return mean(reshape(x, [B, H / side, side, W / side, side, C]), { axes: [2, 4] });
}

/** Constant tables of `n` pixels over the whole axis, as (B, n, cells) and (B, n, 4). */
function wholeAxis(B: number, n: number, cells: number): { weights: Value; code: Value } {
  const { weights, code } = samplingAxis(0, n, n, cells, true);
  const repeat = (a: Float32Array, columns: number) => {
    const data = new Float32Array(B * n * columns);
    for (let i = 0; i < B; i++) data.set(a, i * n * columns);
    return constant(float32([B, n, columns], data));
  };
  return { weights: repeat(weights, cells), code: repeat(code, POSITION_CODE) };
}

/**
 * The program. Inputs: image (B, E, E, 4) and crop (B, P, P, 4) uint8; crop.rows, crop.columns (B, P, cells), crop.row-code,
 * crop.column-code (B, P, 4), crop.scale (B, 1) from `cropTables`; noise (B, L, C), already scaled. With
 * `frozenEncoder` only decoder and renderer are trained, the encoder's weights are fed: latents stay what they are.
 * `adversary` is the weight of a discriminator's verdict on the crops (adversary.ts); 0 trains without one.
 */
export function autoencoderProgram(
  config: Config,
  { batch: B, side: E, crop: P }: AutoencoderSizes,
  { frozenEncoder = false, adversary: weight = 0 } = {},
): { program: Program; specs: Specs } {
  const all: Specs = new Map();
  const root = rootScope(all);
  const h = E / ENCODER_PIXELS;
  const cells = h * CELLS;
  const head = config.autoencoder.heads.width;
  const { cosine, sine } = rotaryTable(gridPositions(h, h), head);
  const rotary = { cosine: constant(cosine), sine: constant(sine) };
  const image = pixels(input('image', [B, E, E, 4], 'uint8'));
  const crop = pixels(input('crop', [B, P, P, 4], 'uint8'));
  const latent = encoder(root.in('encoder'), image, rotary, config);
  const features = decoder(root.in('decoder'), add(latent, input('noise', [B, h * h, config.channels])), [h, h], rotary, config);
  const axis = wholeAxis(B, E / 2, cells);
  const scale = constant(float32([B, 1], new Float32Array(B).fill(Math.log2(E / 2 / cells))));
  const draw = renderer(
    root.in('renderer'),
    { features, rows: axis.weights, columns: axis.weights, rowCode: axis.code, columnCode: axis.code, scale },
    config,
  );
  const detail = renderer(
    root.in('renderer'),
    {
      features,
      rows: input('crop.rows', [B, P, cells]),
      columns: input('crop.columns', [B, P, cells]),
      rowCode: input('crop.row-code', [B, P, POSITION_CODE]),
      columnCode: input('crop.column-code', [B, P, POSITION_CODE]),
      scale: input('crop.scale', [B, 1]),
    },
    config,
  );
  const small = pool(image, 2);
  const whole = l1(shown(draw), small);
  const close = l1(shown(detail), crop);
  const edges = add(gradientLoss(shown(draw), small), gradientLoss(shown(detail), crop));
  const errors = add(add(whole, close), edges);
  const players = weight > 0 ? adversary(root.in('discriminator'), crop, shown(detail)) : undefined;
  const loss = players ? add(add(errors, mul(players.fooling, weight)), players.telling) : errors;
  const specs: Specs = new Map([...all].filter(([path]) => !(frozenEncoder && path.startsWith('encoder.'))));
  const program = trainStep('train-autoencoder', loss, { specs, metrics: { whole, close, edges, ...players }, ema: 0.998 });
  return { program, specs };
}

/** The crop inputs of rectangles (B, 4): x0, y0, x1, y1 in shares of the picture, for crops of `side` pixels over `cells`. */
export function cropTables(rects: Tensor, side: number, cells: number): Tensors {
  const B = rects.shape[0]!;
  const data = rects.data as Float32Array;
  const table = (n: number) => new Float32Array(B * side * n);
  const [rows, columns, rowCode, columnCode, scale] = [
    table(cells),
    table(cells),
    table(POSITION_CODE),
    table(POSITION_CODE),
    new Float32Array(B),
  ];
  for (let i = 0; i < B; i++) {
    const [x0, y0, x1] = data.subarray(i * 4, i * 4 + 3) as unknown as [number, number, number];
    const size = side / (x1 - x0); // of the whole picture, in the crop's pixels
    const y = samplingAxis(y0 * size, side, size, cells, true);
    const x = samplingAxis(x0 * size, side, size, cells, true);
    rows.set(y.weights, i * side * cells);
    columns.set(x.weights, i * side * cells);
    rowCode.set(y.code, i * side * POSITION_CODE);
    columnCode.set(x.code, i * side * POSITION_CODE);
    scale[i] = Math.log2(size / cells);
  }
  return {
    'crop.rows': float32([B, side, cells], rows),
    'crop.columns': float32([B, side, cells], columns),
    'crop.row-code': float32([B, side, POSITION_CODE], rowCode),
    'crop.column-code': float32([B, side, POSITION_CODE], columnCode),
    'crop.scale': float32([B, 1], scale),
  };
}
