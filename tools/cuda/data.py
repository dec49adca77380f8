"""What goes into a program besides its state: safetensors files, shuffled batches from shards, and draws by a plan."""
import glob
import hashlib
import json
import mmap
import os
import struct

import torch

NAMES = {'F32': torch.float32, 'F16': torch.float16, 'BF16': torch.bfloat16, 'I64': torch.int64, 'I32': torch.int32, 'I16': torch.int16, 'I8': torch.int8, 'U8': torch.uint8, 'BOOL': torch.bool}
CODES = {v: k for k, v in NAMES.items()}


def read_safetensors(path):
    """Tensors (views of the mapped file) and metadata."""
    with open(path, 'rb') as file:
        return parse_safetensors(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))


def parse_safetensors(data):
    """Tensors (views of the bytes, which can be written) and metadata. https://github.com/huggingface/safetensors#format"""
    size = struct.unpack('<Q', data[:8])[0]
    header = json.loads(data[8:8 + size])
    metadata = header.pop('__metadata__', {})
    tensors = {}
    for name, entry in header.items():
        (begin, end), dtype = entry['data_offsets'], NAMES[entry['dtype']]
        count = (end - begin) // torch.empty(0, dtype=dtype).element_size()
        flat = torch.frombuffer(data, dtype=dtype, count=count, offset=8 + size + begin) if count else torch.empty(0, dtype=dtype)
        tensors[name] = flat.reshape(entry['shape'])
    return tensors, metadata


