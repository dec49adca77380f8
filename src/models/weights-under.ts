// Some of a model's tensors as weights of their own, by what follows a common beginning of their names.
import { asFloat, finder, type Weights } from '../tensor/weights.ts';
import type { ModelFile } from './family.ts';

/** Floats of any type as float32. `source` is what messages call them. Closing them closes nothing: the file is the model's. */
export function weightsUnder(file: ModelFile, prefix: string, source: string): Weights {
  const own = [...file.tensors].filter(([name]) => name.startsWith(prefix));
  const outlines = new Map(own.map(([name, outline]) => [name.slice(prefix.length), outline]));
  const find = finder(outlines, source);
  return {
    source,
    names: [...outlines.keys()],
    metadata: file.metadata,
    outline(name) {
      const { dtype, shape, ...place } = find(name);
      return { dtype: dtype === 'float16' ? 'float32' : dtype, shape, stored: (place as { stored?: string }).stored ?? dtype };
    },
    async read(name, rows) {
      find(name);
      return file.weights ? file.weights.read(prefix + name, rows) : asFloat(file.read(prefix + name, rows));
    },
    close: async () => {},
  };
}
