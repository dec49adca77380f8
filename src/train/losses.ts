// Losses on pictures: what pixels should be, and how they should change from one to the next.
import { abs, add, mean, mul, slice, sub } from '../graph/ops.ts';
import { clip } from '../graph/functions.ts';
import { fixed } from '../graph/dim.ts';
import type { Value } from '../graph/value.ts';

/** Beyond [-1, 1] a pixel is shown clipped; a small slope stays so that it can come back from the wrong side. */
export function shown(x: Value, slope = 0.02): Value {
  const inside = clip(x, -1, 1);
  return add(inside, mul(sub(x, inside), slope));
}

/** Mean absolute error of neighbouring differences along rows and columns: x, y (B, H, W, C). Keeps edges sharp. */
export function gradientLoss(x: Value, y: Value): Value {
  const difference = sub(x, y);
  const along = (axis: number) => {
    const size = fixed(difference.shape[axis], 'gradientLoss');
    return mean(abs(sub(slice(difference, axis, 1), slice(difference, axis, 0, size - 1))));
  };
  return add(along(1), along(2));
}
