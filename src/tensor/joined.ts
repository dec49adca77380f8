// The weights of several files as one: a folder's, each tensor under the name of the folder that its file is in, or of the file itself where it
// is in none ("unet/conv_in.weight", "taesana_decoder.pth/1.weight").
import { finder, type Weights } from './weights.ts';

/** What stands before the names of a file's tensors. */
export const placeOf = (path: string): string => (path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : path);

/** Closing them closes all. `source` is what messages call them. */
export function joinedWeights(files: ReadonlyMap<string, Weights>, source: string): Weights {
  const all = [...files].flatMap(([path, weights]) =>
    weights.names.map((name) => [`${placeOf(path)}/${name}`, { weights, name }] as const),
  );
  const find = finder(new Map(all), source);
  return {
    source,
    names: all.map(([name]) => name),
    metadata: Object.assign({}, ...[...files.values()].map(({ metadata }) => metadata)),
    outline(name) {
      const found = find(name);
      return found.weights.outline(found.name);
    },
    async read(name, rows) {
      const found = find(name);
      return found.weights.read(found.name, rows);
    },
    close: async () => void (await Promise.all([...files.values()].map((weights) => weights.close()))),
  };
}
