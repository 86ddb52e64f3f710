"""The PyTorch side of BenchmarkTrain: the same GPT-2s, trained the same way.

	python3 bench/train.py [NAME ...] [--steps N] [--threads N]

prints, for each configuration, the tokens per second of the median step
(batch, forward, backward, clipping, AdamW), its quartiles and the peak memory.
PyTorch as Debian packages it is several times slower than this unless these
are set before it starts (bench/run sets them):

	OMP_NUM_THREADS=2 OPENBLAS_NUM_THREADS=2 (and libopenblas0-openmp)
	MALLOC_MMAP_THRESHOLD_=4294967295 MALLOC_TRIM_THRESHOLD_=17179869184 MALLOC_TOP_PAD_=268435456
"""
import argparse
import resource
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F

# name: layers, width, heads, context, rows, vocabulary, as in train_test.go
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
        scores = (q @ k.transpose(-2, -1)) * (k.shape[-1] ** -0.5) + mask  # (B, H, T, T)
        return self.out((scores.softmax(-1) @ v).transpose(1, 2).reshape(B, T, C))

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


def speeds(name, steps):
    L, C, H, T, B, V = CONFIGURATIONS[name]
    model = GPT2(L, C, H, T, V)
    matrices = [p for n, p in model.named_parameters() if p.dim() > 1 and "blocks" in n]
    others = [p for n, p in model.named_parameters() if not (p.dim() > 1 and "blocks" in n)]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}], lr=1e-3, betas=(0.9, 0.99))
    text = torch.randint(V, (B * T * 64,))
    for step in range(steps + 1):
        begin = time.perf_counter()
        at = torch.randint(len(text) - T - 1, (B,))
        ids = torch.stack([text[i:i + T] for i in at])
        targets = torch.stack([text[i + 1:i + T + 1] for i in at])
        loss = F.cross_entropy(model(ids).view(-1, V), targets.view(-1))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step:  # the first gets its memory
            yield B * T / (time.perf_counter() - begin)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", default=list(CONFIGURATIONS))
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for name in options.names:
        measured = list(speeds(name, options.steps))
        low, middle, high = statistics.quantiles(measured, n=4) if len(measured) > 1 else measured * 3
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print("%s threads %d: %.0f tokens/s (quartiles %.0f to %.0f), peak %d MiB" % (
            name, options.threads, middle, low, high, peak), flush=True)


main()
