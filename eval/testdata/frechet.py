"""Writes frechet.json: two samples and the Fréchet distance of normal distributions with their
means and covariances, as an oracle for this package. Run it with any NumPy:

    python3 frechet.py

The trace of the root of ΣΓ is the sum of the roots of its eigenvalues, as the published
implementations of the distance have it.
"""

import json
import pathlib

import numpy as np

r = np.random.default_rng(1)
a = r.normal(size=(40, 4)) @ r.normal(size=(4, 4)) + r.normal(size=4)
b = r.normal(size=(30, 4)) @ r.normal(size=(4, 4))
b[:, 3] = b[:, 0] - b[:, 1]  # a covariance without full rank
sigma, gamma = np.cov(a.T), np.cov(b.T)
roots = np.sqrt(np.maximum(np.linalg.eigvals(sigma @ gamma).real, 0))
distance = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(sigma) + np.trace(gamma) - 2 * roots.sum()
path = pathlib.Path(__file__).parent / "frechet.json"
path.write_text(json.dumps({"a": a.tolist(), "b": b.tolist(), "distance": distance}) + "\n")
print(distance)
