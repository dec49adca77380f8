import { expect, test } from 'vitest';
import { attention, mse, rmsNormalize, silu } from '../graph/functions.ts';
import { gradients } from '../graph/grad.ts';
import * as o from '../graph/ops.ts';
import { print } from '../graph/print.ts';
import { apply, constant, graph, input, parameter, type Graph } from '../graph/value.ts';
import { float32, int64, scalar, tensor, toBytes } from '../tensor/tensor.ts';
import { InputError } from '../util/errors.ts';
import { decodeModel } from './decode.ts';
import { encodeModel } from './encode.ts';
import * as proto from './proto.ts';

const x = input('x', ['B', 'L', 8]);

/** Graphs that together use every operator and every way to write a shape. */
function examples(): Graph[] {
  const w = parameter('w', [8, 4]);
  const y = o.matmul(x, w); // (B, L, 4)
  const everything = graph('everything', {
    unary: o.neg(
      o.exp(o.log(o.sqrt(o.reciprocal(o.sigmoid(o.tanh(o.relu(o.abs(o.sign(o.sin(o.cos(o.round(o.floor(o.stopGradient(y)))))))))))))),
    ),
    binary: o.add(o.sub(o.mul(o.div(y, 2), 3), 4), o.min(y, o.max(y, 0))),
    logic: o.where(o.equal(y, 0), o.cast(o.greater(y, 0), 'float32'), o.cast(o.less(y, 1), 'float32')),
    reduced: o.add(o.sum(y, { axes: [1] }), o.mean(y, { axes: [1] })),
    range: o.sub(o.maximum(y, { axes: [1] }), o.minimum(y, { axes: [1] })),
    total: o.sum(y, { keepdims: true }),
    soft: o.softmax(y, 1),
    best: o.argmax(y, 1),
    turned: o.transpose(y, [2, 0, 1]),
    cut: o.slice(o.slice(o.pad(y, [0, 1, 0, 0, 2, 0]), 1, 1, -1), 2, 2),
    joined: o.concat([y, y], 1),
    picked: o.gather(y, constant(int64([3], [0, 1, 2])), 2),
    scattered: o.scatterAdd(o.full([4, 2], 0), constant(int64([3, 1], [1, 1, 3])), o.full([3, 2], 1)),
    known: constant(scalar(7)),
    same: x,
    again: y,
    twice: y,
  });
  const image = input('image', ['B', '2*h+1', 'w', 4]);
  const shapes = graph('shapes', {
    copied: o.reshape(x, ['B', 'L', 2, 4]),
    flat: o.reshape(x, ['8*B*L']),
    mixed: o.reshape(x, ['B', 2, '4*L']),
    computed: o.reshape(o.pad(image, [0, 1, 0, 0, 0, 0, 0, 0]), ['2*B+2*B*h', '4*w']),
    wide: o.expand(o.full([4], 1), ['h+2', 'w*w', 4]),
    empty: o.reshape(parameter('nothing', [0, 3]), [3, 0]),
    part: o.expand(o.reshape(x, ['B', 'L', 1, 8]), ['B', 'L', 3, 8]),
    from: input('latent', ['h']),
  });
  const [size, zero] = [constant(scalar(0.1)), constant(tensor('uint8', [], Uint8Array.of(3)))];
  const whole = apply('QuantizeLinear', [x, size, zero]);
  const fast = graph('fast', {
    norm: apply('SimplifiedLayerNormalization', [x, parameter('gain', [8])], { epsilon: 1e-6 }),
    attended: apply('MultiHeadAttention', [x, x, x], { num_heads: 2, scale: 0.35355338 }),
    four: apply('MatMulNBits', [x, parameter('b', [4, 1, 16], 'uint8'), parameter('s', [4])], {
      K: 8,
      N: 4,
      bits: 4,
      block_size: 32,
      accuracy_level: 4,
    }),
    eight: apply('DynamicQuantizeMatMul', [x, parameter('b8', [8, 4], 'int8'), parameter('s8', [4])]),
    bytes: apply('MatMulIntegerToFloat', [whole, parameter('b9', [8, 4], 'int8'), size, parameter('s9', [4]), zero, zero]),
    loose: apply('DequantizeLinear', [parameter('b4', [8, 4], 'int4'), parameter('s4', [2, 4])], { axis: 0, block_size: 4 }),
  });
  const picture = input('picture', ['B', 4, '2*h', '2*w']);
  const layers = graph('layers', {
    convolved: o.conv2d(picture, parameter('w', [6, 2, 3, 3]), { stride: 2, pads: [1, 1, 1, 1], groups: 2, bias: parameter('b', [6]) }),
    plain: o.conv2d(picture, parameter('point', [3, 4, 1, 1])),
    larger: o.upsample(picture),
    bent: o.add(o.gelu(o.erf(x)), o.gelu(x, 'tanh')),
    layer: o.layerNormalize(o.layerNormalize(x, parameter('g1', [8]), parameter('b1', [8])), parameter('g2', [8]), undefined, 1e-6),
    instance: o.instanceNormalize(picture, parameter('g3', [4]), parameter('b3', [4])),
  });
  const h = input('h', [2, 3, 8]);
  const q = o.reshape(o.mul(rmsNormalize(silu(o.matmul(h, parameter('wq', [8, 8])))), parameter('g', [8])), [2, 1, 1, 3, 8]);
  const loss = mse(attention(q, o.reshape(h, [2, 1, 3, 8]), o.reshape(h, [2, 1, 3, 8])), q);
  const weights = graph('', { loss }).inputs.filter((v) => v.op === 'Parameter');
  const step = graph('step', { loss, ...Object.fromEntries(gradients(loss, weights).map((g, i) => [`d/${weights[i]!.name}`, g])) });
  return [everything, shapes, fast, layers, step];
}

