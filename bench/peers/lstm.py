"""PyTorch's side of "go run ./bench/study recurrent speed" and "… parity": the same LSTM
language model, trained the same way.

	python3 bench/peers/lstm.py speed [--kind lstm] [--seconds N] [--threads N]
	python3 bench/peers/lstm.py parity FOLDER [--threads N]

speed prints the steps per second of the median step (forward along 64 tokens of 16
streams, backward, clipping, AdamW) of 2 layers of 512. parity trains on the batches in
FOLDER, as run.json there describes, from the weights there, and prints the held-out
loss. PyTorch as Debian packages it is fastest with

	OMP_NUM_THREADS=2 OPENBLAS_NUM_THREADS=2 (and libopenblas0-openmp)
	MALLOC_MMAP_THRESHOLD_=4294967295 MALLOC_TRIM_THRESHOLD_=17179869184 MALLOC_TOP_PAD_=268435456

which the Go side sets.
"""
import argparse
import json
import pathlib
import resource
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F


class Model(nn.Module):
    def __init__(self, kind, V, H, L, dropout=0.0):
        super().__init__()
        self.encoder = nn.Embedding(V, H)
        self.rnn = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[kind](H, H, L, dropout=dropout)
        self.drop = nn.Dropout(dropout)
        nn.init.normal_(self.encoder.weight, std=0.1)
        if kind == "lstm":  # an open forget gate
            for n, p in self.rnn.named_parameters():
                if "bias" in n:
                    p.data[H:2 * H] = 1.0 if "bias_ih" in n else 0.0

    def forward(self, ids, state=None):  # (T, B)
        x, state = self.rnn(self.drop(self.encoder(ids)), state)
        return F.linear(self.drop(x), self.encoder.weight), state  # the head is tied


def detached(state):
    return tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()


def optimizer(model, lr, beta2, decay):
    matrices = [p for n, p in model.named_parameters() if "weight_" in n]
    others = [p for n, p in model.named_parameters() if "weight_" not in n]
    return torch.optim.AdamW(
        [{"params": matrices, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}], lr=lr, betas=(0.9, beta2))


def update(model, opt, ids, targets, state, clip=1.0):
    logits, state = model(ids, state)
    loss = F.cross_entropy(logits.view(-1, logits.shape[-1]), targets.reshape(-1))
    opt.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
    opt.step()
    return loss.item(), detached(state)


def speed(o):
    V, H, L, B, T = 10000, 512, 2, 16, 64
    model = Model(o.kind, V, H, L)
    opt = optimizer(model, 1e-3, 0.95, 0.1)
    times, state, start = [], None, time.perf_counter()
    while len(times) < 4 or time.perf_counter() - start < o.seconds:
        begin = time.perf_counter()
        text = torch.randint(V, (T + 1, B))
        _, state = update(model, opt, text[:-1], text[1:], state)
        times.append(time.perf_counter() - begin)
    times = times[1:]  # the first gets its memory
    unit = 1024
    return {"steps": len(times), "steps_per_second": 1 / statistics.median(times), "best": 1 / min(times),
            "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit}


def numbers(path, *shape):
    return torch.frombuffer(bytearray(path.read_bytes()), dtype=torch.int32).long().view(*shape)


def parity(o):
    folder = pathlib.Path(o.folder)
    c = json.loads((folder / "run.json").read_text())
    B, T, V = c["rows"], c["context"], c["vocab"]
    torch.manual_seed(c["seed"])
    model = Model(c["model"], V, c["width"], c["depth"], c["dropout"])
    for n, p in model.named_parameters():
        p.data = torch.frombuffer(bytearray((folder / (n + ".bin")).read_bytes()), dtype=torch.float32).view(p.shape)
    opt = optimizer(model, c["lr"], c["beta2"], c["decay"])
    ids, targets = (numbers(folder / (n + ".bin"), -1, B, T).transpose(1, 2) for n in ("ids", "targets"))
    state = None
    for i, rate in enumerate(c["rates"]):
        for g in opt.param_groups:
            g["lr"] = c["lr"] * rate
        state = None if c["past"][i] == 0 else state
        _, state = update(model, opt, ids[i], targets[i], state, c["clip"])
    model.eval()
    held, state, sum_ = numbers(folder / "held.bin", -1), None, 0.0
    with torch.no_grad():
        for at in range(0, len(held) - 1, 128):
            part = held[at:at + 129]
            logits, state = model(part[:-1, None], state)
            sum_ += F.cross_entropy(logits.view(-1, V), part[1:], reduction="sum").item()
    return {"loss": sum_ / (len(held) - 1)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["speed", "parity"])
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--kind", default="lstm")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--threads", type=int, default=2)
    o = parser.parse_args()
    torch.set_num_threads(o.threads)
    print(json.dumps(speed(o) if o.what == "speed" else parity(o)), flush=True)


main()
