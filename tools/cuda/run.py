"""Runs a training program that the SDK wrote as ONNX, with PyTorch. See README.md."""
import argparse
import glob
import json
import os
import signal
import sys
import time

import torch

from data import Feeder, read_safetensors, write_safetensors
from model import read_model
from program import Program

NEXT = 'next/'  # an output "next/X" is the next value of the input X


def settle(device):
    if device.type == 'cuda':
        torch.cuda.synchronize()


def matmul_speed(device, precision):
    """FLOP/s of a large product on this device in this precision: what a step's speed is measured against."""
    n = 8192 if device.type == 'cuda' else 256
    a = torch.randn(n, n, device=device).to(torch.bfloat16 if precision == 'bf16' else torch.float32)
    best = float('inf')
    for _ in range(5):
        settle(device)
        start = time.perf_counter()
        a @ a
        settle(device)
        best = min(best, time.perf_counter() - start)
    return 2 * n**3 / best


class Step:
    """One training step: state and feeds in, metrics out, the state replaced. `graphs` replays it as one CUDA graph."""

    def __init__(self, program, state, graphs):
        self.program, self.state, self.graphs, self.captured = program, state, graphs, None

    def step(self, feeds):
        out = self.program.run({**self.state, **feeds})
        metrics = {}
        for name, value in out.items():
            if not name.startswith(NEXT):
                metrics[name] = value.float()
            elif self.graphs:
                self.state[name[len(NEXT):]].copy_(value)
            else:
                self.state[name[len(NEXT):]] = value
        return metrics

    def __call__(self, feeds):
        if not self.graphs:
            return self.step(feeds)
        if self.captured is None:
            self.capture(feeds)
        for name, value in feeds.items():
            self.feeds[name].copy_(value)
        self.captured.replay()
        return self.metrics

    def capture(self, feeds):
        """Warms up on a copy of the state (three steps, as CUDA graphs want), then records."""
        self.feeds = {name: value.clone() for name, value in feeds.items()}
        trained = [name[len(NEXT):] for name in self.program.model.outputs if name.startswith(NEXT)]
        before = {name: self.state[name].cpu() for name in trained}
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self.step(self.feeds)
        torch.cuda.current_stream().wait_stream(side)
        for name, value in before.items():
            self.state[name].copy_(value)
        self.captured = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.captured):
            self.metrics = self.step(self.feeds)


def load_state(folder, out, frozen, ports, device):
    """The checkpoint of this run, else the bundle's beginning; then frozen weights, which are read and never written."""
    checkpoint = os.path.join(out, 'checkpoint.safetensors')
    source = checkpoint if os.path.exists(checkpoint) else os.path.join(folder, 'state.safetensors')
    kept, metadata = read_safetensors(source)
    state = {name: t.to(device) for name, t in kept.items()}
    extra = {}
    for path in sorted(glob.glob(os.path.join(folder, 'frozen*.safetensors'))) + frozen:
        extra.update(read_safetensors(path)[0])
    state.update((p.name, extra[p.name].to(device)) for p in ports if p.name in extra and p.name not in state)
    for p in ports:
        if p.name in state:
            symbols_fit = len(p.shape) == state[p.name].dim() and all(isinstance(a, str) or a == b for a, b in zip(p.shape, state[p.name].shape))
            if not symbols_fit or state[p.name].dtype != p.dtype:
                raise SystemExit(f'{source}: "{p.name}" is {list(state[p.name].shape)} {state[p.name].dtype}, the program wants {p.shape} {p.dtype}')
    return state, list(kept), metadata, checkpoint


