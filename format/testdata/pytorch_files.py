#!/usr/bin/env python3
"""Writes torch/, files of PyTorch's torch.save, and torch.json, what is in them.

torch.json has for each file each tensor's type by the name of safetensors, its
shape, and its elements in row-major order as hexadecimal bytes. evil.pt and
evil.bin are files that would run a program if they were loaded by Python; they
are made here by hand, not run.

Run it in this folder, with PyTorch 1.13: python3 pytorch_files.py
"""
import collections
import io
import json
import os
import pickle
import zipfile

import torch

NAMES = {
    torch.float32: "F32", torch.float64: "F64", torch.float16: "F16", torch.bfloat16: "BF16",
    torch.int64: "I64", torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8",
    torch.bool: "BOOL", torch.complex64: "C64",
}


def raw(t):
    t = t.detach().contiguous()
    if t.dtype == torch.bfloat16:  # NumPy has none
        t = t.view(torch.int16)
    return t.numpy().tobytes().hex()


def expected(value, path=()):
    if isinstance(value, torch.Tensor):
        return {".".join(path) or "tensor": {"dtype": NAMES[value.dtype], "shape": list(value.shape), "data": raw(value)}}
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, (list, tuple)):
        items = enumerate(value)
    else:
        return {}
    out = {}
    for key, item in items:
        out.update(expected(item, path + (str(key),)))
    return out


def everything():
    torch.manual_seed(1)
    base = torch.arange(24, dtype=torch.float32)
    module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    types = {str(t).split(".")[1]: torch.tensor([0, 1, 2, 100]).to(t) for t in NAMES}
    types["complex64"] = torch.tensor([1 + 2j, -3.5j], dtype=torch.complex64)
    return collections.OrderedDict(
        types=types,
        scalar=torch.tensor(7.5),
        empty=torch.zeros(0, 3),
        whole=base,
        offset=base[5:9],  # shares the storage of whole
        rows=base.view(4, 6)[1:3],
        columns=base.view(4, 6)[:, 2:4],
        transposed=base.view(4, 6).t(),
        permuted=base.view(2, 3, 4).permute(2, 0, 1),
        one_row=base.view(4, 6)[2:3].expand(1, 6),
        parameter=torch.nn.Parameter(torch.ones(2)),
        module=module.state_dict(),
        list=[torch.tensor([1]), (torch.tensor([2]), "text", None, True, 1.5, 2 ** 70, -3, b"bytes")],
        numbers={1, 2, 3},
        size=base.view(4, 6).shape,
        kind=torch.float16,
        device=torch.device("cpu"),
    )


class System:
    def __reduce__(self):
        return os.system, ("echo this file ran a program",)


def evil(protocol):
    out = io.BytesIO()
    pickle.dump({"weight": System()}, out, protocol=protocol)
    return out.getvalue()


def main():
    os.makedirs("torch", exist_ok=True)
    want = {}
    for protocol in (2, 4):
        for zipped in (True, False):
            name = f"{'zip' if zipped else 'legacy'}{protocol}.pt"
            value = everything()
            torch.save(value, os.path.join("torch", name), pickle_protocol=protocol, _use_new_zipfile_serialization=zipped)
            want[name] = expected(value)
    alone = torch.arange(6, dtype=torch.int16).view(2, 3).t()
    torch.save(alone, "torch/alone.pt")
    want["alone.pt"] = expected(alone)
    with zipfile.ZipFile("torch/evil.pt", "w") as z:
        z.writestr("evil/data.pkl", evil(2))
        z.writestr("evil/version", "3\n")
    with open("torch/evil.bin", "wb") as f:
        f.write(evil(4))
    with open("torch.json", "w") as f:
        json.dump(want, f, indent=0)
        f.write("\n")


main()
