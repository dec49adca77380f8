"""Runs a training program that the SDK wrote as ONNX, with PyTorch. See README.md."""
import argparse
import glob
import json
import os
import sys
import time

import torch

from data import read_safetensors, rows_of_shards
from model import read_model
from program import Program
from trainer import Part, Run


def part_of(title, folder, plan, weight=((0, 1),), batch=None, rows=None):
    """A folder with program.onnx and, where inputs are computed from drawn ones, prepare.onnx; `rows`: the folder of its rows, where that is another."""
    prepare = os.path.join(folder, 'prepare.onnx')
    part = Part(title, [(batch, os.path.join(folder, 'program.onnx'), prepare if os.path.exists(prepare) else None, plan)], weight)
    part.folder = rows or folder
    return part


def open_run(bundle, out, options):
    """A bundle's run, with its rows in memory, and the bundle's plan."""
    at = lambda name: os.path.join(bundle, name)
    with open(at('plan.json')) as file:
        plan = json.load(file)
    parts = [part_of(p['name'], at(p['name']), p['plan'], p['weight'], p['batch'], at(p.get('rows', p['name']))) for p in plan['parts']] if 'parts' in plan else [part_of(bundle, bundle, plan)]
    frozen = {}
    for path in sorted(glob.glob(at('frozen*.safetensors'))) + options.frozen:
        frozen.update(read_safetensors(path)[0])
    seed = plan.get('seed', 0) if options.seed is None else options.seed
    run = Run(parts, out, lambda: read_safetensors(at('state.safetensors')), frozen, options, seed)
    memory = torch.cuda.mem_get_info()[0] * 0.4 if run.device.type == 'cuda' else float('inf')
    opened = {}  # programs of one room share its rows
    for part in parts:
        folder, keys = os.path.join(part.folder, plan.get('data', 'data')), tuple(sorted(part.ports()[2]))
        if keys and (folder, keys) not in opened:
            opened[folder, keys] = rows_of_shards(folder, keys, run.device, seed, memory)
        part.rows = opened.get((folder, keys))
    return run, plan


def train(options):
    run, plan = open_run(options.bundle, options.out, options)
    steps, seconds = options.steps or plan.get('steps') or float('inf'), options.seconds or plan.get('seconds') or float('inf')
    run.train(steps, seconds, time.perf_counter() + options.session)


def check(options):
    """Every NAME.onnx of a folder on the feeds of NAME.safetensors ("feed/X"), against its outputs ("output/Y")."""
    wrong, paths = 0, sorted(glob.glob(os.path.join(options.check, '*.onnx')))
    for path in paths:
        tensors, metadata = read_safetensors(path[:-5] + '.safetensors')
        rtol, atol = float(metadata.get('rtol', 1e-4)), float(metadata.get('atol', 1e-5))
        feeds = {n[5:]: t.to(options.device) for n, t in tensors.items() if n.startswith('feed/')}
        title = metadata.get('title', os.path.basename(path))
        try:
            out = Program(read_model(path), options.device, options.precision).run(feeds)
            for name, t in ((n[7:], t) for n, t in tensors.items() if n.startswith('output/')):
                found = out[name].cpu()
                assert (found.dtype, found.shape) == (t.dtype, t.shape), f'{name} is {found.dtype}{list(found.shape)}, expected {t.dtype}{list(t.shape)}'
                off = (found.double() - t.double()).abs() - atol - rtol * t.double().abs()
                assert not off.numel() or bool((off <= 0).all()), f'{name}: found {found.reshape(-1)[off.argmax()]}, expected {t.reshape(-1)[off.argmax()]} at {int(off.argmax())}'
        except Exception as error:  # go on: the list of all that fail is worth more
            wrong += 1
            print(f'FAILED {title}: {type(error).__name__}: {error}')
    print(f'{len(paths) - wrong} passed, {wrong} failed (torch {torch.__version__}, {options.device}, {options.precision})')
    return 1 if wrong or not paths else 0


def add_options(p, precision='fp32'):
    """How programs are run: the same for one bundle and for the whole chain."""
    p.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    p.add_argument('--precision', choices=['fp32', 'tf32', 'bf16', 'mixed'], default=precision, help='of MatMul; mixed: its results stay bf16 until they meet float32')
    p.add_argument('--no-compile', dest='compile', action='store_false', help='without torch.compile (PyTorch 2)')
    p.add_argument('--patience', type=float, default=Program.patience, help='seconds of compiling in all; what is not compiled by then runs plain')
    p.add_argument('--no-graphs', dest='graphs', action='store_false', help='without recording steps as CUDA graphs')
    p.add_argument('--every', type=float, default=120, help='seconds between checkpoints')
    p.add_argument('--log-every', type=int, default=20)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('bundle', nargs='?', help='folder with program.onnx, plan.json, state.safetensors and data shards')
    p.add_argument('--out', default='runs/cuda', help='checkpoint and log go here; a run that finds a checkpoint goes on')
    p.add_argument('--check', metavar='FOLDER', help='run the fixtures of a folder instead, and compare')
    add_options(p)
    p.add_argument('--steps', type=int, help='end of the run, in all')
    p.add_argument('--seconds', type=float, help='end of the run, in all, earlier sessions included')
    p.add_argument('--session', type=float, default=float('inf'), help='pause after this many seconds of this call')
    p.add_argument('--seed', type=int)
    p.add_argument('--frozen', nargs='*', default=[], help='more .safetensors of weights that are not trained')
    options = p.parse_args()
    Program.patience = options.patience
    if options.check:
        return check(options)
    if not options.bundle:
        p.error('name a bundle, or --check a folder')
    return train(options)


if __name__ == '__main__':
    sys.exit(main())
