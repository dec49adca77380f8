"""How much a program needs, without running it: its lines are followed on torch's meta device, which knows shapes and no numbers.
  python3 memory.py PROGRAM.onnx ... [--precision mixed]
prints lines, floating-point operations of MatMul, bytes of the inputs (weights, moments, batch) and the most bytes of other values
that are alive at once. A device's allocator takes a tenth more."""
import argparse
import re

import torch
import torch.nn.functional as F

import operators
from model import TYPES, read_model
from program import NAME, Counter, lines_of, matmul_in

VIEW = re.compile(r'^(?:reshape\((\w+),|(\w+)\.permute|(\w+)\.expand|(\w+)\[|(\w+)$)')


def follow(model, precision):
    """Lines, outputs, bytes of every value by name (views: none, with whom they share), and the operations of MatMul."""
    counter = Counter()
    counter.on = True
    lines, outputs, constants = lines_of(model)
    scope = {'torch': torch, 'F': F, 'TYPES': TYPES, 'matmul': matmul_in(precision, counter)}
    scope.update((k, v) for k, v in vars(operators).items() if callable(v) and k not in scope)
    values = {f'c{i}': t.to('meta') for i, t in enumerate(constants)}
    values.update((f'x{i}', torch.empty(p.shape, dtype=p.dtype, device='meta')) for i, p in enumerate(model.inputs))
    size = lambda t: t.numel() * t.element_size()
    fixed = sum(map(size, values.values()))
    held, owner = {}, {}
    last = {name: i for i, (_, expression, _) in enumerate(lines) for name in NAME.findall(expression)}
    with torch.no_grad():
        for i, (result, expression, _) in enumerate(lines):
            values[result] = eval(expression, scope, values)
            view = VIEW.match(expression)
            of = next((g for g in view.groups() if g), None) if view else None
            owner[result] = owner.get(of, of) if of else result
            held[result] = 0 if of else size(values[result])
            for name in NAME.findall(expression):
                if last[name] == i and name[0] == 'v':
                    values.pop(name, None)
    return lines, set(outputs.values()), held, owner, fixed, counter.flops


def peak(lines, outputs, held, owner):
    """The most bytes of values alive at once, in this order."""
    last = {}
    for i, (_, expression, _) in enumerate(lines):
        for name in NAME.findall(expression):
            last[owner.get(name, name)] = i
    last.update((owner[n], len(lines)) for n in outputs if n in owner)
    ends = {}
    for name, i in last.items():
        ends.setdefault(i, []).append(name)
    now = most = 0
    for i, (result, _, _) in enumerate(lines):
        now += held[result]
        most = max(most, now)
        now -= sum(held.get(name, 0) for name in ends.get(i, ()))
    return most


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('programs', nargs='+')
    p.add_argument('--precision', default='mixed')
    options = p.parse_args()
    for path in options.programs:
        lines, outputs, held, owner, fixed, flops = follow(read_model(path), options.precision)
        most = peak(lines, outputs, held, owner)
        print(f'{path}: {len(lines)} lines, {flops / 1e12:.4g} TFLOP, inputs {fixed / 1e9:.4g} GB, values {most / 1e9:.4g} GB', flush=True)


if __name__ == '__main__':
    main()
