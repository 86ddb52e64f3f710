"""PyTorch's side of "inkstone bench peers": the same GPT-2s, trained the same way.

	python3 bench/peers/pytorch.py NAME [--precision f32|bf16] [--seconds N] [--threads N]
	python3 bench/peers/pytorch.py --probe

prints one JSON object: the tokens per second of the median step (batch, forward,
backward, clipping, AdamW), its quartiles, the best, and the peak memory. With
--probe it says which PyTorch this is. bf16 is torch.autocast over f32 weights.
PyTorch as Debian packages it is several times slower than this unless these
are set before it starts ("inkstone bench peers" sets them):

	OMP_NUM_THREADS=2 OPENBLAS_NUM_THREADS=2 (and libopenblas0-openmp)
	MALLOC_MMAP_THRESHOLD_=4294967295 MALLOC_TRIM_THRESHOLD_=17179869184 MALLOC_TOP_PAD_=268435456

OPENBLAS_CORETYPE and OPENBLAS_L2_SIZE must not be set: they choose kernels of
another processor.
"""
import argparse
import contextlib
import json
import platform
import resource
import statistics
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

# name: layers, width, heads, context, rows, vocabulary, as in train.go
CONFIGURATIONS = {
    "A": (4, 128, 4, 64, 12, 65),
    "B": (6, 384, 6, 256, 8, 65),
    "C": (12, 768, 12, 64, 4, 50304),
    "D": (12, 768, 12, 256, 4, 50304),
}


def gelu(x):  # PyTorch's own tanh form, fused
    return F.gelu(x, approximate="tanh")


class Block(nn.Module):
    def __init__(self, C, H):
        super().__init__()
        self.heads = H
        self.norm1, self.norm2 = nn.LayerNorm(C), nn.LayerNorm(C)
        self.qkv, self.out = nn.Linear(C, 3 * C), nn.Linear(C, C)
        self.up, self.down = nn.Linear(C, 4 * C), nn.Linear(4 * C, C)

    def attend(self, x, mask):
        B, T, C = x.shape
        q, k, v = (y.view(B, T, self.heads, -1).transpose(1, 2) for y in self.qkv(x).split(C, dim=2))
        if hasattr(F, "scaled_dot_product_attention"):  # since PyTorch 2.0
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            scores = (q @ k.transpose(-2, -1)) * (k.shape[-1] ** -0.5) + mask  # (B, H, T, T)
            y = scores.softmax(-1) @ v
        return self.out(y.transpose(1, 2).reshape(B, T, C))

    def forward(self, x, mask):
        x = x + self.attend(self.norm1(x), mask)
        return x + self.down(gelu(self.up(self.norm2(x))))


class GPT2(nn.Module):
    def __init__(self, L, C, H, T, V):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(V, C), nn.Embedding(T, C)
        self.blocks = nn.ModuleList(Block(C, H) for _ in range(L))
        self.norm = nn.LayerNorm(C)
        self.register_buffer("mask", torch.full((T, T), float("-inf")).triu(1))
        for p in self.parameters():
            if p.dim() > 1:
                nn.init.normal_(p, std=0.02)

    def forward(self, ids):
        T = ids.shape[1]
        x = self.tokens(ids) + self.positions.weight[:T]
        for block in self.blocks:
            x = block(x, self.mask[:T, :T])
        return F.linear(self.norm(x), self.tokens.weight)  # the head is tied


def precision(name):
    if name == "bf16":
        return torch.autocast("cpu", dtype=torch.bfloat16)
    return contextlib.nullcontext()


FEWEST_STEPS = 3  # are measured however long they take


def speeds(name, number, seconds):
    L, C, H, T, B, V = CONFIGURATIONS[name]
    model = GPT2(L, C, H, T, V)
    matrices = [p for n, p in model.named_parameters() if p.dim() > 1 and "blocks" in n]
    others = [p for n, p in model.named_parameters() if not (p.dim() > 1 and "blocks" in n)]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}], lr=1e-3, betas=(0.9, 0.99))
    text = torch.randint(V, (B * T * 64,))
    measured, start = [], None
    while start is None or len(measured) < FEWEST_STEPS or time.perf_counter() - start < seconds:
        begin = time.perf_counter()
        at = torch.randint(len(text) - T - 1, (B,))
        ids = torch.stack([text[i:i + T] for i in at])
        targets = torch.stack([text[i + 1:i + T + 1] for i in at])
        with precision(number):
            loss = F.cross_entropy(model(ids).view(-1, V), targets.view(-1))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if start is None:  # the first gets its memory
            start = time.perf_counter()
        else:
            measured.append(B * T / (time.perf_counter() - begin))
    return measured


def peak_bytes():
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def measure(name, number, seconds):
    measured = speeds(name, number, seconds)
    low, middle, high = statistics.quantiles(measured, n=4, method="inclusive")
    return {
        "configuration": name, "precision": number, "steps": len(measured), "tokens_per_second": middle,
        "low": low, "high": high, "best": max(measured), "peak_bytes": peak_bytes(),
    }


def lacks_bf16():
    """Why a product in bf16 can not be had, "" where it can."""
    try:
        with precision("bf16"):
            y = torch.ones(8, 8) @ torch.ones(8, 8)
        return "" if y.dtype == torch.bfloat16 else "its autocast leaves products in %s" % y.dtype
    except Exception as e:  # whatever an old version raises
        return "%s: %s" % (type(e).__name__, e)


def blas():
    """The BLAS that is loaded, "" where the system does not tell or PyTorch has its own."""
    try:
        with open("/proc/self/maps") as f:
            paths = {line.split()[-1] for line in f if "blas" in line.rsplit("/", 1)[-1]}
        return ", ".join(sorted(paths))
    except OSError:
        return ""


def probe():
    torch.ones(64, 64) @ torch.ones(64, 64)
    return {
        "version": torch.__version__, "python": platform.python_version(), "blas": blas(),
        "threads": torch.get_num_threads(), "lacks_bf16": lacks_bf16(),
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("name", nargs="?", choices=list(CONFIGURATIONS))
    parser.add_argument("--probe", action="store_true")
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    if not options.probe and options.name is None:
        parser.error("want a configuration's name or --probe")
    torch.set_num_threads(options.threads)
    result = probe() if options.probe else measure(options.name, options.precision, options.seconds)
    print(json.dumps(result), flush=True)


main()
