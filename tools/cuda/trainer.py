"""The training loop: one state, and one or more programs that share it, chosen step by step by their weights.

A program is tried in the fastest way first (compiled and recorded as a CUDA graph), then in plainer ones, then with smaller
batches; each step down says why. It knows nothing of networks: an output "next/X" of a program is the next value of the input X.
"""
import gc
import json
import os
import random
import signal
import time

import torch

from data import Feeder, mixed, read_safetensors, schedule, write_safetensors
from model import read_model
from program import Program

NEXT = 'next/'


def settle(device):
    if device.type == 'cuda':
        torch.cuda.synchronize()


def matmul_speed(device, precision):
    """FLOP/s of a large product on this device in this precision: what a step's speed is measured against."""
    n = 8192 if device.type == 'cuda' else 256
    a = torch.randn(n, n, device=device).to(torch.bfloat16 if precision in ('bf16', 'mixed') else torch.float32)
    best = float('inf')
    for _ in range(5):
        settle(device)
        start = time.perf_counter()
        a @ a
        settle(device)
        best = min(best, time.perf_counter() - start)
    return 2 * n**3 / best


def trained(model):
    """Names of what a program has a next value of."""
    return [name[len(NEXT):] for name in model.outputs if name.startswith(NEXT)]


class Step:
    """One training step: state and feeds in, metrics out, the state replaced. Recorded, it is replayed as one CUDA graph."""
    pool = None  # graphs share their memory: they run one at a time, and what they leave is read at once

    def __init__(self, program, state):
        self.program, self.state, self.captured = program, state, None

    def step(self, feeds):
        out = self.program.run({**self.state, **feeds})
        metrics = {}
        for name, value in out.items():
            if not name.startswith(NEXT):
                metrics[name] = value.float()
            elif value.device.type == 'cuda':  # in place: recorded steps of other programs read the same memory
                self.state[name[len(NEXT):]].copy_(value)
            else:
                self.state[name[len(NEXT):]] = value.to(self.state[name[len(NEXT):]].dtype)
        return metrics

    def __call__(self, feeds):
        if self.captured is None:
            return self.step(feeds)
        for name, value in feeds.items():
            self.feeds[name].copy_(value)
        self.captured.replay()
        return self.metrics

    def capture(self, feeds, recorded):
        """Warms up (three steps, as CUDA graphs want), and records if asked; the state is then as it was."""
        self.feeds = {name: value.clone() for name, value in feeds.items()}
        before = {name: self.state[name].clone() for name in trained(self.program.model)}
        try:
            if not recorded:
                self.step(self.feeds)
                return
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                for _ in range(3):
                    self.step(self.feeds)
            torch.cuda.current_stream().wait_stream(side)
            torch.cuda.synchronize()
            torch.cuda.empty_cache()  # what the warm-up held goes to the graph
            if Step.pool is None:
                Step.pool = torch.cuda.graph_pool_handle()
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, pool=Step.pool):
                self.metrics = self.step(self.feeds)
            self.captured = graph
        finally:
            for name, value in before.items():
                self.state[name].copy_(value)


def ways(options, device):
    """Ways of running a step, the fastest first: (name, compiled, recorded)."""
    able = device.type == 'cuda'
    compiled = options.compile and hasattr(torch, 'compile')
    every = [('compiled and recorded', compiled and able and options.graphs, True, True), ('compiled', compiled and not (able and options.graphs), True, False), ('recorded', able and options.graphs, False, True), ('plain', True, False, False)]
    return [(name, c, r) for name, on, c, r in every if on]


