"""Writes the fixture of src/adapters/delta.test.ts with LyCORIS itself: the parts of small adapters of each method, and the change of
the weight that its own functions make of them.
Usage: python3 tools/reference/lora.py test/fixtures/open-weights/lora     (torch 2.13, lycoris-lora 4.1.3)"""
import json
import os
import sys

import torch
from lycoris.functional import locon, loha, lokr
from lycoris.functional.general import weight_decompose

torch.manual_seed(17)
cases = []


def drawn(*shape):
    """Two decimals: the file stays small and says exactly what was computed with."""
    return (torch.randn(*shape, dtype=torch.float64) * 0.5).round(decimals=2)


def written(tensor):
    return {"shape": list(tensor.shape), "data": [round(float(x), 6) for x in tensor.flatten()]}


def case(name, weight, parts, change, alpha=None):
    parts = {key: value for key, value in parts.items() if value is not None}
    found = {"name": name, "parts": {key: written(value) for key, value in parts.items()}, "alpha": alpha, "weight": written(weight)}
    found["change"] = written(change.reshape(weight.shape))
    magnitude = parts.get("magnitude")
    if magnitude is not None:
        by_output = magnitude.shape[0] == weight.shape[0]
        found["merged"] = written(weight_decompose(weight + change.reshape(weight.shape), magnitude, 1, by_output))
    cases.append(found)


def lora(name, out, inner, rank, alpha, kernel=(), core=False, magnitude=None):
    conv = bool(kernel)
    a = drawn(rank, inner, *((1, 1) if core else kernel))
    b = drawn(out, rank, *((1, 1) if conv else ()))
    mid = drawn(rank, rank, *kernel) if core else None
    change = locon.diff_weight(a, b, mid, gamma=alpha / rank)
    case(name, drawn(out, inner, *kernel), {"a": a, "b": b, "mid": mid, "magnitude": magnitude}, change, alpha)


def hada(name, out, inner, rank, alpha, kernel=(), core=False):
    wide = inner if core or not kernel else inner * kernel[0] * kernel[1]
    up = (lambda: drawn(rank, out)) if core else (lambda: drawn(out, rank))
    parts = {"hada_w1_a": up(), "hada_w1_b": drawn(rank, wide), "hada_w2_a": up(), "hada_w2_b": drawn(rank, wide)}
    if core:
        parts |= {"hada_t1": drawn(rank, rank, *kernel), "hada_t2": drawn(rank, rank, *kernel)}
    weights = [parts.get(key) for key in ("hada_w1_b", "hada_w1_a", "hada_w2_b", "hada_w2_a", "hada_t1", "hada_t2")]
    case(name, drawn(out, inner, *kernel), parts, loha.diff_weight(*weights, gamma=alpha / rank), alpha)


def kron(name, first, second, alpha, kernel=(), rank=2, low1=False, low2=False, core=False):
    (a, b), (c, d) = first, second
    parts = {"lokr_w1_a": drawn(a, rank), "lokr_w1_b": drawn(rank, b)} if low1 else {"lokr_w1": drawn(a, b)}
    if core:
        parts |= {"lokr_t2": drawn(rank, rank, *kernel), "lokr_w2_a": drawn(rank, c), "lokr_w2_b": drawn(rank, d)}
    elif low2:
        parts |= {"lokr_w2_a": drawn(c, rank), "lokr_w2_b": drawn(rank, d, *kernel)}
    else:
        parts |= {"lokr_w2": drawn(c, d, *kernel)}
    keys = ("lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t2")
    gamma = alpha / rank if low1 or low2 or core else 1  # LyCORIS: alpha does not count when both are whole
    change = lokr.kron_weight(*[parts.get(key) for key in keys], scale=gamma)  # diff_weight would divide by a rank itself
    case(name, drawn(a * c, b * d, *kernel), parts, change, alpha)


lora("LoRA", 6, 5, 2, 1.0)
lora("LoCon", 4, 3, 2, 4.0, (3, 3))
lora("LoCon 1x1", 4, 3, 2, 2.0, (1, 1))
lora("LoCon with Tucker's core", 4, 3, 2, 1.0, (3, 3), core=True)
lora("DoRA by output", 4, 3, 2, 1.0, magnitude=drawn(4, 1).abs() + 0.1)
lora("DoRA by input", 4, 3, 2, 1.0, magnitude=drawn(1, 3).abs() + 0.1)
lora("DoRA of a convolution", 3, 2, 2, 2.0, (3, 3), magnitude=drawn(3, 1, 1, 1).abs() + 0.1)
lora("DoRA of a convolution by input", 3, 2, 2, 2.0, (3, 3), magnitude=drawn(1, 2, 1, 1).abs() + 0.1)
hada("LoHa", 5, 4, 2, 1.0)
hada("LoHa of a convolution", 3, 2, 2, 2.0, (3, 3))
hada("LoHa with Tucker's core", 3, 2, 2, 1.0, (3, 3), core=True)
kron("LoKr, both whole", (2, 3), (3, 2), 7.0)
kron("LoKr, the second of low rank", (2, 3), (4, 3), 1.0, low2=True)
kron("LoKr, both of low rank", (3, 3), (4, 3), 1.0, low1=True, low2=True)
kron("LoKr of a convolution", (2, 1), (2, 3), 1.0, (3, 3))
kron("LoKr of a convolution, the second of low rank", (2, 1), (3, 2), 1.0, (3, 3), low2=True)
kron("LoKr with Tucker's core", (2, 1), (3, 2), 1.0, (3, 3), core=True)

path = os.path.join(sys.argv[1], "deltas.json")
with open(path, "w") as file:
    file.write("[\n" + ",\n".join(json.dumps(one, separators=(",", ":")) for one in cases) + "\n]\n")
print(f"{len(cases)} cases, {os.path.getsize(path)} bytes")
