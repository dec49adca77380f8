"""A model as a straight-line Python function of torch calls: the source is written from the graph, so that torch.compile and
CUDA graphs see plain code. Intermediate values are deleted after their last use."""
import torch
import torch.nn.functional as F

import operators
from model import TYPES
from operators import HOST, OPERATORS, SIZES

ARITHMETIC = {'Add', 'Sub', 'Mul', 'Div'}


class Counter:
    """Counts the floating-point operations of every MatMul while it is switched on."""
    on, flops = False, 0


def matmul_in(precision, counter):
    half = torch.bfloat16 if precision == 'bf16' else None

    def matmul(x, y):
        out = torch.matmul(x.to(half), y.to(half)).float() if half and x.dtype == torch.float32 else torch.matmul(x, y)
        if counter.on:
            counter.flops += 2 * out.numel() * x.shape[-1]
        return out

    return matmul


def source_of(model):
    """The function's text, and the constants it refers to as c0, c1, ..."""
    names, sizes, constants, lines = {}, set(), [], []
    last = {name: i for i, node in enumerate(model.nodes) for name in node.inputs}

    def operand(name):
        if name not in names:
            if name not in model.constants:
                raise ValueError(f'{model.name}: nothing makes "{name}"')
            names[name] = f'c{len(constants)}'
            constants.append(model.constants[name])
        return names[name]

    def numbers(name):  # a list of whole numbers: written out, or computed from sizes
        return str(model.constants[name].tolist()) if name in model.constants else names[name]

    def literal(name):  # a float scalar written out, so that kernels need not read it
        t = model.constants.get(name)
        return repr(t.item()) if t is not None and t.dtype == torch.float32 and t.dim() == 0 and t.isfinite() else None

    for i, port in enumerate(model.inputs):
        names[port.name] = f'x{i}'
    for i, node in enumerate(model.nodes):
        result = f'v{i}'
        if node.op == 'Shape' or (node.op in SIZES and any(n in sizes for n in node.inputs)):
            sizes.add(node.outputs[0])
            args = [names[n] if n in names and n not in model.constants else numbers(n) for n in node.inputs]
            expression = SIZES[node.op](node.attributes, *args)
        elif node.op not in OPERATORS:
            raise ValueError(f'{model.name}: operator {node.op} is not in the table of operators.py')
        else:
            args = [numbers(n) if k in HOST.get(node.op, ()) else operand(n) for k, n in enumerate(node.inputs)]
            if node.op in ARITHMETIC:
                written = [literal(n) for n in node.inputs]
                if written.count(None) == 1:
                    args = [f'({w})' if w else a for w, a in zip(written, args)]
            expression = OPERATORS[node.op](node.attributes, *args)
        names[node.outputs[0]] = result
        lines.append(f'{result} = {expression}')
        dead = {names[n] for n in node.inputs if last.get(n) == i and n not in model.outputs and n in names and n not in model.constants}
        if dead:
            lines.append('del ' + ', '.join(sorted(dead)))
    results = ', '.join(f'{n!r}: {operand(n)}' for n in model.outputs)
    arguments = ', '.join(f'x{i}' for i in range(len(model.inputs)))
    body = ''.join(f'    {line}\n' for line in lines)
    return f'def run({arguments}):\n{body}    return {{{results}}}\n', constants


class Program:
    """A model on a device: `run(feeds)` gives the outputs by name."""

    def __init__(self, model, device='cpu', precision='fp32', compiled=False):
        self.model, self.device, self.counter = model, torch.device(device), Counter()
        self.source, constants = source_of(model)
        scope = {'torch': torch, 'F': F, 'TYPES': TYPES, 'matmul': matmul_in(precision, self.counter)}
        scope.update((k, v) for k, v in vars(operators).items() if callable(v) and k not in scope)
        scope.update((f'c{i}', t.to(self.device)) for i, t in enumerate(constants))
        exec(compile(self.source, f'<{model.name}>', 'exec'), scope)
        self.plain = scope['run']
        self.fast = torch.compile(self.plain, dynamic=False) if compiled else self.plain

    def run(self, feeds, plain=False):
        missing = [p.name for p in self.model.inputs if p.name not in feeds]
        if missing:
            raise ValueError(f'{self.model.name}: no tensor for {missing[:5]}')
        with torch.no_grad():
            return (self.plain if plain else self.fast)(*[feeds[p.name] for p in self.model.inputs])

    def flops(self, feeds):
        """Floating-point operations of one run, counted by running it."""
        self.counter.on, self.counter.flops = True, 0
        self.run(feeds, plain=True)
        self.counter.on = False
        return self.counter.flops
