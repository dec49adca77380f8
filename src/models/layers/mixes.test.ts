import { expect, test } from 'vitest';
import { evaluate } from '../../graph/evaluate.ts';
import { initialize } from '../../nn/scope.ts';
import { float32 } from '../../tensor/tensor.ts';
import { random } from '../../util/random.ts';
import { layersPreset } from './config.ts';
import { openMixes } from './mixes.ts';
import { mapsStage } from './stages.ts';

const config = layersPreset('tiny');
const { graph, specs } = mapsStage(config);
const rng = random(6);
const weights = initialize(specs, rng);
for (const path of ['in', 'blocks.0', 'logits', 'colours']) {
  const { length } = weights[`renderer.${path}.bias`]!.data;
  weights[`renderer.${path}.bias`] = float32([length], rng.normals(length));
}

test.each([
  [15, 15],
  [17, 16],
  [9, 3],
])('maps of %d x %d cells are those of the graph that is trained', (h, w) => {
  const thumbnail = float32(
    [1, h, w, 5],
    rng.normals(h * w * 5).map((v) => Math.min(2, Math.max(0, v + 0.5))),
  );
  const expected = evaluate(graph, { ...weights, thumbnails: thumbnail });
  const found = openMixes(weights, config.renderer)(thumbnail.data, h, w);
  for (const name of ['logits', 'colours'] as const) {
    const exact = expected[name]!.data as Float32Array;
    expect(found[name].length).toBe(exact.length);
    const farthest = Math.max(...found[name].map((v, i) => Math.abs(v - exact[i]!)));
    expect(farthest / Math.max(...exact.map(Math.abs))).toBeLessThan(1e-3);
  }
});
