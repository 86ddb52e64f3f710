"""Writes skipgram.json, cbow.json and glove.json: what PyTorch computes for tiny
tables, as an oracle for this package. Run it with any PyTorch from 1.13 on:

    python3 golden.py

Everything is computed in float64 on float32 tables, from the papers' formulas
pair by pair, apart from the Go code: losses, the gradient of every table and the
losses of five steps (SGD for word2vec, AdaGrad for GloVe).
"""

import json
import pathlib
import random

import torch
import torch.nn.functional as F

V, C, W, K, NEG, B = 14, 4, 2, 4, 3, 32
STEPS, LR = 5, 0.5


def table(rows, cols):
    return torch.empty(rows, cols).uniform_(-1, 1).double().requires_grad_()


def rounded(t):
    return [float(x) for x in t.detach().float().reshape(-1)]


def run(tables, loss, optimizer, **more):
    """One golden file: tables, loss, gradients, and the losses of some steps."""
    g = {"tables": {n: rounded(t) for n, t in tables.items()}, **more}
    first = loss()
    first.backward()
    g["loss"] = first.item()
    g["grads"] = {n: rounded(t.grad) for n, t in tables.items()}
    g["losses"] = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        value = loss()
        value.backward()
        optimizer.step()
        g["losses"].append(value.item())
    g["after"] = {n: rounded(t) for n, t in tables.items()}
    return g


def word2vec(cbow):
    """A block of 29 words (three places stay empty) and its negatives."""
    words = [random.randrange(V) for _ in range(B - 3)]
    negatives = [random.randrange(V) for _ in range(K)]
    radius = [random.randint(1, W) for _ in words]
    near = [[j for j in range(i - r, i + r + 1) if j != i and 0 <= j < len(words)] for i, r in enumerate(radius)]
    t = {"in": table(V, C), "out": table(V, C)}
    pairs = len(words) if cbow else sum(map(len, near))

    def loss():
        total = 0
        for i, word in enumerate(words):
            if cbow:
                examples = [(torch.stack([t["in"][words[j]] for j in near[i]]).mean(0), word)]
            else:
                examples = [(t["in"][word], words[j]) for j in near[i]]
            for v, target in examples:
                total = total - F.logsigmoid(t["out"][target] @ v)
                for n in negatives:  # each stands for NEG/K of the noise; the target itself is spared
                    if n != target:
                        total = total - NEG / K * F.logsigmoid(-(t["out"][n] @ v))
        return total / pairs

    sgd = torch.optim.SGD(t.values(), lr=LR)
    return run(t, loss, sgd, words=words, negatives=negatives, near=near, pairs=pairs, vocab=V, width=C, window=W, noise=NEG, lr=LR)


def glove():
    pairs = [(i, j) for i in range(V) for j in range(V) if random.random() < 0.25]
    x = [random.choice([0.25, 0.5, 1.0, 3.5, 12.0, 250.0]) for _ in pairs]
    t = {"in": table(V, C), "out": table(V, C), "in_bias": table(V, 1), "out_bias": table(V, 1)}

    def loss():
        total = 0
        for (i, j), n in zip(pairs, x):
            miss = t["in"][i] @ t["out"][j] + t["in_bias"][i, 0] + t["out_bias"][j, 0] - torch.tensor(n, dtype=torch.float64).log()
            total = total + min(1.0, n / 100) ** 0.75 * miss**2
        return total / len(pairs)

    adagrad = torch.optim.Adagrad(t.values(), lr=0.05)
    return run(t, loss, adagrad, i=[p[0] for p in pairs], j=[p[1] for p in pairs], x=x, vocab=V, width=C, lr=0.05)


here = pathlib.Path(__file__).parent
for name, make in [("skipgram", lambda: word2vec(False)), ("cbow", lambda: word2vec(True)), ("glove", glove)]:
    torch.manual_seed(len(name))
    random.seed(len(name))
    (here / f"{name}.json").write_text(json.dumps(make(), separators=(",", ":")) + "\n")
