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


# The normal numbers that Tensor.FillNormal draws with key 5.
DIRECTION = torch.tensor([
    0.6612764, 0.30968744, 0.1769081, -0.038696036, 0.80873215, 1.2089413, 0.7700573, 0.7181547, -0.10199421, -0.2521092,
    0.49487263, 1.5081078, -0.31260577, -0.83845484, 2.5917692, -0.9379521, 0.62799895, 0.60598695, -0.47375503, -1.3969815,
    -0.4560812, 1.0560763, -0.14483152, 2.6346762, -0.029395279, -0.09690365, 0.73714817, -1.3526318], dtype=torch.float64).view(len(IDS), C)


def stretch(x, length):
    out, at = x.clone(), 0
    for n in SPANS:
        out[at:at + n] *= length / out[at:at + n].norm()
        at += n
    return out


def virtual(epsilon):
    """Miyato et al. 2018: the search for r, then the loss with the divergence at r."""
    def logits(w, h, noise):
        return torch.tanh(w[torch.tensor(IDS)] + noise) @ h.T

    def divergence(clean, noisy):
        p = F.log_softmax(clean.detach(), 1)
        return (p.exp() * (p - F.log_softmax(noisy, 1))).sum(1).mean()

    d = stretch(DIRECTION, epsilon / 10).requires_grad_()
    search = divergence(logits(table, head, 0), logits(table, head, d))
    search.backward()
    r = stretch(d.grad, epsilon)
    w, h = table.clone().requires_grad_(), head.clone().requires_grad_()
    clean = logits(w, h, 0)
    loss = F.cross_entropy(clean, torch.tensor(TARGETS)) + divergence(clean, logits(w, h, r))
    loss.backward()
    return {"losses": [search.item(), loss.item()], "noise": r.flatten().tolist(), "table": w.grad.flatten().tolist(), "head": h.grad.flatten().tolist()}


print(json.dumps({
    "ids": IDS, "spans": SPANS, "targets": TARGETS,
    "table": table.flatten().tolist(), "head": head.flatten().tolist(),
    "fgm": update(0.5, 0.5, 2), "free": update(1.5 * 0.5 / 3, 0.5, 4), "virtual": virtual(0.5),
}, indent=1))
