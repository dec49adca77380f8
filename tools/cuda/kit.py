"""The kit (kit.ts) on a machine that has no Node: unpacked once, its recipes run in the background on CPU cores."""
import glob
import io
import lzma
import os
import shlex
import subprocess
import tarfile
from multiprocessing.pool import ThreadPool


def png_of(webp):
    """WebP as PNG, by whichever library is here."""
    try:
        from PIL import Image
        out = io.BytesIO()
        Image.open(io.BytesIO(webp)).save(out, 'png', compress_level=1)
        return out.getvalue()
    except ImportError:
        import cv2
        import numpy
        return cv2.imencode('.png', cv2.imdecode(numpy.frombuffer(webp, numpy.uint8), cv2.IMREAD_UNCHANGED), [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()


def unpack(bundle, work):
    """The kit, ready to run; once."""
    kit = os.path.join(work, 'kit')
    if os.path.exists(os.path.join(kit, 'ready')):
        return kit
    with tarfile.open(os.path.join(bundle, 'kit.tar.xz')) as packed:
        packed.extractall(kit)
    with lzma.open(os.path.join(bundle, 'node.xz')) as packed, open(os.path.join(kit, 'node'), 'wb') as node:
        node.write(packed.read())
    os.chmod(os.path.join(kit, 'node'), 0o755)

    def convert(path):  # the kit's own decoder only hands on
        with open(path, 'rb') as file:
            picture = file.read()
        if picture[:4] == b'RIFF':
            png = png_of(picture)
            with open(path, 'wb') as file:
                file.write(png)

    try:
        with ThreadPool(8) as pool:
            pool.map(convert, glob.glob(os.path.join(kit, 'node_modules/*/*/assets/*.webp')))
    except ImportError:
        print('neither PIL nor cv2 here: pictures in the 3D style are left out', flush=True)
    open(os.path.join(kit, 'ready'), 'w').close()
    return kit


class Recipe:
    """A recipe that runs beside this process and outlives it. `at`: where its marks and its log lie."""

    def __init__(self, options, name, at):
        self.options, self.name, self.at, self.log = options, name, at, at + '.log'
        self.own = None
        os.makedirs(os.path.dirname(at), exist_ok=True)

    def command(self):
        """The words that run it: the kit's Node and script, or what the options say."""
        if self.options.recipes:
            return [*shlex.split(self.options.node), os.path.join(self.options.recipes, f'{self.name}.ts')]
        kit = unpack(self.options.bundle, self.options.work)
        return [os.path.join(kit, 'node'), os.path.join(kit, f'{self.name}.js')]

    def done(self):
        return os.path.exists(self.at + '.done')

    def forget(self):
        if self.done():
            os.remove(self.at + '.done')

    def running(self):
        if self.done():
            return False
        if self.own:
            return self.own.poll() is None
        try:
            with open(self.at + '.pid') as file:
                pid = int(file.read())
            with open(f'/proc/{pid}/cmdline') as file:
                return self.name in file.read()
        except (OSError, ValueError):
            return False

    def start(self, arguments):
        """Begins it, unless it is done or at work already."""
        if self.done() or self.running():
            return
        words = ' '.join(shlex.quote(w) for w in [*self.command(), *arguments])
        with open(self.log, 'a') as log:
            self.own = subprocess.Popen(f'{words} && touch {shlex.quote(self.at + ".done")}', shell=True, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        with open(self.at + '.pid', 'w') as file:
            file.write(str(self.own.pid))

    def said(self):
        """The last line of its log."""
        try:
            with open(self.log, errors='replace') as file:
                lines = [line.strip() for line in file if line.strip()]
        except OSError:
            lines = []
        return lines[-1] if lines else 'nothing said'
