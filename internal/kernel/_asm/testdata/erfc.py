"""Fits the polynomial of erfc.go: erfc(z)·exp(z²) = t·P(t), t = 1/(1 + z/2), for 0 ≤ z ≤ 13.3.

Least squares of the relative error, weighted again and again by the error
(Lawson 1961), which evens it out. Prints the coefficients, lowest power
first, and the largest error in float64 and in float32.
"""
import math

import torch

DEGREE, P, STEPS = 8, 0.5, 40
z = torch.cat([torch.linspace(0, 2, 1500, dtype=torch.float64), torch.linspace(2, 13.3, 1500, dtype=torch.float64)])
g = torch.tensor([math.erfc(v) * math.exp(v * v) for v in z.tolist()], dtype=torch.float64)
t = 1 / (1 + P * z)
a = torch.stack([t ** (k + 1) for k in range(DEGREE + 1)], 1) / g[:, None]
w = torch.ones_like(z)
for _ in range(STEPS):
    s = w.sqrt()[:, None]
    c = torch.linalg.lstsq(a * s, s, driver="gelsd").solution[:, 0]
    w = w * ((a @ c - 1).abs() + 1e-300)
    w /= w.mean()
t32 = 1 / (1 + P * z.float())
h = torch.zeros_like(t32)
for k in c.float().flip(0):
    h = h * t32 + k
print(c.tolist(), (a @ c - 1).abs().max().item(), ((h * t32).double() / g - 1).abs().max().item())