test.each(examples().map((g) => [g.name, g] as const))('graph %s comes back as it was written', (_, g) => {
  expect(print(decodeModel(encodeModel(g).model).graph)).toBe(print(g));
});

test('bound weights come back with their names and numbers, also from external data', () => {
  const w = float32(
    [8, 64],
    Float32Array.from({ length: 512 }, (_, i) => i),
  );
  const v = tensor('int4', [3], Uint8Array.of(0x21, 0x03));
  const g = graph('bound', { y: o.matmul(x, parameter('w', [8, 64])), cast: o.cast(parameter('v', [3], 'int4'), 'float32') });
  for (const external of ['none', 'one', 'each'] as const) {
    const encoded = encodeModel(g, { weights: { w, v }, external, externalName: 'w.bin' });
    expect(encoded.external.map((f) => f.path)).toEqual(external === 'none' ? [] : external === 'one' ? ['w.bin'] : ['w.bin.0']);
    const read = (path: string) =>
      proto.flatten(proto.join(encoded.external.find((f) => f.path === path)!.parts.map((p) => ({ size: p.length, parts: [p] }))));
    const { weights, graph: back } = decodeModel(encoded.model, read);
    expect(print(back)).toBe(print(g));
    expect(weights).toEqual({ w, v });
  }
});

test('equal constants are written once', () => {
  const big = () => constant(float32([256], new Float32Array(256).fill(3)));
  const one = encodeModel(graph('one', { y: o.add(x, o.sum(big())) })).model.length;
  const two = encodeModel(graph('two', { y: o.add(o.add(x, o.sum(big())), o.sum(big())) })).model.length;
  expect(two - one).toBeLessThan(400);
});

test('what cannot be written or read is said in one line', () => {
  const y = o.matmul(x, parameter('w', [8, 4]));
  expect(() => encodeModel(graph('g', { x: y }))).toThrow('output "x" has the name of an input');
  expect(() => encodeModel(graph('g', { y }), { weights: { w: scalar(1) } })).toThrow('weight "w" is float32[], expected float32[8,4]');
  expect(() => encodeModel(graph('g', { y: o.expand(o.full([1], 1), ['n']) }))).toThrow('no input has an axis of size "n"');
  const { model } = encodeModel(graph('g', { y }));
  expect(() => decodeModel(model.subarray(0, model.length - 30))).toThrow(InputError);
  expect(() => decodeModel(new TextEncoder().encode('<svg xmlns="http://www.w3.org/2000/svg"/>'))).toThrow(InputError);
  expect(() => decodeModel(new Uint8Array())).toThrow('not an ONNX model: it holds no graph');
  const node = (op: string) => proto.message(1, proto.text(1, 'x'), proto.text(2, 'y'), proto.text(3, 'n0'), proto.text(4, op));
  const type = proto.message(2, proto.message(1, proto.integer(1, 1), proto.message(2, proto.message(1, proto.integer(1, 4)))));
  const foreign = (op: string) =>
    proto.flatten(
      proto.join([
        proto.message(7, node(op), proto.message(11, proto.text(1, 'x'), type), proto.message(12, proto.text(1, 'y'), type)),
        proto.message(8, proto.integer(2, 21)),
      ]),
    );
  expect(() => decodeModel(foreign('Hardmax'))).toThrow('ONNX node "n0" (Hardmax): the operator is not among ours');
  expect(() => decodeModel(foreign('Resize'))).toThrow('Resize is among our operators only with scales and mode nearest');
  expect(print(decodeModel(foreign('Relu')).graph)).toMatchInlineSnapshot(`
    "graph (x: float32[4]) {
      %0 = Relu(x): float32[4]
      y = %0
    }"
  `);
});

test('protocol buffers: numbers survive', () => {
  const bytes = proto.flatten(
    proto.join([
      proto.integer(1, -5),
      proto.integer(2, 2n ** 63n - 1n),
      proto.float(3, 0.1),
      proto.integers(4, [0, -1, 300]),
      proto.text(5, 'é'),
    ]),
  );
  const fields = proto.fieldsOf(bytes);
  const first = (n: number) => fields.get(n)?.[0];
  expect([
    proto.asInteger(first(1)),
    proto.asInteger(first(2)),
    proto.asFloat(first(3)),
    proto.asIntegers(fields.get(4)),
    proto.asText(first(5)),
  ]).toEqual([-5n, 2n ** 63n - 1n, Math.fround(0.1), [0n, -1n, 300n], 'é']);
  expect(toBytes(scalar(1)).length).toBe(4);
});
