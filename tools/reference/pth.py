"""Writes the fixtures of src/tensor/pth.test.ts with PyTorch: small state dicts, and files that must be refused.
Usage: python3 tools/reference/pth.py test/fixtures/open-weights/pth     (torch 2.13)"""
import os
import sys
import zipfile
from collections import OrderedDict

import torch

folder = sys.argv[1]
at = lambda name: os.path.join(folder, name)


def numbers(*shape):
    return torch.arange(torch.Size(shape).numel(), dtype=torch.float32).reshape(shape)


class Runs:
    """What a file that runs code looks like."""

    def __reduce__(self):
        return os.system, ('echo a pickle ran',)


base = numbers(3, 4)
module = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 2), torch.nn.BatchNorm2d(3))  # parameters, buffers, a whole number
with torch.no_grad():
    for i, t in enumerate(module.state_dict().values()):
        t.copy_(numbers(*t.shape) + i)
every = OrderedDict(
    float=numbers(2, 3), double=numbers(2).double(), half=numbers(3).half(), brain=numbers(4).bfloat16(), long=torch.tensor([-1, 2**40]),
    int=torch.tensor([7], dtype=torch.int32), byte=torch.tensor([255], dtype=torch.uint8), flag=torch.tensor([True, False]),
    scalar=torch.tensor(2.5), empty=numbers(0, 3), turned=base.t(), row=base[1], column=base[:, 2], parameter=torch.nn.Parameter(numbers(2)),
)
torch.save(module.state_dict(), at('module.pth'))
torch.save(every, at('every.pth'))
torch.save({'epoch': 3, 'loss': 0.5, 'names': ['a', ('b', None, True)], 'state_dict': {'w': numbers(2)}}, at('nested.pth'))
torch.save({'w': numbers(2), 'x': Runs()}, at('code.pth'))
torch.save(module, at('module-object.pth'))
torch.save({'epoch': 3}, at('nothing.pth'))
torch.save({'w': numbers(2)}, at('old.pth'), _use_new_zipfile_serialization=False)
with zipfile.ZipFile(at('module.pth')) as whole, zipfile.ZipFile(at('deflated.pth'), 'w', zipfile.ZIP_DEFLATED) as packed:
    for name in whole.namelist():
        packed.writestr(name, whole.read(name))
