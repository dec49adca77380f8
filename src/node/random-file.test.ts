import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readFileWhole } from '../disk/files.ts';
import { heldPlan, planOf } from '../quant/plan.ts';
import { lazily } from '../tensor/lazy.ts';
import { openTrainable } from './load.ts';
import { layersSpecs } from '../models/layers/file.ts';
import { writeRandomModel } from './random-file.ts';
import { layersPreset } from '../models/layers/config.ts';

test('a file written in pieces is a model with every weight, of the spread that was asked for; the same seed gives the same bytes', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'banana-random-'));
  try {
    const [a, b, c] = ['a', 'b', 'c'].map((name) => join(folder, `${name}.safetensors`)) as [string, string, string];
    await writeRandomModel(a, 'tiny');
    await writeRandomModel(b, 'tiny');
    await writeRandomModel(c, 'tiny', 1);
    const bytes = await Promise.all([a, b, c].map(readFileWhole));
    expect(Buffer.compare(bytes[0]!, bytes[1]!)).toBe(0);
    expect(Buffer.compare(bytes[0]!, bytes[2]!)).not.toBe(0);
    const { model, close } = await openTrainable(a);
    const specs = layersSpecs(layersPreset('tiny'));
    expect(model.plan).toMatchObject(heldPlan(planOf(specs)));
    const weights = lazily(model.weights);
    expect(weights.names.filter((name) => !name.startsWith('basis.')).sort()).toEqual([...specs.keys()].sort());
    for (const [path, { shape, init }] of specs) {
      const { data, shape: found } = weights.read(path);
      expect(found, path).toEqual(shape);
      const power = Math.sqrt((data as Float32Array).reduce((sum, x) => sum + x * x, 0) / data.length);
      const expected = 'constant' in init ? Math.abs(init.constant) : init.deviation;
      if (data.length > 1000) expect(power, path).toBeCloseTo(expected, 1);
    }
    close();
  } finally {
    await rm(folder, { recursive: true });
  }
});
