"""A model as straight-line Python: the source is written from the graph, so that torch.compile and CUDA graphs see plain code.
Intermediate values are deleted after their last use.

Compiled, the lines are cut into segments, one a block of the network and one a weight that is updated, and each becomes a function
of its own. Blocks and weights of one shape then give the same text, so that a few dozen functions are compiled, not all lines."""
import re
import time

import torch
import torch.nn.functional as F

import operators
from model import TYPES
from operators import HOST, OPERATORS, SIZES

ARITHMETIC = {'Add', 'Sub', 'Mul', 'Div'}
NAME = re.compile(r'\b[vxc]\d+\b')
LONGEST = 300  # lines of a segment


class Counter:
    """Counts the floating-point operations of every MatMul while it is switched on."""
    on, flops = False, 0


def matmul_in(precision, counter):
    """MatMul in a precision: 'bf16' gives float32 again, 'mixed' leaves bf16, which whatever meets float32 becomes once more."""
    half = torch.bfloat16 if precision in ('bf16', 'mixed') else None
    narrow = precision == 'mixed'

    def matmul(x, y):
        if half and torch.is_floating_point(x):
            out = torch.matmul(x.to(half), y.to(half))
            out = out if narrow else out.float()
        else:
            out = torch.matmul(x, y)
        if counter.on:
            counter.flops += 2 * out.numel() * x.shape[-1]
        return out

    return matmul


def lines_of(model):
    """The model as lines (result, expression, key): `key` names the block whose weights a line reads, or the moment or average
    ("m/PATH"), if any. Then the names of the outputs, and the constants that the lines refer to as c0, c1, ..."""
    names, sizes, constants, lines = {}, set(), [], []
    blocks = {p.name: p.name if '/' in p.name else match.group(0) for p in model.inputs for match in [re.search(r'[\w.]*blocks\.\d+|.*/.*', p.name)] if match}

    def operand(name):
        if not name:
            return 'None'  # left out
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
        names[node.outputs[0]] = f'v{i}'
        keys = sorted((blocks[n] for n in node.inputs if n in blocks), key=lambda k: '/' not in k)
        lines.append((f'v{i}', expression, keys[0] if keys else None))
    return lines, {n: operand(n) for n in model.outputs}, constants


def body_of(lines, kept):
    """Text of some lines, each value deleted after its last use unless it is kept."""
    last = {name: i for i, (_, expression, _) in enumerate(lines) for name in NAME.findall(expression)}
    made, text = set(), []
    for i, (result, expression, _) in enumerate(lines):
        text.append(f'    {result} = {expression}\n')
        made.add(result)
        dead = sorted(n for n in set(NAME.findall(expression)) | {result} if n in made and n not in kept and last.get(n, i) == i)
        if dead:
            text.append(f'    del {", ".join(dead)}\n')
    return ''.join(text)


def segments_of(lines, outputs):
    """The lines cut into (function's text, arguments, results): equal texts are equal functions."""
    cuts, current, updating = [0], None, False
    for i, (_, _, key) in enumerate(lines):
        if key and '/' in key:  # from the first moment on, a segment is the update of one weight
            updating, key = True, key.split('/', 1)[1]
        elif updating:
            key = None
        if (key and current and key != current) or i - cuts[-1] >= LONGEST:
            cuts.append(i)
            current = None
        current = key or current
    uses = [set(NAME.findall(expression)) for _, expression, _ in lines]
    last = {name: i for i, found in enumerate(uses) for name in found}
    last.update((name, len(lines)) for name in outputs)
    segments = []
    for start, end in zip(cuts, cuts[1:] + [len(lines)]):
        part = lines[start:end]
        made = [result for result, _, _ in part]
        results = [name for name in made if last.get(name, -1) >= end]
        own, order = set(made), {}
        rename = lambda text: NAME.sub(lambda m: order.setdefault(m.group(0), f'v{len(order)}'), text)
        renamed = [(rename(result), rename(expression), None) for result, expression, _ in part]
        arguments = [name for name in order if name not in own]
        head = ', '.join(order[name] for name in arguments)
        tail = ', '.join(order[name] for name in results)
        text = f'def run({head}):\n{body_of(renamed, {order[n] for n in results})}    return ({tail},)\n'
        segments.append((text, arguments, results, [n for n in arguments + results if n[0] == 'v' and last[n] < end and n not in outputs]))
    return segments


class Program:
    """A model on a device: `run(feeds)` gives the outputs by name."""
    compiled, patience = {}, 150  # functions by text, shared by all programs; seconds of compiling in all, after which segments stay as they are

    def __init__(self, model, device='cpu', precision='fp32', compiled=False):
        self.model, self.device, self.counter = model, torch.device(device), Counter()
        self.lines, self.outputs, constants = lines_of(model)
        self.scope = {'torch': torch, 'F': F, 'TYPES': TYPES, 'matmul': matmul_in(precision, self.counter)}
        self.scope.update((k, v) for k, v in vars(operators).items() if callable(v) and k not in self.scope)
        self.constants = {f'c{i}': t.to(self.device) for i, t in enumerate(constants)}
        arguments = ', '.join(f'x{i}' for i in range(len(model.inputs)))
        results = ', '.join(f'{n!r}: {name}' for n, name in self.outputs.items())
        self.source = f'def run({arguments}):\n{body_of(self.lines, set(self.outputs.values()))}    return {{{results}}}\n'
        self.plain = self.function(self.source, self.constants)
        self.fast = self.in_segments(precision) if compiled else self.plain

    def function(self, text, names=()):
        scope = {**self.scope, **dict(names)}
        exec(compile(text, f'<{self.model.name}>', 'exec'), scope)
        return scope['run']

    def in_segments(self, precision):
        segments = segments_of(self.lines, set(self.outputs.values()))
        functions = []
        for text, *_ in segments:
            key = (precision, text)
            if key not in Program.compiled:
                Program.compiled[key] = Patient(lambda text=text: self.function(text))
            functions.append(Program.compiled[key])

        def run(*inputs):
            values = {**self.constants, **{f'x{i}': t for i, t in enumerate(inputs)}}
            for function, (_, arguments, results, dead) in zip(functions, segments):
                values.update(zip(results, function(*[values[n] for n in arguments])))
                for name in dead:
                    del values[name]
            return {n: values[name] for n, name in self.outputs.items()}

        return run

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


class Patient:
    """A function, compiled at its first call with each set of shapes while there is patience left; otherwise plain."""

    def __init__(self, make):
        self.make, self.known = make, {}

    def __call__(self, *arguments):
        shapes = tuple((t.shape, t.dtype, t.stride()) for t in arguments)
        if shapes in self.known:
            return self.known[shapes](*arguments)
        started, plain = time.perf_counter(), self.make()
        self.known[shapes] = plain
        if Program.patience <= 0:
            return plain(*arguments)
        try:
            fast = torch.compile(plain, dynamic=False)
            results = fast(*arguments)
            self.known[shapes] = fast
            return results
        except Exception as error:
            if 'out of memory' in str(error).lower():
                raise
            print(f'a segment stays as it is: {type(error).__name__}: {str(error).splitlines()[0][:160] if str(error) else ""}', flush=True)
            return plain(*arguments)
        finally:
            Program.patience -= time.perf_counter() - started