def write_safetensors(path, tensors, metadata):
    """Writes beside, then renames: a file is whole or not there. Wide elements first, so that every tensor is aligned."""
    header, at = {'__metadata__': {k: str(v) for k, v in metadata.items()}}, 0
    order = sorted(tensors, key=lambda n: (-tensors[n].element_size(), n))
    for name in order:
        t = tensors[name]
        size = t.numel() * t.element_size()
        header[name] = {'dtype': CODES[t.dtype], 'shape': list(t.shape), 'data_offsets': [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    text += b' ' * (-len(text) % 8)
    with open(path + '.part', 'wb') as file:
        file.write(struct.pack('<Q', len(text)) + text)
        for name in order:
            file.write(tensors[name].detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
        file.flush()
        os.fsync(file.fileno())
    os.replace(path + '.part', path)


def mixed(*parts):
    """A seed of 63 well mixed bits: the CPU's generator looks at the low 32 only."""
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=8).digest(), 'little') >> 1


def whole(parts, home):
    """Tensors one after the other, on a device, without a second copy in between."""
    joined = torch.empty([sum(len(p) for p in parts), *parts[0].shape[1:]], dtype=parts[0].dtype, device=home)
    at = 0
    for p in parts:
        joined[at:at + len(p)] = p
        at += len(p)
    return joined


class Rows:
    """Tensors by key, all with the same number of rows, drawn from in batches."""

    def __init__(self, columns, device, seed):
        lengths = {k: len(c) for k, c in columns.items()}
        if len(set(lengths.values())) != 1:
            raise SystemExit(f'rows: expected columns of one length, found {lengths}')
        self.columns, self.device, self.seed = columns, device, seed
        self.home = next(iter(columns.values())).device
        self.count = next(iter(lengths.values()))
        self.bytes = sum(c.numel() * c.element_size() for c in columns.values())
        self.epoch, self.order = -1, None

    def batch(self, step, size, keys):
        """Rows of step `step`: the order is shuffled anew each epoch, by the seed alone."""
        picked, at = [], step * size
        while size > 0:
            epoch, start = divmod(at, self.count)
            if epoch != self.epoch:
                order = torch.randperm(self.count, generator=torch.Generator().manual_seed(mixed(self.seed, 'epoch', epoch)))
                self.epoch, self.order = epoch, order.to(self.home)
            part = self.order[start:start + size]
            picked.append(part)
            at, size = at + len(part), size - len(part)
        rows = torch.cat(picked)
        batch = {k: self.columns[k].index_select(0, rows) for k in keys}
        if self.home.type == self.device.type:
            return batch
        return {k: t.pin_memory().to(self.device, non_blocking=True) for k, t in batch.items()}


def rows_of_shards(folder, keys, device, seed, memory):
    """Shards of rows: every .safetensors of a folder holds the same keys. On the device where they take less than `memory`."""
    paths = sorted(glob.glob(os.path.join(folder, '*.safetensors')))
    if not paths:
        raise SystemExit(f'no .safetensors shards in {folder}: pack the data first')
    shards = [read_safetensors(p)[0] for p in paths]
    for path, shard in zip(paths, shards):
        lengths = {k: shard[k].shape[0] for k in keys if k in shard}
        if len(lengths) < len(keys) or len(set(lengths.values())) > 1:
            raise SystemExit(f'{path}: expected keys {sorted(keys)} of one length, found {lengths}')
    size = sum(s[k].numel() * s[k].element_size() for s in shards for k in keys)
    home = device if size < memory else torch.device('cpu')
    return Rows({k: whole([s[k] for s in shards], home) for k in keys}, device, seed)


def schedule(points, x):
    """Straight lines through [x, y] points; flat beyond the ends."""
    for (x0, y0), (x1, y1) in zip(points, points[1:]):
        if x < x1:
            return y0 + (y1 - y0) * min(1, max(0, (x - x0) / (x1 - x0)))
    return points[-1][1]


class Feeder:
    """Draws the inputs of a step as the plan says: the same seed and step give the same numbers on the same device."""

    def __init__(self, plan, ports, device, seed):
        self.plan, self.device, self.seed, self.rows = plan['inputs'], device, seed, None
        sizes = plan.get('sizes', {})
        self.ports = {p.name: (p.dtype, [sizes[d] if isinstance(d, str) else d for d in p.shape]) for p in ports if p.name in self.plan}
        self.keys = {e['key'] for n, e in self.plan.items() if e['kind'] == 'data' and n in self.ports}
        self.random = torch.Generator(device)
        first = [s[0] for n, (_, s) in self.ports.items() if self.plan[n]['kind'] == 'data']
        self.batch_size = first[0] if first else None

    def draw(self, step, done):
        self.random.manual_seed(mixed(self.seed, 'step', step))
        data = self.rows.batch(step, self.batch_size, self.keys) if self.keys else {}
        feeds = {}
        for name, (dtype, shape) in self.ports.items():
            value = KINDS[self.plan[name]['kind']](self, self.plan[name], shape, step, done, data).to(dtype)
            if list(value.shape) != shape:
                raise SystemExit(f'input "{name}" needs shape {shape}, the plan gives {list(value.shape)}')
            feeds[name] = value
        return feeds

    def fill(self, shape, number):
        return torch.full(shape, number, device=self.device)

    def normal(self, shape):
        return torch.randn(shape, generator=self.random, device=self.device)


KINDS = {
    # rows of the shards
    'data': lambda f, e, shape, step, done, data: data[e['key']],
    'normal': lambda f, e, shape, *_: f.normal(shape) * e.get('deviation', 1) + e.get('mean', 0),
    # sigmoid of a normal: times in (0, 1)
    'logit-normal': lambda f, e, shape, *_: torch.sigmoid(f.normal(shape) * e.get('deviation', 1) + e.get('mean', 0)),
    'uniform': lambda f, e, shape, *_: torch.rand(shape, generator=f.random, device=f.device) * (e.get('high', 1) - e.get('low', 0)) + e.get('low', 0),
    'integer': lambda f, e, shape, *_: torch.randint(e.get('low', 0), e['below'], shape, generator=f.random, device=f.device),
    'constant': lambda f, e, shape, *_: f.fill(shape, e['value']),
    # one value a step (the last stays), or straight lines through points over the share of the run that is done, or over steps
    'table': lambda f, e, shape, step, done, _: f.fill(shape, float(
        e['values'][min(step, len(e['values']) - 1)] if 'values' in e else schedule(e['points'], step if e.get('by') == 'step' else done))),
}
