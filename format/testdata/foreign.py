#!/usr/bin/env python3
"""Writes foreign.safetensors and shards/, the files of another writer, and
canonical.safetensors, what the package must write for the same tensors.

It uses struct and json alone and follows the format's text, not the package's
code. foreign.safetensors has a header of a length that is no multiple of 8, so
that the data are misaligned, and white space at its end; its order of names is
not lexical. canonical.safetensors has types of larger elements first, then the
names in lexical order, and its data begin at a multiple of 64 bytes.

Run it in this folder: python3 foreign.py
"""
import json
import os
import struct


def tensor(dtype, shape, pack, values):
    data = b"".join(struct.pack("<" + pack, v) for v in values)
    return dtype, shape, data


def bf16(values):
    # the upper half of a binary32; these values need no rounding
    return b"".join(struct.pack("<f", v)[2:] for v in values)


def write(path, tensors, metadata, remainder=0, modulus=8, separators=None):
    header, at = {"__metadata__": metadata}, 0
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(data)]}
        at += len(data)
    text = json.dumps(header, ensure_ascii=False, separators=separators).encode()
    while (8 + len(text)) % modulus != remainder:
        text += b" "
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for _, _, data in tensors.values():
            f.write(data)


TENSORS = {
    "z.f32": tensor("F32", [2, 3], "f", [0.0, -0.0, 1.5, -2.25, 1e-45, float("inf")]),
    "half": tensor("F16", [5], "e", [1.0, -2.0, 65504.0, 2.0 ** -24, 0.333251953125]),
    "brain": ("BF16", [2, 2], bf16([1.0, -2.0, 3.0, 2.0 ** 100])),
    "double": tensor("F64", [3], "d", [0.1, -1e30, 2.0 ** -140]),
    "long": tensor("I64", [2], "q", [-1, 2 ** 62]),
    "byte": tensor("U8", [3], "B", [0, 7, 255]),
    "truth": tensor("BOOL", [2], "?", [True, False]),
    "scalar": tensor("F32", [], "f", [42.0]),
    "nothing": tensor("F32", [0, 7], "f", []),
    "名字 \"quoted\"": tensor("I32", [1], "i", [-5]),
}
METADATA = {"format": "pt", "language": "中文"}
SIZE = {"F64": 8, "I64": 8, "F32": 4, "I32": 4, "F16": 2, "BF16": 2, "U8": 1, "BOOL": 1}

write("foreign.safetensors", TENSORS, METADATA, remainder=3)
write("canonical.safetensors",
      dict(sorted(TENSORS.items(), key=lambda item: (-SIZE[item[1][0]], item[0].encode()))),
      METADATA, modulus=64, separators=(",", ":"))

os.makedirs("shards", exist_ok=True)
first = {"h.0.w": tensor("F32", [2], "f", [1, 2]), "h.1.w": tensor("F32", [2], "f", [3, 4])}
second = {"h.2.w": tensor("F32", [2], "f", [5, 6]), "wte": tensor("F32", [1, 3], "f", [7, 8, 9])}
names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
for name, tensors in zip(names, (first, second)):
    write(os.path.join("shards", name), tensors, {"format": "pt"})
with open(os.path.join("shards", "model.safetensors.index.json"), "w") as f:
    json.dump({"metadata": {"total_size": 36},
               "weight_map": {n: file for file, ts in zip(names, (first, second)) for n in ts}}, f, indent=2)
    f.write("\n")
