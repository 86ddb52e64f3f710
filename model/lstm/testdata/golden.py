"""Writes rnn.json, lstm.json and gru.json: what PyTorch's nn.RNN, nn.LSTM and nn.GRU
compute for tiny language models, as an oracle for this package. Run it with any
PyTorch from 1.13 on:

    python3 golden.py

Each file holds a config.json, weights under the names of PyTorch's modules, two
sequences of different lengths with their logits, weighted loss and the gradient of every
weight, all from empty states; and two streams of text with the losses of ten AdamW
steps along them, the states carried from window to window. Weights are float32,
everything is computed in float64.
"""

import base64
import json
import pathlib

import torch
import torch.nn.functional as F
from torch import nn

LENGTHS = (5, 9)
WINDOW, STEPS = 6, 10
ADAMW = dict(lr=1e-2, b1=0.9, b2=0.95, eps=1e-8, decay=0.1)
CONFIG = {"vocab_size": 23, "hidden_size": 10, "num_hidden_layers": 2, "dropout": 0.0}


class Model(nn.Module):
    def __init__(self, kind, tied):
        super().__init__()
        V, H, L = CONFIG["vocab_size"], CONFIG["hidden_size"], CONFIG["num_hidden_layers"]
        self.encoder = nn.Embedding(V, H)
        self.rnn = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[kind](H, H, L, batch_first=True)
        self.decoder = nn.Linear(H, V, bias=False)
        if tied:
            self.decoder.weight = self.encoder.weight

    def forward(self, ids, state=None):
        x, state = self.rnn(self.encoder(ids), state)
        return self.decoder(x), state


def detached(state):
    return tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()


def floats(x):
    return base64.b64encode(x.detach().to(torch.float32).contiguous().numpy().tobytes()).decode()


def decayed(name):
    return name.endswith("weight") and not name.startswith("encoder") or "weight_" in name


def golden(kind, tied):
    torch.manual_seed(3)
    model = Model(kind, tied)
    for p in model.parameters():  # float32 numbers, away from PyTorch's own start
        p.data = (torch.randn_like(p) * 0.4).float()
    model = model.double()
    weights = {n: floats(p) for n, p in model.named_parameters()}
    shapes = {n: list(p.shape) for n, p in model.named_parameters()}
    V, N = CONFIG["vocab_size"], sum(LENGTHS)
    ids, targets = torch.randint(V, (N,)), torch.randint(V, (N,))
    row_weights = torch.rand(N, dtype=torch.float64) + 0.1

    logits = torch.cat([model(s[None])[0][0] for s in ids.split(LENGTHS)])
    loss = (F.cross_entropy(logits, targets, reduction="none") * row_weights).sum() / row_weights.sum()
    loss.backward()
    result = {
        "config": {"model_type": kind, **CONFIG, "tie_word_embeddings": tied},
        "lengths": LENGTHS, "ids": ids.tolist(), "targets": targets.tolist(), "target_weights": floats(row_weights),
        "shapes": shapes, "weights": weights, "logits": floats(logits), "loss": loss.item(),
        "grads": {n: floats(p.grad) for n, p in model.named_parameters()},
    }

    groups = [
        {"params": [p for n, p in model.named_parameters() if decayed(n)], "weight_decay": ADAMW["decay"]},
        {"params": [p for n, p in model.named_parameters() if not decayed(n)], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=ADAMW["lr"], betas=(ADAMW["b1"], ADAMW["b2"]), eps=ADAMW["eps"])
    streams = torch.randint(V, (2, WINDOW * STEPS + 1))
    state, losses = None, []
    for i in range(STEPS):
        at = i * WINDOW
        logits, state = model(streams[:, at:at + WINDOW], state)
        loss = F.cross_entropy(logits.reshape(-1, V), streams[:, at + 1:at + WINDOW + 1].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        state = detached(state)
        losses.append(loss.item())
    return {**result, "window": WINDOW, "streams": streams.tolist(), "adamw": ADAMW, "losses": losses}


for kind, tied in ("rnn", False), ("lstm", False), ("gru", True):
    path = pathlib.Path(__file__).with_name(kind + ".json")
    path.write_text(json.dumps(golden(kind, tied), indent=1) + "\n")
