"""Writes quant.json: blocks of every quantised type with random bits, and the numbers that
ggml's library makes of them, as an oracle for Dequantise:

    python3 quant.py PATH/libggml-base.so

The library is built from https://github.com/ggml-org/ggml; nothing of it is kept here. All
bits are random but those that would make a scale no finite number. Among the scales are the
subnormal, the largest, zero and negative ones. blocks and values are base64, the values
float32.
"""

import base64
import ctypes
import json
import pathlib
import sys

import numpy as np

# name: bytes of a block, elements of it, places of its binary16 scales
TYPES = {
    "q8_0": (34, 32, [0]), "q4_0": (18, 32, [0]), "q4_1": (20, 32, [0, 2]), "q5_0": (22, 32, [0]), "q5_1": (24, 32, [0, 2]),
    "q2_K": (84, 256, [80, 82]), "q3_K": (110, 256, [108]), "q4_K": (144, 256, [0, 2]), "q5_K": (176, 256, [0, 2]),
    "q6_K": (210, 256, [208]), "iq4_nl": (18, 32, [0]), "mxfp4": (17, 32, []),
    "iq4_xs": (136, 256, [0]),
}
BLOCKS = 8


def blocks(rng, size, scales):
    b = rng.integers(0, 256, (BLOCKS, size), dtype=np.uint8)
    for at in scales:
        half = rng.normal(0, 0.1, BLOCKS).astype(np.float16)
        half[:4] = [0, 65504, -(2.0**-24), 2.0**-15]  # zero, the largest, the smallest, a subnormal
        b[:, at : at + 2] = half.view(np.uint8).reshape(BLOCKS, 2)
    if not scales:
        b[:4, 0] = [0, 1, 2, 254]  # exponents of subnormal scales and the largest; 255 means NaN
        b[4:, 0] = rng.integers(100, 140, BLOCKS - 4)
    return b


def values(lib, name, b, n):
    out = np.empty(BLOCKS * n, np.float32)
    lib["dequantize_row_" + name](b.ctypes.data_as(ctypes.c_void_p), out.ctypes.data_as(ctypes.c_void_p), ctypes.c_int64(out.size))
    return out


def text(a):
    return base64.b64encode(a.tobytes()).decode()


lib = ctypes.CDLL(sys.argv[1])
rng = np.random.default_rng(1)
golden = {}
for name, (size, n, scales) in TYPES.items():
    b = blocks(rng, size, scales)
    golden[name] = {"blocks": text(b), "values": text(values(lib, name, b, n))}
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(golden, indent=1) + "\n")
