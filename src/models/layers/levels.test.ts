import { expect, test } from 'vitest';
import { evaluate } from '../../graph/evaluate.ts';
import { float32 } from '../../tensor/tensor.ts';
import { random } from '../../util/random.ts';
import { levelTables, MARGIN } from './level-sets.ts';
import { cutCells } from '../stage.ts';
import { layersPreset } from './config.ts';
import { drawLevels } from './levels.ts';
import { pixelsStage } from './stages.ts';

const config = layersPreset('tiny');
const K = config.renderer.levels;
const [width, height] = [6, 9];
const [a, b] = [height + 2 * MARGIN, width + 2 * MARGIN];
const rng = random(3);
const maps = { logits: rng.normals(4 * a * b * K).map((v) => v * 3), colours: rng.normals(a * b * 4 * K).map((v) => v + 1), width, height };

test.each([
  ['small', 0.7, { x: 0, y: 0, width: 5, height: 6 }],
  ['large, a tile between pixels', 11.3, { x: -8.4, y: 30.25, width: 40, height: 23 }],
  ['beyond its edges', 4, { x: -40, y: -40, width: 110, height: 120 }],
])('the same as by the graph that is trained: %s', (_, scale, tile) => {
  const { feeds, cells, fine } = levelTables(tile, scale, { rows: height, columns: width });
  const logSharpness = 0.3;
  const { pixels } = evaluate(pixelsStage(config).graph, {
    ...feeds,
    'renderer.sharpness': float32([1], [logSharpness]),
    logits: cutCells(float32([1, 2 * a, 2 * b, K], maps.logits), fine),
    colours: cutCells(float32([1, a, b, 4 * K], maps.colours), cells),
  });
  const found = drawLevels(maps, tile, scale, Math.exp(logSharpness));
  const data = pixels!.data as Float32Array;
  let farthest = 0;
  for (let i = 0; i < data.length; i += 4) {
    const alpha = Math.min(2, Math.max(0, data[i + 3]!));
    const lawful = [0, 1, 2].map((c) => Math.min(alpha, Math.max(0, data[i + c]!)) - 1);
    [...lawful, alpha - 1].forEach((v, c) => (farthest = Math.max(farthest, Math.abs(v - found[i + c]!))));
  }
  expect(farthest).toBeLessThan(2e-4); // of 2
  expect(found.length).toBe(tile.width * tile.height * 4);
});
