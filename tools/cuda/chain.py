"""Trains a preset from nothing, in calls of limited length: the same command goes on where the last one stopped. See README.md.

Order: fixtures are checked while the first pictures are drawn; autoencoder; latents; teacher; student; the student in four bits.
After each stage its averaged weights, a sample sheet and parts to fetch are written. Everything lies in --work; what should
leave the machine is laid into --out at the end of each call, the most needed first, within the limits of one transfer.
"""
import argparse
import fcntl
import gc
import io
import json
import os
import shutil
import sys
import tarfile
import time
import traceback
from types import SimpleNamespace

import torch

import drawing
import encoding
import export
import sheets
from data import Rows, mixed, read_safetensors, write_safetensors
from model import read_model
from program import Program
from run import add_options, check
from trainer import Part, Run, Step, trained

MARGIN = 15  # seconds of a call that are kept for checkpoint, sheet and parts


class Tee:
    """Standard output, and the log that is fetched."""

    def __init__(self, path):
        self.screen, self.file = sys.stdout, open(path, 'a')

    def write(self, text):
        self.screen.write(text)
        self.file.write(text)

    def flush(self):
        self.screen.flush()
        self.file.flush()


class Chain:
    def __init__(self, options):
        self.options, self.began = options, time.perf_counter()
        self.until = self.began + options.session - MARGIN
        self.device = torch.device(options.device)
        with open(os.path.join(options.bundle, 'bundle.json')) as file:
            self.bundle = json.load(file)
        self.book = os.path.join(options.work, 'chain.json')
        self.facts = {'checked': False, 'encoded': False, 'done': [], 'queue': [], 'exports': {}, 'calls': 0}
        if os.path.exists(self.book):
            with open(self.book) as file:
                self.facts.update(json.load(file))
        if not os.path.exists(self.in_work('programs', 'ready')):
            with tarfile.open(self.at('programs.tar.xz')) as packed:
                packed.extractall(self.in_work('programs'))
            open(self.in_work('programs', 'ready'), 'w').close()
        self.tables = {k: t.to(self.device) for k, t in read_safetensors(self.at('graphs', 'tables.safetensors'))[0].items()}
        self.programs = {}

    def at(self, *path):
        return os.path.join(self.options.bundle, *path)

    def in_work(self, *path):
        return os.path.join(self.options.work, *path)

    def say(self, text):
        print(f'[{time.perf_counter() - self.began:6.1f} s] {text}', flush=True)

    def note(self, **facts):
        self.facts.update(facts)
        with open(self.book + '.part', 'w') as file:
            json.dump(self.facts, file)
        os.replace(self.book + '.part', self.book)

    def left(self):
        return self.until - time.perf_counter()

    def graph(self, name):
        if name not in self.programs:
            self.programs[name] = Program(read_model(self.at('graphs', name + '.onnx')), self.device, 'tf32')
        return self.programs[name]

    def free(self):
        """Gives the device's memory back; recorded graphs are gone by now."""
        Step.pool = None
        gc.collect()
        if self.device.type == 'cuda':
            torch.cuda.empty_cache()

    def weights(self, stage):
        return {n: t.to(self.device) for n, t in read_safetensors(self.in_work(f'{stage}.weights.safetensors'))[0].items()}

    def begin(self, stage, parts):
        """The state of a stage that begins: weights drawn as their specs say, or another stage's; moments zero; average as the weights."""
        if stage.get('begin'):
            weights = read_safetensors(self.in_work(f'{stage["begin"]}.weights.safetensors'))[0]
        else:
            weights = {}
            for path, spec in stage['init'].items():
                draw = torch.Generator().manual_seed(mixed(self.options.seed, 'weight', path))
                weights[path] = torch.full(spec['shape'], float(spec['constant'])) if 'constant' in spec else torch.randn(spec['shape'], generator=draw) * spec['deviation']
        state = {'step': torch.zeros(()), **weights}
        for part in parts:
            model = part.ports()[0]
            own = set(trained(model))
            for port in model.inputs:
                kind, _, path = port.name.partition('/')
                if port.name in own and port.name not in state:
                    state[port.name] = weights[path].clone() if kind == 'ema' else torch.zeros(port.shape)
        return state, {}

    def pictures(self, draw):
        """The autoencoder's pictures, once they are drawn."""
        wanted, said = draw.wanted('pictures'), 0
        while True:
            paths, count = draw.files('pictures')
            complete = count >= wanted * 0.98 or not draw.running()
            if complete or self.left() < 10:
                break
            if time.perf_counter() - said > 10:
                self.say(f'{count} of {wanted} pictures drawn')
                said = time.perf_counter()
            time.sleep(0.5)
        if not count or not complete:
            self.say(f'{count} of {wanted} pictures after this call: the same command again')
            return None
        memory = torch.cuda.mem_get_info()[0] * 0.4 if self.device.type == 'cuda' else float('inf')
        home = self.device if count * (self.bundle['size'] ** 2 * 4 + 2**16) < memory else torch.device('cpu')
        rows = Rows(drawing.columns(paths, ['image', 'crop', 'rect'], home), self.device, self.options.seed)
        self.say(f'{rows.count} pictures on {home}, {rows.bytes / 1e9:.1f} GB')
        return {'pictures': rows}

    def latents(self, draw):
        """Rows of latents, encoded once; waits for pictures as long as that is worth it."""
        path = lambda name: self.in_work(f'latents-{name}.safetensors')
        if not self.facts['encoded']:
            wanted = draw.wanted('more')
            while draw.running() and draw.files('more')[1] < 0.9 * wanted and self.left() > 60:
                time.sleep(1)
            files = draw.files('pictures')[0] + draw.files('more')[0]
            self.say(f'encoding {draw.files("more")[1]} of {wanted} pictures, and those of the autoencoder')
            if self.left() < 45 and self.options.session > 120:
                return None
            encoder = encoding.Encoder(self.bundle, self.graph('encode'), self.weights('autoencoder'), self.tables, self.device)
            rows = encoding.encode(self.bundle, encoder, files, self.say)
            for name, columns in rows.items():
                write_safetensors(path(name), columns, {})
            self.note(encoded=list(rows))
        found = {name: Rows(encoding.read_rows(path(name), self.device), self.device, self.options.seed) for name in self.facts['encoded']}
        self.say('latents: ' + ', '.join(f'{name} {rows.count}' for name, rows in found.items()))
        return found

    def sampler(self):
        return sheets.Sampler(self.bundle, {n: self.graph(n) for n in ('condition', 'denoise', 'decode', 'render', 'encode')}, self.tables, self.device)

    def draw_sheet(self, name, weights, step, rows=None):
        """What the weights of a stage draw now."""
        path = lambda more='': self.in_work('sheets', f'{name}-{step:06d}{more}.png')
        sampler = self.sampler()
        os.makedirs(self.in_work('sheets'), exist_ok=True)
        if name == 'autoencoder':
            encoder = encoding.Encoder(self.bundle, self.graph('encode'), weights, self.tables, self.device)
            pictures, quality = sampler.rebuilt(encoder, rows['pictures'].columns['image'][:16], weights)
            sheets.sheet(path(), pictures)
            return self.say(f'autoencoder at step {step}: {quality:.2f} dB over 16 pictures of its own data')
        weights = {**self.weights('autoencoder'), **weights}
        for steps in (16,) if name == 'teacher' else (1, 2, 4):
            latent = sampler.prompts(weights, steps, 3 if name == 'teacher' else self.bundle['guidance'], name == 'teacher')
            sheets.sheet(path('' if name == 'teacher' else f'-{steps}'), sampler.pixels(latent, weights))
        self.say(f'sheet {path()}')

    def stage(self, stage, rows):
        """Trains a stage as far as this call allows. True: it is done."""
        name = stage['name']
        parts = []
        for i, part in enumerate(stage['parts']):
            if part['rows'] not in rows:
                continue
            variants = [(p['batch'], self.in_work(p['file'] + '.onnx'), self.in_work(p['file'] + '.prepare.onnx'), p['plan']) for p in part['programs']]
            parts.append(Part(f'{part["rows"]}-{i}', variants, part['weight']))
            parts[-1].rows = rows[part['rows']]
        frozen = {f'{prefix}.{n}': t for prefix, of in (stage.get('frozen') or {}).items() for n, t in self.weights(of).items()}
        run = Run(parts, self.in_work(name), lambda: self.begin(stage, parts), frozen, self.options, self.options.seed)
        steps = self.options.steps or float('inf')
        finished = run.train(steps, stage['seconds'] * self.options.scale, self.until)
        weights, step = run.average(), run.step
        for part in parts:
            part.once = part.program = part.prepare = part.feeder = None
        frozen.clear()
        run.state.clear()
        self.free()
        if finished:
            write_safetensors(self.in_work(f'{name}.weights.safetensors'), weights, {'preset': self.bundle['preset']})
            made = export.export(weights, stage['bits'], self.in_work(f'{name}.safetensors'), {'preset': self.bundle['preset'], 'stage': name, 'step': step})
            # What a model needs goes first; a teacher is only for training on.
            queue = [p for p in self.facts['queue'] if p not in made['parts']] + made['parts']
            queue.sort(key=lambda p: ('autoencoder', 'quantized', 'student', 'teacher').index(p.split('.')[0]))
            self.note(done=self.facts['done'] + [name], queue=queue, exports={**self.facts['exports'], name: made})
            self.say(f'{name} is done: {made["bytes"] / 2**20:.1f} MiB in {len(made["parts"])} parts')
        shown = export.rounded(weights, stage['bits']) if name == 'quantized' else weights
        try:
            self.draw_sheet(name, shown, step, rows)
        except Exception:  # a sheet is not worth a run
            traceback.print_exc(file=sys.stdout)
        return finished

    def run(self):
        options = self.options
        self.note(calls=self.facts['calls'] + 1)
        name = torch.cuda.get_device_name(0) if self.device.type == 'cuda' else 'cpu'
        self.say(f'call {self.facts["calls"]}: {self.bundle["preset"]} on {name}, torch {torch.__version__}, {os.cpu_count()} cores')
        draw = drawing.Drawing(options.bundle, options.work)
        if not self.facts['checked']:
            wrong = check(SimpleNamespace(check=self.at('check'), device=options.device, precision='fp32'))
            if wrong and not options.anyway:
                raise SystemExit('the executor is wrong on this machine: mend it, or go on with --anyway')
            self.note(checked=True)
        rows = None
        for stage in self.bundle['stages']:
            if stage['name'] in self.facts['done'] or (options.stages and stage['name'] not in options.stages):
                continue
            if stage['name'] == 'autoencoder':
                rows = self.pictures(draw)
            elif rows is None or 'pictures' in rows:
                rows = None
                self.free()
                rows = self.latents(draw)
            if rows is None or self.left() < 5 or not self.stage(stage, rows):
                return self.say('paused: the same command goes on')
        self.say('every stage is done')

    def send(self):
        """Lays what should leave the machine into --out: a report, and as many parts as one transfer takes."""
        options = self.options
        os.makedirs(options.out, exist_ok=True)
        report = f'report-{self.facts["calls"]:02d}.tar'
        with tarfile.open(os.path.join(options.out, report), 'w') as tar:
            for folder, _, names in os.walk(options.work):
                for n in names:
                    if n.endswith(('.jsonl', '.log', '.png')) and f'{os.sep}kit' not in folder and f'{os.sep}data' not in folder:
                        tar.add(os.path.join(folder, n), os.path.relpath(os.path.join(folder, n), options.work))
            exports = json.dumps(self.facts['exports']).encode()
            entry = tarfile.TarInfo('exports.json')
            entry.size = len(exports)
            tar.addfile(entry, io.BytesIO(exports))
        size, sent = os.path.getsize(os.path.join(options.out, report)), []
        for part in self.facts['queue'] if options.parts else []:
            more = os.path.getsize(self.in_work(part))
            if len(sent) >= options.parts or size + more > options.megabytes * 2**20:
                break
            shutil.copy(self.in_work(part), os.path.join(options.out, part))
            size += more
            sent.append(part)
        self.note(queue=[p for p in self.facts['queue'] if p not in sent])
        self.say(f'to fetch from {options.out}: {report}{"".join(", " + p for p in sent)}; {len(self.facts["queue"])} parts wait for a call with --stages none')


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('--bundle', default=os.path.dirname(os.path.abspath(__file__)))
    p.add_argument('--work', required=True, help='a folder that stays between calls; about 60 GB for nano')
    p.add_argument('--out', required=True, help='what should leave the machine is laid here')
    p.add_argument('--session', type=float, default=560, help='seconds of this call')
    p.add_argument('--scale', type=float, default=1, help='of the seconds of every stage')
    p.add_argument('--steps', type=int, help='steps of each stage instead of its seconds, for trials')
    p.add_argument('--stages', nargs='*', help='only these; "none" only sends')
    p.add_argument('--parts', type=int, default=7, help='most parts in --out')
    p.add_argument('--megabytes', type=float, default=62, help='most bytes in --out, in MiB')
    p.add_argument('--resend', nargs='*', default=[], help='stages whose parts are sent once more')
    p.add_argument('--anyway', action='store_true', help='go on although fixtures fail')
    p.add_argument('--seed', type=int, default=0)
    add_options(p, precision='mixed' if torch.cuda.is_available() else 'fp32')
    options = p.parse_args()
    Program.patience = options.patience
    os.makedirs(options.work, exist_ok=True)
    lock = open(os.path.join(options.work, 'lock'), 'w')
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # let go when this process ends, however it ends
    except OSError:
        raise SystemExit(f'another call is at work in {options.work}: wait for it, or end it')
    sys.stdout = Tee(os.path.join(options.work, 'chain.log'))
    chain = Chain(options)
    for stage in options.resend:
        chain.note(queue=[x for x in chain.facts['queue'] if not x.startswith(stage)] + chain.facts['exports'][stage]['parts'])
    failed = 0
    try:
        chain.run()
    except (Exception, SystemExit) as error:  # what there is is sent all the same
        failed = 1
        traceback.print_exc(file=sys.stdout)
        chain.say(f'stopped: {error}')
    chain.send()
    return failed


if __name__ == '__main__':
    sys.exit(main())
