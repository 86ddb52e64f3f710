"""PyTorch's side of "go run ./bench/vision speed": the same CNN, trained the same way.

	python3 bench/peers/vision.py [--seconds N] [--threads N]

prints the steps per second of the median step (forward and backward of 128 images of
28 × 28, clipping, AdamW) at each of PyTorch's settings: channels first and last, float32
and bf16 autocast; and the most memory that the process ever held.
"""
import argparse
import json
import resource
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F


def stage(i, o):
    return [nn.Conv2d(i, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU(), nn.MaxPool2d(2)]


def speed(channels_last, bf16, seconds):
    layout = torch.channels_last if channels_last else torch.contiguous_format
    model = nn.Sequential(*stage(1, 32), *stage(32, 64), *stage(64, 128), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 10)).to(memory_format=layout)
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3, betas=(0.9, 0.98), weight_decay=0.05)
    images, labels = torch.rand(128, 1, 28, 28).to(memory_format=layout), torch.randint(10, (128,))
    times, start = [], time.perf_counter()
    while len(times) < 8 or time.perf_counter() - start < seconds:
        begin = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
            loss = F.cross_entropy(model(images), labels, label_smoothing=0.1)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        times.append(time.perf_counter() - begin)
    return 1 / statistics.median(times[3:])  # the first get their memory


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--threads", type=int, default=2)
    o = parser.parse_args()
    torch.set_num_threads(o.threads)
    said = {f"{'channels last' if last else 'channels first'}, {'bf16' if bf16 else 'f32'}": speed(last, bf16, o.seconds / 4)
            for last in (False, True) for bf16 in (False, True)}
    unit = 1024
    print(json.dumps({"version": torch.__version__, "steps_per_second": said, "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit}), flush=True)


main()
