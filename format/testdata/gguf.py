"""Writes foreign.gguf by ggml's own library, as an oracle for the reader:

    python3 gguf.py PATH/libggml-base.so

The library is built from https://github.com/ggml-org/ggml; nothing of it is kept here. The
file has a key of every type, a list of every type, and tensors of seven types.
"""

import ctypes
import pathlib
import sys

import numpy as np

lib = ctypes.CDLL(sys.argv[1])
for f in ("gguf_init_empty", "ggml_init", "ggml_new_tensor", "ggml_set_name", "ggml_get_data"):
    getattr(lib, f).restype = ctypes.c_void_p


class Params(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("buffer", ctypes.c_void_p), ("no_alloc", ctypes.c_bool)]


file = ctypes.c_void_p(lib.gguf_init_empty())
memory = ctypes.c_void_p(lib.ggml_init(Params(1 << 20, None, False)))

lib.gguf_set_val_str(file, b"general.architecture", b"test")
lib.gguf_set_val_u32(file, b"general.quantization_version", ctypes.c_uint32(2))
NUMBERS = [  # name, ctypes, number in the file
    ("u8", ctypes.c_uint8, 0, 200), ("i8", ctypes.c_int8, 1, -100), ("u16", ctypes.c_uint16, 2, 60000),
    ("i16", ctypes.c_int16, 3, -30000), ("u32", ctypes.c_uint32, 4, 4000000000), ("i32", ctypes.c_int32, 5, -2000000000),
    ("f32", ctypes.c_float, 6, 0.1), ("u64", ctypes.c_uint64, 10, 1 << 63), ("i64", ctypes.c_int64, 11, -(1 << 62)),
    ("f64", ctypes.c_double, 12, 0.1), ("bool", ctypes.c_bool, 7, True),
]
for name, c, number, v in NUMBERS:
    lib["gguf_set_val_" + name](file, b"one." + name.encode(), c(v))
    lib.gguf_set_arr_data(file, b"list." + name.encode(), number, (c * 3)(v, 0, 1), ctypes.c_size_t(3))
lib.gguf_set_val_str(file, b"one.str", "名字 <s>".encode())
lib.gguf_set_arr_str(file, b"list.str", (ctypes.c_char_p * 3)(b"", "Ġthe".encode(), b"a"), ctypes.c_size_t(3))
lib.gguf_set_arr_data(file, b"list.none", 5, (ctypes.c_int32 * 1)(), ctypes.c_size_t(0))

for name, number, shape, size in [  # shapes as ggml has them, fastest first; bytes
    ("token_embd.weight", 0, (4, 3), 48), ("a.f16", 1, (3,), 6), ("b.q8_0", 8, (64, 2), 136), ("c.q4_K", 12, (256, 1, 2), 288),
    ("d.bf16", 30, (5, 2, 1, 2), 40), ("e.i32", 26, (1,), 4), ("f.q6_K", 14, (256,), 210),
]:
    ne = (ctypes.c_int64 * len(shape))(*shape)
    t = ctypes.c_void_p(lib.ggml_new_tensor(memory, number, len(shape), ne))
    lib.ggml_set_name(t, name.encode())
    data = (np.arange(size) if number else np.arange(size // 4, dtype=np.float32) / 8).astype(np.uint8 if number else np.float32).tobytes()
    ctypes.memmove(lib.ggml_get_data(t), data, size)
    lib.gguf_add_tensor(file, t)

path = pathlib.Path(__file__).with_name("foreign.gguf")
assert lib.gguf_write_to_file(file, str(path).encode(), False) is not None
