#!/usr/bin/env python3
"""Writes adversary.json: what PyTorch makes of adversarial training on embeddings.

A bag of two sequences of tokens is embedded, sent through tanh and a matrix, and
scored against targets. The gradients of all passes of one update are averaged, as
train.Adversary describes it.

    python3 adversary.py > adversary.json
"""
import json

import torch
import torch.nn.functional as F

torch.manual_seed(7)
V, C = 6, 4
IDS = [3, 1, 4, 1, 5, 0, 2]
SPANS = [4, 3]
TARGETS = [1, 4, 1, 5, 0, 2, 3]
table = torch.randn(V, C, dtype=torch.float64)
head = torch.randn(V, C, dtype=torch.float64)


def move(delta, grad, rate, epsilon):
    out, at = delta.clone(), 0
    for n in SPANS:
        rows = slice(at, at + n)
        out[rows] += rate * grad[rows] / grad[rows].norm()
        if out[rows].norm() > epsilon:
            out[rows] *= epsilon / out[rows].norm()
        at += n
    return out


def update(rate, epsilon, passes):
    w, h = table.clone().requires_grad_(), head.clone().requires_grad_()
    delta, losses = torch.zeros(len(IDS), C, dtype=torch.float64), []
    for _ in range(passes):
        noise = delta.clone().requires_grad_()
        logits = torch.tanh(w[torch.tensor(IDS)] + noise) @ h.T
        loss = F.cross_entropy(logits, torch.tensor(TARGETS)) / passes
        loss.backward()
        losses.append(loss.item())
        last, delta = delta, move(delta, noise.grad, rate, epsilon)
    return {"losses": losses, "noise": last.flatten().tolist(), "table": w.grad.flatten().tolist(), "head": h.grad.flatten().tolist()}


print(json.dumps({
    "ids": IDS, "spans": SPANS, "targets": TARGETS,
    "table": table.flatten().tolist(), "head": head.flatten().tolist(),
    "fgm": update(0.5, 0.5, 2), "free": update(1.5 * 0.5 / 3, 0.5, 4),
}, indent=1))