class Part:
    """A program with what feeds it. `variants`: (batch, path of the program, path of what prepares inputs or None, plan), largest batch first."""

    def __init__(self, title, variants, weight=((0, 1),)):
        self.title, self.variants, self.weight = title, variants, weight
        self.once = self.rows = self.known = None

    def ports(self):
        """Inputs of the smallest variant's program and of what prepares them, and the keys of rows that its plan wants."""
        if self.known is None:
            _, path, prepare, plan = self.variants[-1]
            model = read_model(path)
            ports = model.inputs + (read_model(prepare).inputs if prepare else [])
            self.known = model._replace(nodes=[], constants={}), ports, Feeder(plan, ports, torch.device('cpu'), 0).keys
        return self.known

    def open(self, run, step, done):
        """Makes the first variant ready that works, in the first way that works. Exits where none does."""
        for variant in self.variants:
            for name, compiled, recorded in ways(run.options, run.device):
                started = time.perf_counter()
                try:
                    self.load(run, variant, compiled)
                    feeds = self.inputs(step, done)
                    self.flops = self.program.flops({**run.state, **feeds})
                    if compiled or recorded:
                        self.once.capture(feeds, recorded)
                    settle(run.device)
                    took = time.perf_counter() - started
                    print(f'{self.title}: batch {variant[0]}, {name}, {len(self.program.model.nodes)} nodes, {self.flops / 1e9:.1f} GFLOP a step, ready in {took:.1f} s', flush=True)
                    return
                except Exception as error:
                    memory = 'out of memory' in str(error).lower()
                    print(f'{self.title}: batch {variant[0]} {name}: {type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ""}', flush=True)
                    self.once = self.program = self.prepare = None
                    reason = error
                    error = None
                gc.collect()
                if run.device.type == 'cuda':
                    torch.cuda.empty_cache()
                if memory and not compiled:
                    break  # plainer ways take no less
        raise SystemExit(f'{self.title}: no way works; the last reason was {reason}')

    def load(self, run, variant, compiled):
        self.batch, path, prepare, plan = variant
        self.program = Program(read_model(path), run.device, run.options.precision, compiled)
        self.prepare = Program(read_model(prepare), run.device) if prepare else None
        ports = self.program.model.inputs + (self.prepare.model.inputs if self.prepare else [])
        self.state, self.wanted = run.state, {p.name for p in self.program.model.inputs if p.name not in run.state}
        self.feeder = Feeder(plan, [p for p in ports if p.name not in run.state], run.device, run.seed)
        self.feeder.rows = self.rows
        made = set(run.state) | set(self.feeder.ports) | set(self.prepare.model.outputs if self.prepare else [])
        missing = [p.name for p in ports if p.name not in made]
        if missing:
            raise SystemExit(f'neither the state nor the plan gives the inputs {missing[:8]}')
        self.once = Step(self.program, run.state)

    def inputs(self, step, done):
        feeds = self.feeder.draw(step, done)
        if self.prepare:
            feeds = {**feeds, **self.prepare.run({**self.state, **feeds})}
        return {n: v for n, v in feeds.items() if n in self.wanted}


