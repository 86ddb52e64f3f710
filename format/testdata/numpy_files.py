#!/usr/bin/env python3
"""Writes numpy/, files of NumPy, and numpy.json, what is in them: each array's
type by the name of safetensors, its shape, and its elements in row-major order
as hexadecimal bytes.

Run it in this folder: python3 numpy_files.py
"""
import json
import os

import numpy as np

NAMES = {"b1": "BOOL", "u1": "U8", "u2": "U16", "u4": "U32", "u8": "U64", "i1": "I8", "i2": "I16", "i4": "I32",
         "i8": "I64", "f2": "F16", "f4": "F32", "f8": "F64", "c8": "C64"}


def describe(x):
    x = x.astype(x.dtype.newbyteorder("<"))
    return {"dtype": NAMES[x.dtype.str[1:]], "shape": list(x.shape), "data": np.ascontiguousarray(x).tobytes().hex()}


def main():
    os.makedirs("numpy", exist_ok=True)
    arrays = {t: np.arange(4).astype(t).reshape(2, 2) for t in NAMES}
    arrays["fortran"] = np.asfortranarray(np.arange(24, dtype="f4").reshape(2, 3, 4))
    arrays["scalar"] = np.array(2.5)
    arrays["vector"] = np.arange(3)
    arrays["empty"] = np.zeros((0, 5), "f4")
    np.savez("numpy/stored.npz", **arrays)
    np.savez_compressed("numpy/packed.npz", **arrays)
    want = {"stored.npz": {n: describe(x) for n, x in arrays.items()}}
    want["packed.npz"] = want["stored.npz"]
    for major in (1, 2, 3):
        name = f"v{major}"
        x = np.asfortranarray(np.arange(6, dtype="f8").reshape(2, 3) * major)
        with open(f"numpy/{name}.npy", "wb") as f:
            np.lib.format.write_array(f, x, version=(major, 0))
        want[f"{name}.npy"] = {name: describe(x)}
    big = np.arange(3, dtype=">f4")
    np.save("numpy/big.npy", big)
    want["big.npy"] = {"big": describe(big)}
    np.save("numpy/objects.npy", np.array([None, 1], dtype=object), allow_pickle=True)
    np.save("numpy/records.npy", np.zeros(2, dtype=[("a", "f4"), ("b", "i4")]))
    np.save("numpy/text.npy", np.array(["a", "bc"]))
    with open("numpy.json", "w") as f:
        json.dump(want, f, indent=0)
        f.write("\n")


main()
