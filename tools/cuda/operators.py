"""One table: ONNX operator -> the Python expression that calls torch. To add an operator, add a row.

A row gets the node's attributes and its operands as source text, and returns source text. Operands named in HOST are lists
of whole numbers known to Python (axes, bounds, shapes); all others are tensors. Multi-line meanings are functions below.
"""
import torch
import torch.nn.functional as F

END = 2**62  # bounds beyond this mean "to the end"


def call(name):
    return lambda a, *x: f'torch.{name}({", ".join(x)})'


def sign(symbol):
    return lambda a, x, y: f'{x} {symbol} {y}'


def own(name):
    return lambda a, *x: f'{name}({", ".join(x)}, {a})'


def reduce(name):
    return lambda a, x, axes='None': f'torch.{name}({x}, {axes}, {bool(a.get("keepdims", 1))})'


def slice_(a, x, starts, ends, axes):
    bounds = dict(zip(eval(axes), zip(eval(starts), eval(ends))))
    part = lambda i: ':' if i not in bounds else f'{bounds[i][0]}:{bounds[i][1] if bounds[i][1] < END else ""}'
    return f'{x}[{", ".join(part(i) for i in range(max(bounds) + 1))}]'


def pad(a, x, pads):
    both = eval(pads)
    rank = len(both) // 2
    return f'F.pad({x}, {[both[i + side * rank] for i in reversed(range(rank)) for side in (0, 1)]})'


OPERATORS = {
    'Neg': call('neg'), 'Exp': call('exp'), 'Log': call('log'), 'Sqrt': call('sqrt'), 'Reciprocal': call('reciprocal'),
    'Sigmoid': call('sigmoid'), 'Tanh': call('tanh'), 'Relu': call('relu'), 'Abs': call('abs'), 'Sign': call('sign'),
    'Sin': call('sin'), 'Cos': call('cos'), 'Round': call('round'), 'Floor': call('floor'), 'Erf': call('erf'),
    'Identity': lambda a, x: x,
    'Add': sign('+'), 'Sub': sign('-'), 'Mul': sign('*'), 'Div': lambda a, x, y: f'divide({x}, {y})',
    'Min': call('minimum'), 'Max': call('maximum'), 'Equal': call('eq'), 'Greater': call('gt'), 'Less': call('lt'),
    'Where': lambda a, c, x, y: f'where({c}, {x}, {y})',
    'Cast': lambda a, x: f'{x}.to(TYPES[{a["to"]}])',
    'MatMul': lambda a, x, y: f'matmul({x}, {y})',
    'Softmax': lambda a, x: f'torch.softmax({x}, {a["axis"]})',
    'ArgMax': lambda a, x: f'torch.argmax({x}, {a["axis"]}, True)',
    'ReduceSum': reduce('sum'), 'ReduceMean': reduce('mean'), 'ReduceMax': reduce('amax'),
    'ReduceMin': reduce('amin'),
    'Reshape': lambda a, x, shape: f'reshape({x}, {shape}, {a.get("allowzero", 0)})',
    'Transpose': lambda a, x: f'{x}.permute({a["perm"]})',
    'Expand': lambda a, x, shape: f'{x}.expand(torch.broadcast_shapes({x}.shape, tuple({shape})))',
    'Slice': slice_,
    'Concat': lambda a, *x: f'torch.cat(({", ".join(x)}), {a["axis"]})',
    'Pad': pad,
    'Gather': own('gather'),
    'ScatterND': own('scatter'),
    'Conv': own('convolve'),
    'Resize': own('repeat'),
    'Gelu': lambda a, x: f'F.gelu({x}, approximate={a.get("approximate", "none")!r})',
    'LayerNormalization': own('layer_normalize'),
    'InstanceNormalization': lambda a, x, gain, bias: f'F.instance_norm({x}, weight={gain}, bias={bias}, eps={a["epsilon"]})',
    'SimplifiedLayerNormalization': own('rms_normalize'),
    'MultiHeadAttention': own('attention'),
    'MatMulNBits': own('matmul_bits'),
    'DynamicQuantizeMatMul': own('matmul_bytes'),
    'QuantizeLinear': lambda a, x, scale, zero: f'quantize({x}, {scale}, {zero})',
    'MatMulIntegerToFloat': lambda a, *x: f'matmul_scaled({", ".join(x)})',
    'DequantizeLinear': own('dequantize'),
}

# Which operands are lists of whole numbers.
HOST = {**{f'Reduce{name}': {1} for name in ('Sum', 'Mean', 'Max', 'Min')}, 'Reshape': {1}, 'Expand': {1}, 'Slice': {1, 2, 3}, 'Pad': {1}}

# Arithmetic on sizes that are only known at run time stays in Python.
SIZES = {
    'Shape': lambda a, x: f'list({x}.shape)[{a.get("start", 0)}:{a.get("end", "")}]',
    'Concat': lambda a, *x: ' + '.join(x),
    'Add': lambda a, x, y: f'[p + q for p, q in zip({x}, {y})]',
    'Sub': lambda a, x, y: f'[p - q for p, q in zip({x}, {y})]',
    'Mul': lambda a, x, y: f'[p * q for p, q in zip({x}, {y})]',
    'Div': lambda a, x, y: f'[p // q for p, q in zip({x}, {y})]',
}