def train(options):
    device = torch.device(options.device)
    torch.backends.cuda.matmul.allow_tf32 = options.precision == 'tf32'
    os.makedirs(options.out, exist_ok=True)
    with open(os.path.join(options.bundle, 'plan.json')) as file:
        plan = json.load(file)
    model = read_model(os.path.join(options.bundle, 'program.onnx'))
    program = Program(model, device, options.precision, options.compile)
    prepare = os.path.join(options.bundle, 'prepare.onnx')  # inputs that are computed from drawn ones
    prepare = Program(read_model(prepare), device) if os.path.exists(prepare) else None
    ports = model.inputs + (prepare.model.inputs if prepare else [])
    state, kept, metadata, checkpoint = load_state(options.bundle, options.out, options.frozen, ports, device)
    seed = plan.get('seed', 0) if options.seed is None else options.seed
    memory = torch.cuda.mem_get_info()[0] * 0.4 if device.type == 'cuda' else float('inf')
    feeder = Feeder(plan, [p for p in ports if p.name not in state], device, seed, options.bundle, memory)
    made = set(state) | set(feeder.ports) | set(prepare.model.outputs if prepare else [])
    missing = [p.name for p in ports if p.name not in made]
    if missing:
        raise SystemExit(f'neither the state nor the plan gives the inputs {missing[:8]}')

    steps, seconds = options.steps or plan.get('steps') or float('inf'), options.seconds or plan.get('seconds') or float('inf')
    step, spent = int(state['step'].item()), float(metadata.get('seconds', 0))
    started = time.perf_counter()
    elapsed = lambda: spent + time.perf_counter() - started
    share = lambda: min(1.0, max(step / steps, elapsed() / seconds))
    stopped = []  # by Ctrl-C or a time limit: the step in hand is finished and the state is saved
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda number, _: stopped.append(number))
    over = lambda: stopped or share() >= 1 or elapsed() - spent >= options.session

    def inputs():
        feeds = feeder.draw(step, share())
        return {n: v for n, v in ({**feeds, **prepare.run({**state, **feeds})} if prepare else feeds).items() if n in wanted}

    def save():
        write_safetensors(checkpoint, {n: state[n] for n in kept}, {**metadata, 'seconds': round(elapsed(), 3)})

    wanted = {p.name for p in model.inputs if p.name not in state}
    peak, flops = matmul_speed(device, options.precision), program.flops({**state, **inputs()})
    data = f', {feeder.rows.count} rows of data ({feeder.rows.bytes / 1e9:.2f} GB on {feeder.rows.home})' if feeder.rows else ''
    print(f'{model.name}: {len(model.nodes)} nodes, {flops / 1e9:.2f} GFLOP a step{data}; MatMul here {peak / 1e12:.2f} TFLOP/s; from step {step}', flush=True)
    once = Step(program, state, options.graphs)
    sums, counted, saved, mark = {}, 0, elapsed(), None
    while not over():
        metrics = once(inputs())
        sums = {n: sums[n] + v if n in sums else v.clone() for n, v in metrics.items()}
        step, counted = step + 1, counted + 1
        if mark is None:  # the first step compiles, captures, warms up: not timed
            settle(device)
            mark = (time.perf_counter(), step)
        if step % options.log_every == 0 or over():
            means = {n: (v / counted).item() for n, v in sums.items()}  # waits for the device
            if not all(map(lambda x: x == x and abs(x) != float('inf'), means.values())):
                raise SystemExit(f'diverged before step {step}: {means}; the last checkpoint is kept, lower the rate')
            pace = (step - mark[1]) / max(1e-9, time.perf_counter() - mark[0])
            line = {'step': step, 'seconds': round(elapsed(), 2), **means}
            if pace > 0:
                line.update(stepsPerSecond=round(pace, 3), samplesPerSecond=round(pace * (feeder.batch_size or 1), 2), tflops=float(f'{pace * flops / 1e12:.4g}'), ofMatMul=round(pace * flops / peak, 4))
            with open(os.path.join(options.out, 'log.jsonl'), 'a') as log:
                log.write(json.dumps(line) + '\n')
            print(json.dumps(line), flush=True)
            if elapsed() - saved > options.every:  # only here, where the loss is known to be a number
                save()
                saved = elapsed()
            sums, counted, mark = {}, 0, (time.perf_counter(), step)
    save()
    print(f'{"finished" if share() >= 1 else "paused"} at step {step} after {elapsed():.1f} s; state in {checkpoint}')


def check(options):
    """Every NAME.onnx of a folder on the feeds of NAME.safetensors ("feed/X"), against its outputs ("output/Y")."""
    wrong, paths = 0, sorted(glob.glob(os.path.join(options.check, '*.onnx')))
    for path in paths:
        tensors, metadata = read_safetensors(path[:-5] + '.safetensors')
        rtol, atol = float(metadata.get('rtol', 1e-4)), float(metadata.get('atol', 1e-5))
        feeds = {n[5:]: t.to(options.device) for n, t in tensors.items() if n.startswith('feed/')}
        title = metadata.get('title', os.path.basename(path))
        try:
            out = Program(read_model(path), options.device, options.precision, options.compile).run(feeds)
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


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('bundle', nargs='?', help='folder with program.onnx, plan.json, state.safetensors and data shards')
    p.add_argument('--out', default='runs/cuda', help='checkpoint and log go here; a run that finds a checkpoint goes on')
    p.add_argument('--check', metavar='FOLDER', help='run the fixtures of a folder instead, and compare')
    p.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    p.add_argument('--precision', choices=['fp32', 'tf32', 'bf16'], default='fp32', help='of MatMul; all else is float32')
    p.add_argument('--compile', action='store_true', help='torch.compile (PyTorch 2)')
    p.add_argument('--graphs', action='store_true', help='record the step as a CUDA graph')
    p.add_argument('--steps', type=int, help='end of the run, in all')
    p.add_argument('--seconds', type=float, help='end of the run, in all, earlier sessions included')
    p.add_argument('--session', type=float, default=float('inf'), help='pause after this many seconds of this call')
    p.add_argument('--every', type=float, default=120, help='seconds between checkpoints')
    p.add_argument('--log-every', type=int, default=20)
    p.add_argument('--seed', type=int)
    p.add_argument('--frozen', nargs='*', default=[], help='more .safetensors of weights that are not trained')
    options = p.parse_args()
    if options.check:
        return check(options)
    if not options.bundle:
        p.error('name a bundle, or --check a folder')
    return train(options)


if __name__ == '__main__':
    sys.exit(main())
