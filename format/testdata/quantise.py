"""Writes quantise.json: how well ggml's own library quantises random weights, as a bound for
Quantise:

    python3 quantise.py PATH/libggml-base.so

The library is built from https://github.com/ggml-org/ggml; nothing of it is kept here. x are
rows of 512 numbers, importance is a weight for each column, both base64 of float32. rmse is
the root of the mean square of the errors that ggml_quantize_chunk leaves, weighted the root of the
mean of importance times the square where it was given the importance.
"""

import base64
import ctypes
import json
import pathlib
import sys

import numpy as np

lib = ctypes.CDLL(sys.argv[1])
lib.ggml_quantize_chunk.restype = ctypes.c_size_t
# name: number in ggml_type, bytes of a block, elements of it
TYPES = {
    "Q4_0": (2, 18, 32), "Q4_1": (3, 20, 32), "Q5_0": (6, 22, 32), "Q5_1": (7, 24, 32), "Q8_0": (8, 34, 32),
    "Q4_K": (12, 144, 256), "Q5_K": (13, 176, 256), "Q6_K": (14, 210, 256),
}


def pointer(a):
    return a.ctypes.data_as(ctypes.c_void_p)


def error(name, x, importance):
    number, size, n = TYPES[name]
    b = np.zeros(x.size // n * size, np.uint8)
    y = np.empty(x.size, np.float32)
    w = pointer(importance) if importance is not None else None
    lib.ggml_quantize_chunk(number, pointer(x), pointer(b), ctypes.c_int64(0), ctypes.c_int64(x.shape[0]), ctypes.c_int64(x.shape[1]), w)
    getattr(lib, "dequantize_row_" + name.lower().replace("_k", "_K"))(pointer(b), pointer(y), ctypes.c_int64(x.size))
    d = y.reshape(x.shape).astype(np.float64) - x
    return float(np.sqrt((d * d * (1 if importance is None else importance)).mean()))


def text(a):
    return base64.b64encode(a.tobytes()).decode()


rng = np.random.default_rng(4)
x = rng.normal(0, 0.02, (16, 512)).astype(np.float32)
importance = np.exp(rng.normal(0, 1, 512)).astype(np.float32)
types = {name: {"rmse": error(name, x, None), "weighted": error(name, x, importance)} for name in TYPES}
golden = {"x": text(x), "importance": text(importance), "types": types}
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(golden, indent=1) + "\n")