def divide(x, y):
    floating = any(torch.is_floating_point(t) for t in (x, y) if torch.is_tensor(t))
    return x / y if floating else torch.div(x, y, rounding_mode='trunc')


def where(condition, x, y):
    wide = torch.promote_types(x.dtype, y.dtype)  # bf16 may meet float32
    return torch.where(condition, x.to(wide), y.to(wide))


def reshape(x, shape, allowzero):
    return x.reshape([x.shape[i] if d == 0 and not allowzero else d for i, d in enumerate(shape)])


def gather(x, index, a):
    axis = a['axis']
    rows = index.reshape(-1).long()
    rows = torch.where(rows < 0, rows + x.shape[axis], rows)
    return x.index_select(axis, rows).reshape(x.shape[:axis] + index.shape + x.shape[axis + 1:])


def scatter(x, index, update, a):
    reduction = a.get('reduction', 'none')
    if reduction not in ('none', 'add'):
        raise NotImplementedError(f'ScatterND with reduction {reduction}')
    return x.index_put(tuple(index.unbind(-1)), update.to(x.dtype), accumulate=reduction == 'add')


def convolve(x, weight, *rest):
    bias, a = rest[0] if len(rest) > 1 else None, rest[-1]
    top, left, bottom, right = a['pads']
    return F.conv2d(F.pad(x, (left, right, top, bottom)), weight, bias, tuple(a['strides']), groups=a['group'])


def repeat(x, roi, scales, a):  # to the nearest: each element `scale` times
    for axis, scale in enumerate(scales.tolist()):
        x = x if scale == 1 else x.repeat_interleave(int(scale), axis)
    return x


def layer_normalize(x, gain, *rest):
    return F.layer_norm(x, x.shape[-1:], gain, rest[0] if len(rest) > 1 else None, rest[-1]['epsilon'])


def rms_normalize(x, gain, a):
    return x * torch.rsqrt(x.square().mean(-1, True) + a['epsilon']) * gain


def attention(q, k, v, *rest):
    bias, a = rest[0] if len(rest) > 1 else None, rest[-1]
    if bias is not None:
        q, k, v = (t + b for t, b in zip((q, k, v), bias.split([q.shape[-1], k.shape[-1], v.shape[-1]])))
    heads = lambda t: t.reshape(t.shape[0], t.shape[1], a['num_heads'], -1).transpose(1, 2)
    q, k, v = heads(q), heads(k), heads(v)
    scale = a.get('scale', 0) or q.shape[-1] ** -0.5
    weights = torch.softmax((q * scale) @ k.transpose(-1, -2), -1)
    return (weights @ v).transpose(1, 2).reshape(q.shape[0], q.shape[2], -1)


def matmul_bits(x, packed, scales, *rest):
    a, K, N, bits, block = rest[-1], *(rest[-1][k] for k in ('K', 'N', 'bits', 'block_size'))
    shifts = torch.arange(0, 8, bits, device=x.device, dtype=torch.uint8)
    unpack = lambda t: ((t.unsqueeze(-1) >> shifts) & (2**bits - 1)).reshape(N, -1).float()
    blocks = scales.numel() // N
    zero = unpack(rest[0].reshape(N, -1))[:, :blocks].unsqueeze(-1) if len(rest) > 1 else 2 ** (bits - 1)
    weight = (unpack(packed).reshape(N, blocks, block) - zero) * scales.reshape(N, blocks, 1)
    if a.get('accuracy_level') == 4:  # activations in 8 bits, block by block
        parts = F.pad(x, (0, blocks * block - K)).reshape(*x.shape[:-1], blocks, block)
        step = parts.abs().amax(-1, True) / 127
        x = (torch.round(parts / torch.where(step == 0, 1, step)) * step).reshape(*x.shape[:-1], -1)[..., :K]
    return x @ weight.reshape(N, -1)[:, :K].T


def matmul_bytes(x, weight, scale, *rest):
    zero, bias = [*rest[:-1], None, None][:2]
    low, high = x.amin().clamp(max=0), x.amax().clamp(min=0)
    step = torch.where(high == low, torch.ones_like(low), (high - low) / 255)
    middle = torch.round((-low / step).clamp(0, 255))
    whole = (torch.round(x / step) + middle).clamp(0, 255) - middle
    y = whole @ (weight.float() - (0 if zero is None else zero.float())) * (step * scale)
    return y if bias is None else y + bias


def quantize(x, scale, zero):
    range_ = torch.iinfo(zero.dtype)
    return (torch.round(x / scale) + zero).clamp(range_.min, range_.max).to(zero.dtype)


def matmul_scaled(x, weight, x_scale, scale, x_zero, zero, bias=0):
    return (x.float() - x_zero.float()) @ (weight.float() - zero.float()) * (x_scale * scale) + bias


def dequantize(x, scale, *rest):
    a = rest[-1]
    axis, block = a.get('axis', 1), a.get('block_size', 0)

    def spread(t):
        if t.dim() == 0:
            return t
        if block:
            return t.repeat_interleave(block, axis).narrow(axis, 0, x.shape[axis])
        return t.reshape([-1 if i == axis % x.dim() else 1 for i in range(x.dim())])

    return (x.float() - (spread(rest[0]).float() if len(rest) > 1 else 0)) * spread(scale)
