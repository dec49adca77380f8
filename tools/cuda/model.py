"""Reads ONNX files: the few protocol-buffer messages that src/onnx/encode.ts writes, without a library.

A model becomes plain Python: nodes, inputs, output names, and initializers as torch tensors (4-bit ones unpacked to int8).
https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""
import os
import struct
from collections import namedtuple

import torch

Node = namedtuple('Node', 'op inputs outputs attributes')
Port = namedtuple('Port', 'name dtype shape')  # shape: numbers and symbols
Model = namedtuple('Model', 'name nodes inputs outputs constants')

FLOAT, UINT4, INT4 = 1, 21, 22
TYPES = {1: torch.float32, 2: torch.uint8, 3: torch.int8, 6: torch.int32, 7: torch.int64, 9: torch.bool, 10: torch.float16, 16: torch.bfloat16, UINT4: torch.uint8, INT4: torch.int8}


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def fields(data):
    """All fields of a message: number -> list of ints or memoryviews."""
    found, at = {}, 0
    while at < len(data):
        key, at = varint(data, at)
        wire = key & 7
        if wire == 0:
            value, at = varint(data, at)
        else:
            if wire not in (1, 2, 5):
                raise ValueError(f'not an ONNX file: wire type {wire}')
            size, at = varint(data, at) if wire == 2 else ({1: 8, 5: 4}[wire], at)
            value, at = data[at:at + size], at + size
        found.setdefault(key >> 3, []).append(value)
    return found


def integer(value):
    return value - 2**64 if value >= 2**63 else value


def integers(values):
    """A repeated whole number: packed, or one field each."""
    result = []
    for value in values:
        if isinstance(value, int):
            result.append(integer(value))
            continue
        at = 0
        while at < len(value):
            number, at = varint(value, at)
            result.append(integer(number))
    return result


def text(values):
    return bytes(values[0]).decode() if values else ''


def attribute(data):
    f = fields(data)
    if 2 in f:
        value = struct.unpack('<f', f[2][0])[0]
    elif 3 in f:
        value = integer(f[3][0])
    elif 4 in f:
        value = text(f[4])
    else:
        value = integers(f.get(8, []))
    return text(f[1]), value


def unpack4(data, count, signed):
    """Two numbers a byte, the low nibble first."""
    both = torch.stack([data & 15, data >> 4], dim=1).reshape(-1)[:count].to(torch.int8)
    return torch.where(both > 7, both - 16, both) if signed else both.to(torch.uint8)


def initializer(data, folder):
    f = fields(data)
    shape, kind = integers(f.get(1, [])), f[2][0]
    if 13 in f:  # external data: location, offset, length
        place = dict((text(e[1]), text(e[2])) for e in map(fields, f[13]))
        with open(os.path.join(folder, place['location']), 'rb') as file:
            file.seek(int(place.get('offset', 0)))
            raw = bytearray(file.read(int(place['length'])))
    else:
        raw = bytearray(f[9][0]) if 9 in f else bytearray()
    count = 1
    for d in shape:
        count *= d
    packed = kind in (UINT4, INT4)
    flat = torch.frombuffer(raw, dtype=torch.uint8 if packed else TYPES[kind]) if raw else torch.empty(0, dtype=TYPES[kind])
    if packed:
        flat = unpack4(flat, count, kind == INT4)
    return text(f[8]), flat.reshape(shape)


def port(data):
    f = fields(data)
    tensor = fields(fields(f[2][0])[1][0])
    dims = [fields(d) for d in fields(tensor[2][0]).get(1, [])] if 2 in tensor else []
    return Port(text(f[1]), TYPES[tensor[1][0]], [d[1][0] if 1 in d else text(d.get(2)) for d in dims])


def read_model(path):
    with open(path, 'rb') as file:
        graph = fields(fields(memoryview(file.read()))[7][0])
    nodes = []
    for f in map(fields, graph.get(1, [])):
        names = [[bytes(n).decode() for n in f.get(k, [])] for k in (1, 2)]
        nodes.append(Node(text(f[4]), names[0], names[1], dict(map(attribute, f.get(5, [])))))
    constants = dict(initializer(t, os.path.dirname(path)) for t in graph.get(5, []))
    inputs = [port(p) for p in graph.get(11, [])]
    outputs = [port(p).name for p in graph.get(12, [])]
    return Model(text(graph.get(2)), nodes, [p for p in inputs if p.name not in constants], outputs, constants)
