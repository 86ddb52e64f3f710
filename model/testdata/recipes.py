"""Writes recipes.json.gz: which type llama.cpp gives to each tensor, as an oracle for the recipes:

    python3 recipes.py DIR

DIR has files MODEL-PRESET.gguf that llama.cpp's llama-quantize made of the tiny models of
TestRecipes, for example llama-Q4_K_M.gguf of

    llama-quantize llama.gguf llama-Q4_K_M.gguf Q4_K_M

Nothing of llama.cpp is kept here. Tensors with one dimension are left out.
"""

import gzip
import json
import pathlib
import struct
import sys

TYPES = {0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 8: "Q8_0", 12: "Q4_K", 13: "Q5_K", 14: "Q6_K"}
SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}


def tensors(b):
    at = 4

    def number(kind):
        nonlocal at
        at += struct.calcsize(kind)
        return struct.unpack_from("<" + kind, b, at - struct.calcsize(kind))[0]

    def text():
        nonlocal at
        n = number("Q")
        at += n
        return b[at - n : at].decode()

    def skip(kind):
        nonlocal at
        if kind == 8:
            text()
        elif kind == 9:
            of, n = number("I"), number("Q")
            for _ in range(n):
                skip(of)
        else:
            at += SIZES[kind]

    number("I")
    count, keys = number("Q"), number("Q")
    for _ in range(keys):
        text()
        skip(number("I"))
    found = {}
    for _ in range(count):
        name = text()
        dims = [number("Q") for _ in range(number("I"))]
        kind = number("I")
        number("Q")
        if len(dims) > 1:
            found[name] = TYPES[kind]
    return found


golden = {}
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.gguf")):
    model, preset = path.stem.split("-")
    golden.setdefault(model, {})[preset] = tensors(path.read_bytes())
text = json.dumps(golden, separators=(",", ":")) + "\n"
pathlib.Path(__file__).with_suffix(".json.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
