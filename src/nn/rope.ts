// Rotary tables on the host, for positions in a plane: half of the pairs turn with the row, half with the column, so any
// aspect ratio needs only another table. They are fed as inputs: the graph stays the same for every size.
// Su et al. 2021 (RoPE); the two-axis form as in vision transformers (Heo et al. 2024).
import { float32, type Tensor } from '../tensor/tensor.ts';

export interface RotaryTensors {
  /** (L, d/2) */
  readonly cosine: Tensor;
  readonly sine: Tensor;
}

/** Tables for L positions (row, column) and head width d (a multiple of 4). `base` sets the slowest turn. */
export function rotaryTable(positions: readonly (readonly [number, number])[], d: number, base = 100): RotaryTensors {
  const half = d / 2;
  const quarter = d / 4;
  const cosine = new Float32Array(positions.length * half);
  const sine = new Float32Array(positions.length * half);
  positions.forEach(([row, column], i) => {
    for (let j = 0; j < half; j++) {
      const angle = (j < quarter ? row : column) * base ** (-(j % quarter) / quarter);
      cosine[i * half + j] = Math.cos(angle);
      sine[i * half + j] = Math.sin(angle);
    }
  });
  return { cosine: float32([positions.length, half], cosine), sine: float32([positions.length, half], sine) };
}

/** Positions of an h x w grid, row by row, centred on 0 so that the middle of any aspect ratio has the same angles. */
export function gridPositions(h: number, w: number, offset: readonly [number, number] = [0, 0]): [number, number][] {
  return Array.from({ length: h * w }, (_, i) => [Math.floor(i / w) - (h - 1) / 2 + offset[0], (i % w) - (w - 1) / 2 + offset[1]]);
}
