"""Trains a preset of the layered model from nothing, in calls of limited length: the same command goes on where the last one stopped.

The steps are those of bundle.json, in order: recipes, which the kit's Node runs here in the background on CPU cores (data, programs
and rows, the model's file), and trainings of what they made. Everything lies in --work; what should leave the machine is laid into
--out at the end of each call, the newest model first, within the limits of one transfer. See README.md.
"""
import argparse
import fcntl
import gc
import hashlib
import json
import os
import shutil
import sys
import tarfile
import time
import traceback
from types import SimpleNamespace

import torch

import kit
from program import Program
from run import add_options, check, open_run
from trainer import Step

MARGIN = 15  # seconds of a call that are kept for a checkpoint and for parts
PART = 15 * 2**20  # bytes of a part


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


def cut(path, folder):
    """A file's parts in a folder: their names, and what proves them whole."""
    with open(path, 'rb') as file:
        data = file.read()
    count, sum = max(1, -(-len(data) // PART)), hashlib.sha256(data).hexdigest()
    parts = [f'{os.path.basename(path)}.{sum[:8]}.{i:02d}-of-{count:02d}' for i in range(count)]  # a later model's are others
    for i, part in enumerate(parts):
        with open(os.path.join(folder, part), 'wb') as file:
            file.write(data[i * PART:(i + 1) * PART])
    return {'parts': parts, 'bytes': len(data), 'sha256': sum}


class Chain:
    def __init__(self, options):
        self.options, self.began = options, time.perf_counter()
        self.until = self.began + options.session - MARGIN
        self.device = torch.device(options.device)
        with open(self.at('bundle.json')) as file:
            self.bundle = json.load(file)
        self.book, self.run_folder = self.in_work('chain.json'), self.in_work('run')
        self.facts = {'checked': False, 'done': [], 'begun': [], 'batches': {}, 'queue': [], 'exports': {}, 'calls': 0}
        if os.path.exists(self.book):
            with open(self.book) as file:
                self.facts.update(json.load(file))

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

    def recipe(self, step):
        """Runs a recipe, or waits for one that an earlier call began. True: it is done."""
        more = ['--processes', str(self.options.processes or self.bundle['processes'])]
        batch = self.facts['batches'].get(step.get('makes'), step.get('batch'))
        if batch:
            more += ['--batch', str(batch)]
        begun, said = kit.Recipe(self.options, step['recipe'], self.in_work('recipes', step['name'])), time.perf_counter()
        begun.start(['--preset', self.bundle['preset'], '--run', self.run_folder, *more])
        while begun.running() and self.left() > 2:
            time.sleep(0.5)
            if time.perf_counter() - said > 30:
                self.say(f'{step["name"]}: {begun.said()}')
                said = time.perf_counter()
        if begun.running():
            return False
        if not begun.done():
            raise SystemExit(f'{step["name"]} failed: {begun.said()}; all that it said is in {begun.log}')
        return True

    def train(self, step):
        """Trains what a recipe made, as far as this call allows. True: it is done."""
        bundle = os.path.join(self.run_folder, step['train'])
        out, options = f'{bundle}-run', self.options
        if step['name'] not in self.facts['begun']:
            if step.get('fresh'):
                shutil.rmtree(out, ignore_errors=True)
            self.note(begun=self.facts['begun'] + [step['name']])
        try:
            run = open_run(bundle, out, options)[0]
            finished = run.train(options.steps or float('inf'), step['seconds'] * options.scale, self.until, step.get('share', 1))
        except SystemExit as error:
            if 'out of memory' not in str(error).lower() or not self.smaller(step['train']):
                raise
            return self.recipe(self.maker(step['train'])) and self.train(step)
        finally:
            Step.pool = None
            gc.collect()
            if self.device.type == 'cuda':
                torch.cuda.empty_cache()
        for part in run.parts:
            part.once = part.program = part.prepare = part.feeder = None
        return finished

    def maker(self, bundle):
        return next(s for s in self.bundle['steps'] if s.get('makes') == bundle)

    def smaller(self, bundle):
        """Halves a bundle's batches; its recipe is to be run again. False: they cannot be smaller."""
        step = self.maker(bundle)
        batch = self.facts['batches'].get(bundle, step.get('batch', 1)) // 2
        if batch < 1:
            return False
        self.note(batches={**self.facts['batches'], bundle: batch})
        kit.Recipe(self.options, step['recipe'], self.in_work('recipes', step['name'])).forget()
        self.say(f'{bundle}: out of memory; batches of {batch} instead')
        return True

    def run(self):
        options = self.options
        self.note(calls=self.facts['calls'] + 1)
        name = torch.cuda.get_device_name(0) if self.device.type == 'cuda' else 'cpu'
        self.say(f'call {self.facts["calls"]}: {self.bundle["preset"]} on {name}, torch {torch.__version__}, {os.cpu_count()} cores')
        if not self.facts['checked']:
            wrong = check(SimpleNamespace(check=self.at('check'), device=options.device, precision='fp32'))
            if wrong and not options.anyway:
                raise SystemExit('the executor is wrong on this machine: mend it, or go on with --anyway')
            self.note(checked=True)
        for step in self.bundle['steps']:
            if step['name'] in self.facts['done']:
                continue
            if options.nothing or self.left() < 5 or not (self.recipe(step) if 'recipe' in step else self.train(step)):
                return self.say('paused: the same command goes on')
            self.note(done=self.facts['done'] + [step['name']])
            self.say(f'{step["name"]} is done')
            if 'sends' in step:
                self.queue(step['sends'])
        self.say('every step is done')

    def queue(self, name):
        """A file of the run is to be sent, before what waits already."""
        made = cut(os.path.join(self.run_folder, name), self.options.work)
        waiting = [p for p in self.facts['queue'] if p not in made['parts'] and not p.startswith(name)]
        self.note(queue=made['parts'] + waiting, exports={**self.facts['exports'], name: made})
        self.say(f'{name}: {made["bytes"] / 2**20:.1f} MiB in {len(made["parts"])} parts')

    def send(self):
        """Lays what should leave the machine into --out: a report, and as many parts as one transfer takes."""
        options = self.options
        os.makedirs(options.out, exist_ok=True)
        report = f'report-{self.facts["calls"]:02d}.tar'
        with tarfile.open(os.path.join(options.out, report), 'w') as tar:
            for folder, _, names in os.walk(options.work):
                for n in names:
                    if n.endswith(('.jsonl', '.log')) and f'{os.sep}kit' not in folder:
                        tar.add(os.path.join(folder, n), os.path.relpath(os.path.join(folder, n), options.work))
            tar.add(self.book, 'chain.json')
        size, sent = os.path.getsize(os.path.join(options.out, report)), []
        for part in self.facts['queue']:
            more = os.path.getsize(self.in_work(part))
            if len(sent) >= options.parts or size + more > options.megabytes * 2**20:
                break
            shutil.copy(self.in_work(part), os.path.join(options.out, part))
            size += more
            sent.append(part)
        self.note(queue=[p for p in self.facts['queue'] if p not in sent])
        self.say(f'to fetch from {options.out}: {report}{"".join(", " + p for p in sent)}; {len(self.facts["queue"])} parts wait for a call with --nothing')


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('--bundle', default=here)
    p.add_argument('--work', required=True, help='a folder that stays between calls; about 20 GB for nano')
    p.add_argument('--out', required=True, help='what should leave the machine is laid here')
    p.add_argument('--session', type=float, default=560, help='seconds of this call')
    p.add_argument('--scale', type=float, default=1, help='of the seconds of every training')
    p.add_argument('--steps', type=int, help='steps of each training instead of its seconds, for trials')
    p.add_argument('--nothing', action='store_true', help='train nothing, only send')
    p.add_argument('--processes', type=int, help="that draw; the bundle's own number when left out")
    p.add_argument('--node', help='the command that runs recipes instead of the kit, for trials')
    p.add_argument('--recipes', help='the folder of recipes instead of the kit')
    p.add_argument('--parts', type=int, default=4, help='most parts in --out')
    p.add_argument('--megabytes', type=float, default=62, help='most bytes in --out, in MiB')
    p.add_argument('--resend', nargs='*', default=[], help='files whose parts are sent once more')
    p.add_argument('--anyway', action='store_true', help='go on although fixtures fail')
    p.add_argument('--seed', type=int, default=0)
    add_options(p, precision='mixed' if torch.cuda.is_available() else 'fp32')
    options = p.parse_args()
    Program.patience = options.patience
    options.frozen = []
    os.makedirs(options.work, exist_ok=True)
    lock = open(os.path.join(options.work, 'lock'), 'w')
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # let go when this process ends, however it ends
    except OSError:
        raise SystemExit(f'another call is at work in {options.work}: wait for it, or end it')
    sys.stdout = Tee(os.path.join(options.work, 'chain.log'))
    chain = Chain(options)
    for name in options.resend:
        chain.queue(name)
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
