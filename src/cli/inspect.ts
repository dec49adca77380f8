// `banana inspect FILE`: what is inside. A picture: its recipe. A .safetensors: its tensors as a tree, and for a model its
// manifest and what each stage costs. An .onnx: inputs, outputs, operators.
import { extname } from 'node:path';
import { Command } from 'commander';
import { sizeOfShape, type Shape } from '../graph/dim.ts';
import { nodesOf } from '../graph/value.ts';
import { decodeModel } from '../onnx/decode.ts';
import { flopsOf } from '../graph/cost.ts';
import { THUMBNAIL } from '../models/layers/config.ts';
import { isLayers, storedLayers, type LayersModel } from '../models/layers/file.ts';
import { contentTokens, layoutOf } from '../models/layers/layout.ts';
import { MARGIN } from '../models/layers/level-sets.ts';
import { conditionStage, denoiseStage, mapsStage } from '../models/layers/stages.ts';
import { fileOf } from '../models/open.ts';
import type { Stage } from '../models/stage.ts';
import { countParameters } from '../nn/scope.ts';
import { readRecipe } from '../draw/recipe.ts';
import { formatOf } from '../disk/codec.ts';
import { readFileWhole } from '../disk/files.ts';
import { readPngText } from '../image/png-text.ts';
import { decodeSafetensors } from '../tensor/safetensors.ts';
import { sizeOf, type Tensors } from '../tensor/tensor.ts';
import { InputError } from '../util/errors.ts';
import type { Io } from './io.ts';
import { bytes, count, several, table } from './text.ts';

export function inspectCommand(io: Io): Command {
  return new Command('inspect')
    .description('show what is inside a picture (.png, .jpg, .webp), a model or weights (.safetensors), or a graph (.onnx)')
    .argument('<file>')
    .action(async (path: string) => {
      const show = KINDS[extname(path).toLowerCase()];
      if (!show) throw new InputError('inspect.kind', `cannot inspect ${path}: expected a ${Object.keys(KINDS).join(', ')} file`);
      io.out(show(await readFileWhole(path), path));
    });
}

const KINDS: Record<string, (data: Uint8Array, path: string) => string> = {
  '.png': picture,
  '.jpg': picture,
  '.jpeg': picture,
  '.webp': picture,
  '.safetensors': weights,
  '.onnx': onnx,
};

function picture(data: Uint8Array, path: string): string {
  const recipe = readRecipe(data);
  if (recipe) return `${JSON.stringify(recipe, null, 2)}\n`;
  const texts = formatOf(path) === 'png' ? Object.entries(readPngText(data)) : [];
  if (texts.length === 0)
    throw new InputError('inspect.recipe', `${path}: no recipe inside; it was not made here, or its texts were removed`);
  return texts.map(([key, text]) => `${key}: ${text}\n`).join('');
}

function weights(data: Uint8Array, path: string): string {
  const file = decodeSafetensors(data, path);
  const { tensors, metadata } = file;
  const model = isLayers(metadata) ? storedLayers(fileOf(file), path) : undefined;
  return [
    `${path}: ${bytes(data.length)}, ${several(Object.keys(tensors).length, 'tensor')}\n`,
    model ? `${JSON.stringify(model.manifest, null, 2)}\n\n${table(stages(model))}` : table(Object.entries(metadata)),
    `\n${tree(tensors)}`,
  ].join('');
}

/** Weights and operations of each stage, for a 512x512 picture of one thing. */
function stages({ config }: Pick<LayersModel, 'config'>): string[][] {
  const layout = layoutOf({ width: 512, height: 512 }, 1, false);
  const side = THUMBNAIL + 2 * MARGIN;
  const sizes = { B: 1, T: config.text.length, M: config.text.length, N: layout.objects, P: contentTokens(layout), h: side, w: side };
  const all: [string, Stage][] = [
    ['text, once a prompt', conditionStage(config)],
    ['denoise, each step', denoiseStage(config)],
    ['maps, each layer', mapsStage(config)],
  ];
  return all.map(([name, { graph, specs }]) => [name, `${count(countParameters(specs))} weights`, `${count(flopsOf(graph, sizes))}FLOP`]);
}

/** Tensors by path, each folder with the sum of what is in it; a folder of one is one line. */
function tree(tensors: Tensors): string {
  interface Folder {
    size: number;
    bytes: number;
    children: Map<string, Folder>;
    note: string;
  }
  const folder = (): Folder => ({ size: 0, bytes: 0, children: new Map(), note: '' });
  const root = folder();
  for (const [path, t] of Object.entries(tensors)) {
    let at = root;
    for (const name of ['', ...path.split('.')]) {
      if (name) at = at.children.get(name) ?? at.children.set(name, folder()).get(name)!;
      at.size += sizeOf(t.shape);
      at.bytes += t.data.byteLength;
    }
    at.note = `${t.dtype}[${t.shape}]`;
  }
  const rows: string[][] = [];
  const walk = (name: string, at: Folder, depth: number): void => {
    while (at.children.size === 1 && !at.note) {
      const [[next, child]] = [...at.children] as [[string, Folder]];
      [name, at] = [name ? `${name}.${next}` : next, child];
    }
    rows.push([`${'  '.repeat(depth)}${name || 'all'}`, count(at.size), bytes(at.bytes), at.note]);
    const order = [...at.children].sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }));
    for (const [key, child] of order) walk(key, child, depth + 1);
  };
  walk('', root, 0);
  return table(rows);
}

function onnx(data: Uint8Array, path: string): string {
  const { graph, weights: bound } = decodeModel(data);
  const ports = (kind: string, entries: [string, { dtype: string; shape: Shape }][]) =>
    entries.map(([name, v]) => [kind, name, `${v.dtype}[${v.shape}]`]);
  const ops = new Map<string, number>();
  for (const v of nodesOf(graph)) ops.set(v.op, (ops.get(v.op) ?? 0) + 1);
  const parameters = graph.inputs.filter((v) => v.op === 'Parameter');
  const total = parameters.reduce((sum, v) => sum + Number(sizeOfShape(v.shape)), 0);
  return [
    `${path}: graph ${graph.name}, ${bytes(data.length)}, ${count(total)} weights in ${several(Object.keys(bound).length, 'tensor')}\n\n`,
    table([
      ...ports(
        'input',
        graph.inputs.filter((v) => v.op === 'Input').map((v) => [v.name!, v]),
      ),
      ...ports('output', Object.entries(graph.outputs)),
    ]),
    `\n${table([...ops].sort((a, b) => b[1] - a[1]).map(([op, n]) => [op, String(n)]))}`,
  ].join('');
}
