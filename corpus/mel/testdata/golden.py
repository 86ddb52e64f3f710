"""Writes golden.json: log-mel energies by torch.stft and a filter bank written apart from the
Go code, from the definitions in the package's comment. Run it with any PyTorch from 1.13 on:

    python3 golden.py
"""

import json
import pathlib

import numpy as np
import torch


def bank(rate, fft, mels, low, high):
    """(bins, mels): triangles whose corners are even on HTK's mel scale."""
    to = lambda f: 2595 * np.log10(1 + f / 700)
    corners = 700 * (10 ** (np.linspace(to(low), to(high), mels + 2) / 2595) - 1)
    bins = np.linspace(0, rate / 2, fft // 2 + 1)
    slopes = corners[None, :] - bins[:, None]
    width = np.diff(corners)
    down, up = -slopes[:, :-2] / width[:-1], slopes[:, 2:] / width[1:]
    return np.maximum(0, np.minimum(down, up))


def case(samples, rate, window, hop, fft, mels, low, high, floor):
    frames = 1 + -(-max(0, len(samples) - window) // hop)
    # torch.stft puts the window into the middle of the FFT's samples
    left = (fft - window) // 2
    signal = np.zeros((frames - 1) * hop + fft)
    signal[left : left + len(samples)] = samples[: len(signal) - left]
    spectrum = torch.stft(torch.from_numpy(signal), fft, hop, window, torch.hann_window(window, dtype=torch.float64), center=False, return_complex=True)
    power = spectrum.abs().pow(2).numpy().T
    energies = np.log(np.maximum(floor, power @ bank(rate, fft, mels, low, high)))
    flat = lambda a: [float("%.9g" % v) for v in a.flatten()]
    return {"rate": rate, "window": window, "hop": hop, "fft": fft, "mels": mels, "low": low, "high": high, "floor": floor,
            "samples": flat(samples), "frames": frames, "energies": flat(energies)}


rng = np.random.default_rng(1)
noise = lambda n: rng.normal(0, 0.1, n).astype(np.float32).astype(np.float64)
time = np.arange(1000) / 8000
chirp = (0.5 * np.sin(2 * np.pi * (200 + 1500 * time) * time)).astype(np.float32).astype(np.float64)
cases = {
    "chirp": case(chirp, 8000, 200, 80, 256, 20, 0, 4000, 1e-10),
    "noise": case(noise(1501), 16000, 400, 160, 512, 40, 20, 7600, 1e-10),
    "window as long as the FFT": case(noise(700), 8000, 256, 100, 256, 12, 60, 3700, 1e-10),
    "shorter than a frame": case(noise(150), 8000, 200, 80, 256, 16, 0, 4000, 1e-10),
    "silence behind": case(np.concatenate([noise(300), np.zeros(500)]), 8000, 200, 80, 256, 8, 0, 4000, 1e-6),
}
path = pathlib.Path(__file__).with_name("golden.json")
path.write_text(json.dumps({"torch": torch.__version__, "cases": cases}, separators=(",", ":")) + "\n")
