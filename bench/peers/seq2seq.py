"""PyTorch's side of TestTranslatorBesidePyTorch: the same Transformer (Vaswani 2017,
norms before the parts), trained the same way.

	python3 bench/peers/seq2seq.py speed  FOLDER [--precision f32|bf16] [--steps N] [--threads N]
	python3 bench/peers/seq2seq.py losses FOLDER [--threads N] [--device cpu|cuda]

FOLDER holds config.json and model.safetensors, the weights of the first step, and
batches.json: {"lr", "warmup", "steps", "smoothing", "clip", "end", "batches": [[[source, target], …], …]}.
speed makes steps on the first batch and prints the tokens per second of the median
one, sources and targets together, by the clock and by the processor's time; losses makes all steps in float32
and prints the loss of each. Dropout is that of the config for speed, none for
losses. Batches are padded to their longest sentence; for its speed PyTorch is given
one of equal lengths, which has nothing to pad.
"""
import argparse
import contextlib
import json
import math
import pathlib
import statistics
import time

import numpy
import torch
from torch import nn
from torch.nn import functional as F


class Attention(nn.Module):
    def __init__(self, heads, w, cross):
        super().__init__()
        self.heads, self.cross = heads, cross
        for name in ("q_proj", "kv_proj", "out_proj") if cross else ("qkv_proj", "out_proj"):
            setattr(self, name, linear(w, name))

    def forward(self, x, memory, mask):
        B, T, C = x.shape
        split = lambda y: y.view(B, -1, self.heads, C // self.heads).transpose(1, 2)
        if self.cross:
            q, (k, v) = self.q_proj(x), self.kv_proj(memory).split(C, -1)
        else:
            q, k, v = self.qkv_proj(x).split(C, -1)
        q, k, v = split(q), split(k), split(v)
        if hasattr(F, "scaled_dot_product_attention"):  # since PyTorch 2.0
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        else:
            scores = q @ k.transpose(-2, -1) * (q.shape[-1] ** -0.5)
            y = (scores if mask is None else scores + mask).softmax(-1) @ v
        return self.out_proj(y.transpose(1, 2).reshape(B, T, C))


def linear(w, name):
    l = nn.Linear(*reversed(w[name + ".weight"].shape))
    l.weight, l.bias = nn.Parameter(w[name + ".weight"]), nn.Parameter(w[name + ".bias"])
    return l


def norm(w, name):
    n = nn.LayerNorm(w[name + ".weight"].shape[0])
    n.weight, n.bias = nn.Parameter(w[name + ".weight"]), nn.Parameter(w[name + ".bias"])
    return n


def below(w, prefix):
    return {n[len(prefix):]: x for n, x in w.items() if n.startswith(prefix)}


class Layer(nn.Module):
    def __init__(self, heads, w, rate):
        super().__init__()
        self.self_attn, self.self_norm = Attention(heads, below(w, "self_attn."), False), norm(w, "self_attn_norm")
        self.cross = None
        if "cross_attn_norm.weight" in w:
            self.cross, self.cross_norm = Attention(heads, below(w, "cross_attn."), True), norm(w, "cross_attn_norm")
        self.up, self.down, self.feed_norm = linear(w, "feed_forward.up_proj"), linear(w, "feed_forward.down_proj"), norm(w, "feed_forward_norm")
        self.drop = nn.Dropout(rate)

    def forward(self, x, mask, memory=None, seen=None):
        x = x + self.drop(self.self_attn(self.self_norm(x), None, mask))
        if self.cross is not None:
            x = x + self.drop(self.cross(self.cross_norm(x), memory, seen))
        return x + self.drop(self.down(F.relu(self.up(self.feed_norm(x)))))


class Transformer(nn.Module):
    def __init__(self, c, w, rate):
        super().__init__()
        self.shared = nn.Parameter(w["shared.weight"])
        layers = lambda side: nn.ModuleList(Layer(c["attention_heads"], below(w, f"{side}.layers.{i}."), rate) for i in range(c[side + "_layers"]))
        self.encoder, self.decoder = layers("encoder"), layers("decoder")
        self.encoder_norm, self.decoder_norm = norm(w, "encoder.norm"), norm(w, "decoder.norm")
        self.drop = nn.Dropout(rate)
        C = c["d_model"]
        angle = torch.arange(256.0)[:, None] * 10000.0 ** (-torch.arange(0, C, 2.0) / C)
        self.register_buffer("positions", torch.stack([angle.sin(), angle.cos()], -1).view(256, C))

    def embed(self, ids):
        C = self.shared.shape[1]
        return self.drop(F.embedding(ids, self.shared) * math.sqrt(C) + self.positions[: ids.shape[1]])

    def forward(self, source, seen, target, causal):
        x, y = self.embed(source), self.embed(target)
        for layer in self.encoder:
            x = layer(x, seen)
        x = self.encoder_norm(x)
        for layer in self.decoder:
            y = layer(y, causal, x, seen)
        return F.linear(self.decoder_norm(y), self.shared)


def tensors(path):
    """A safetensors file of float32."""
    data = path.read_bytes()
    n = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + n])
    header.pop("__metadata__", None)
    read = lambda t: torch.from_numpy(numpy.frombuffer(data, "<f4", (t["data_offsets"][1] - t["data_offsets"][0]) // 4, 8 + n + t["data_offsets"][0]).copy())
    return {name: read(t).view(t["shape"]) for name, t in header.items()}


def padded(lists, value):
    longest = max(map(len, lists))
    return torch.tensor([x + [value] * (longest - len(x)) for x in lists])


def batch(pairs, end):
    source, target = padded([p[0] for p in pairs], -1), padded([p[1] + [end] for p in pairs], -100)
    seen = None
    if (source < 0).any():
        seen = torch.zeros(source.shape).masked_fill(source < 0, -math.inf)[:, None, None]
    inputs = padded([[end] + p[1] for p in pairs], end)
    causal = torch.full((inputs.shape[1],) * 2, -math.inf).triu(1)
    return source.clamp(min=0), seen, inputs, causal, target


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["speed", "losses"])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    o = parser.parse_args()
    torch.set_num_threads(o.threads)
    c, run = json.loads((o.folder / "config.json").read_text()), json.loads((o.folder / "batches.json").read_text())
    model = Transformer(c, tensors(o.folder / "model.safetensors"), c["dropout"] if o.what == "speed" else 0.0).to(o.device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=run["lr"], betas=(0.9, 0.98), eps=1e-9, weight_decay=0)

    def step(pairs, rate):
        for group in optimizer.param_groups:
            group["lr"] = run["lr"] * rate
        *inputs, target = (x if x is None else x.to(o.device) for x in batch(pairs, run["end"]))
        with torch.autocast("cpu", dtype=torch.bfloat16) if o.precision == "bf16" else contextlib.nullcontext():
            loss = F.cross_entropy(model(*inputs).flatten(0, 1), target.flatten(), label_smoothing=run["smoothing"])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), run["clip"])
        optimizer.step()
        return loss.item()

    if o.what == "losses":
        losses = []
        for i, pairs in enumerate(run["batches"]):
            done = (i + 0.5) / run["steps"]
            losses.append(step(pairs, done / run["warmup"] if done < run["warmup"] else math.sqrt(run["warmup"] / done)))
        print(json.dumps({"losses": losses}))
        return
    pairs = run["batches"][0]
    tokens = sum(len(s) + len(t) + 1 for s, t in pairs)
    step(pairs, 1)  # the first gets its memory
    clock, processor = [], []
    for _ in range(o.steps):
        begin, used = time.perf_counter(), time.process_time()
        step(pairs, 1)
        clock.append(tokens / (time.perf_counter() - begin))
        processor.append(tokens / (time.process_time() - used))
    print(json.dumps({"clock": statistics.median(clock), "processor": statistics.median(processor), "version": torch.__version__}))


main()