class Run:
    """A state and the parts that train it. `begin`: the state where there is no checkpoint; `frozen` is read and never written."""

    def __init__(self, parts, out, begin, frozen, options, seed=0):
        self.parts, self.out, self.options, self.seed = parts, out, options, seed
        self.device = torch.device(options.device)
        torch.backends.cuda.matmul.allow_tf32 = options.precision == 'tf32'
        os.makedirs(out, exist_ok=True)
        self.checkpoint = os.path.join(out, 'checkpoint.safetensors')
        resumed = os.path.exists(self.checkpoint)
        kept, self.metadata = read_safetensors(self.checkpoint) if resumed else begin()
        self.kept = list(kept)
        self.state = {n: t.to(self.device) if self.device.type != 'cpu' else t.clone() for n, t in kept.items()}
        self.spent = float(self.metadata.get('seconds', 0))
        self.step = int(self.state['step'].item())
        self.state.update((n, t.to(self.device)) for n, t in frozen.items() if n not in self.state)
        for part in parts:
            for p in part.ports()[0].inputs:
                found = self.state.get(p.name)
                if found is not None and (found.dtype != p.dtype or len(p.shape) != found.dim() or not all(isinstance(a, str) or a == b for a, b in zip(p.shape, found.shape))):
                    raise SystemExit(f'{self.checkpoint if resumed else out}: "{p.name}" is {list(found.shape)} {found.dtype}, the program wants {p.shape} {p.dtype}')

    def average(self):
        """The averaged weights, by path."""
        weights = {n: t for n, t in self.state.items() if n in self.kept and n != 'step' and n.split('/')[0] not in ('m', 'v', 'ema')}
        return {n: self.state.get(f'ema/{n}', t) for n, t in weights.items()}

    def save(self, seconds):
        write_safetensors(self.checkpoint, {n: self.state[n] for n in self.kept}, {**self.metadata, 'seconds': round(seconds, 3)})

    def choose(self, done):
        """The part of this step: by weight, among those that have rows; the same for the same seed and step."""
        able = [p for p in self.parts if p.rows is None or p.rows.count > 0]
        return random.Random(mixed(self.seed, 'part', self.step)).choices(able, [max(0, schedule(p.weight, done)) for p in able])[0]

    def train(self, steps=float('inf'), seconds=float('inf'), until=float('inf'), end=1):
        """Trains until this share of the run is done, or the clock (time.perf_counter) shows `until`, or a signal. True: it is done."""
        options, started = self.options, time.perf_counter()
        elapsed = lambda: self.spent + time.perf_counter() - started
        share = lambda: min(1.0, max(self.step / steps, elapsed() / seconds))
        stopped = []  # by Ctrl-C or a time limit: the step in hand is finished and the state is saved
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, lambda number, _: stopped.append(number))
        over = lambda: stopped or share() >= end or time.perf_counter() >= until
        if over():
            return share() >= end
        peak = matmul_speed(self.device, options.precision)
        rows = {id(p.rows): p.rows for p in self.parts if p.rows}.values()
        data = f', {sum(r.count for r in rows)} rows of data ({sum(r.bytes for r in rows) / 1e9:.2f} GB)' if rows else ''
        print(f'{self.out}: MatMul here {peak / 1e12:.2f} TFLOP/s{data}; from step {self.step}', flush=True)
        sums, saved, mark = {}, elapsed(), None
        while not over():
            done = share()
            part = self.choose(done)
            if part.once is None:
                part.open(self, self.step, done)
                mark, tally = None, [0, 0, 0]
            metrics = part.once(part.inputs(self.step, done))
            count, totals = sums.get(part.title, (0, {}))
            sums[part.title] = (count + 1, {n: totals[n] + v if n in totals else v.clone() for n, v in metrics.items()})
            self.step += 1
            if mark is None:  # what was just opened compiles, records, warms up: not timed
                settle(self.device)
                mark, tally = time.perf_counter(), [0, 0, 0]
            else:
                tally = [a + b for a, b in zip(tally, (1, part.feeder.batch_size or 1, part.flops))]
            if self.step % options.log_every == 0 or over():
                means = {title: {n: (v / count).item() for n, v in totals.items()} for title, (count, totals) in sums.items()}  # waits for the device
                if any(x != x or abs(x) == float('inf') for found in means.values() for x in found.values()):
                    raise SystemExit(f'diverged before step {self.step}: {means}; the last checkpoint is kept, lower the rate')
                self.report(means, elapsed(), tally, time.perf_counter() - mark, peak)
                if elapsed() - saved > options.every:  # only here, where the loss is known to be a number
                    self.save(elapsed())
                    saved = elapsed()
                sums, mark, tally = {}, time.perf_counter(), [0, 0, 0]
        self.spent = elapsed()
        self.save(self.spent)
        print(f'{"finished" if share() >= end else "paused"} at step {self.step} after {self.spent:.1f} s; state in {self.checkpoint}', flush=True)
        return share() >= end

    def report(self, means, seconds, tally, took, peak):
        line = {'step': self.step, 'seconds': round(seconds, 2), **(means if len(self.parts) > 1 else next(iter(means.values())))}
        if tally[0] and took > 0:
            steps, samples, flops = (x / took for x in tally)
            line.update(stepsPerSecond=round(steps, 3), samplesPerSecond=round(samples, 2), tflops=float(f'{flops / 1e12:.4g}'), ofMatMul=round(flops / peak, 4))
        with open(os.path.join(self.out, 'log.jsonl'), 'a') as log:
            log.write(json.dumps(line) + '\n')
        print(json.dumps(line), flush=True)
