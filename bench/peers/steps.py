"""PyTorch's side of "go run ./bench/steps": the same models, trained the same way.

	python3 bench/peers/steps.py --model NAME [--layout first|last] [--precision f32|bf16]
	                             [--seconds N] [--threads N]

prints the steps per second of the median step and the most memory that the process ever held,
as JSON. bf16 is autocast.
"""
import argparse
import json
import resource
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F

B_CNN, B_GAN, Z = 128, 64, 64


def cnn(layout, autocast):
    def stage(i, o):
        return [nn.Conv2d(i, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU(), nn.MaxPool2d(2)]

    model = nn.Sequential(*stage(1, 32), *stage(32, 64), *stage(64, 128), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 10)).to(memory_format=layout)
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3, betas=(0.9, 0.98), weight_decay=0.05)
    images, labels = torch.rand(B_CNN, 1, 28, 28).to(memory_format=layout), torch.randint(10, (B_CNN,))

    def step():
        with autocast():
            loss = F.cross_entropy(model(images), labels, label_smoothing=0.1)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return step


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.classes = nn.Embedding(10, 10)
        self.start = nn.Linear(Z + 10, 7 * 7 * 64, bias=False)
        self.layers = nn.Sequential(
            nn.BatchNorm2d(64), nn.ReLU(), nn.ConvTranspose2d(64, 32, 4, 2, 1, bias=False),
            nn.BatchNorm2d(32), nn.ReLU(), nn.ConvTranspose2d(32, 1, 4, 2, 1), nn.Sigmoid())

    def forward(self, z, labels, layout):
        x = self.start(torch.cat([z, self.classes(labels)], 1)).view(-1, 64, 7, 7)
        return self.layers(x.contiguous(memory_format=layout))


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 32, 4, 2, 1), nn.LeakyReLU(0.2),
            nn.Conv2d(32, 64, 4, 2, 1, bias=False), nn.BatchNorm2d(64), nn.LeakyReLU(0.2), nn.Flatten())
        self.score = nn.Linear(7 * 7 * 64, 1)
        self.classes = nn.Embedding(10, 7 * 7 * 64)

    def forward(self, x, labels):
        x = self.layers(2 * x - 1)
        return self.score(x)[:, 0] + (x * self.classes(labels)).sum(1)


def gan(layout, autocast):
    g, d = Generator().to(memory_format=layout), Discriminator().to(memory_format=layout)
    optimizers = [torch.optim.AdamW(m.parameters(), 5e-4, betas=(0.5, 0.99), weight_decay=0) for m in (d, g)]
    images, labels, z = torch.rand(B_GAN, 1, 28, 28).to(memory_format=layout), torch.randint(10, (B_GAN,)), torch.randn(B_GAN, Z)

    def d_loss():
        with torch.no_grad():
            fake = g(z, labels, layout)
        return F.softplus(-d(images, labels)).mean() + F.softplus(d(fake, labels)).mean()

    def g_loss():
        return F.softplus(-d(g(z, labels, layout), labels)).mean()

    def step():
        for loss, optimizer, frozen in ((d_loss, optimizers[0], False), (g_loss, optimizers[1], True)):
            d.requires_grad_(not frozen)
            with autocast():
                value = loss()
            optimizer.zero_grad(set_to_none=True)
            value.backward()
            optimizer.step()

    return step


class Cell(nn.Module):
    def __init__(self, i, o, taps):
        super().__init__()
        self.conv = nn.Conv2d(i + o, 4 * o, taps, padding=taps // 2)

    def forward(self, x, h, c):
        i, f, g, o = self.conv(torch.cat([x, h], 1)).chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c


class ConvLSTM(nn.Module):
    """A frame is the last one given, moved by what the states say."""

    def __init__(self, side, patch=4, width=32, layers=2, whole=128):
        super().__init__()
        self.patch, self.width, self.whole = patch, width, whole
        self.stem = nn.Conv2d(2 * patch * patch, width, 1)
        self.told = nn.Parameter(torch.zeros(width, 1, 1))
        self.layers = nn.ModuleList(Cell(width, width, 3) for _ in range(layers))
        self.mover, self.motion = Cell(layers * width + 4, whole, 1), nn.Linear(whole, 3)
        n = torch.arange(side)
        self.register_buffer("place", n - (side - 1) / 2)
        self.register_buffer("shift", torch.arange(-side, side).float())
        self.register_buffer("of", n[:, None] - n[None, :] + side)

    def centre(self, x):
        white = x.sum((1, 2)) + 1
        return torch.stack([x.sum(2) @ self.place / white, x.sum(1) @ self.place / white], 1)

    def moves(self, distance, a):
        return torch.softmax(-a * (self.shift - distance) ** 2, 1)[:, self.of]

    def forward(self, clip, given, layout):
        T, B, side, _ = clip.shape
        p, cells = side // self.patch, len(self.layers)
        h = [clip.new_zeros(B, self.width, p, p).contiguous(memory_format=layout) for _ in range(cells)]
        c = list(h)
        hw = cw = clip.new_zeros(B, self.whole, 1, 1)
        frame = expected = clip.new_zeros(B, side, side)
        frames, centre = [], None
        for t in range(T - 1):
            frame = clip[t] if t < given else frames[-1]
            x = F.pixel_unshuffle(torch.stack([frame, expected], 1), self.patch).contiguous(memory_format=layout)
            x = self.stem(x) + self.told
            for i, cell in enumerate(self.layers):
                h[i], c[i] = cell(x, h[i], c[i])
                x = h[i]
            if t < given:
                before, centre = centre, self.centre(frame)
                last, moved = frame, clip.new_zeros(B, 2)
                step = torch.zeros_like(moved) if before is None else centre - before
            x = torch.cat([torch.cat(h, 1).mean((2, 3)), centre / self.patch, step], 1)
            hw, cw = self.mover(x[:, :, None, None], hw, cw)
            motion = self.motion(hw[:, :, 0, 0])
            step, a = motion[:, :2], (motion[:, 2:] - 2).exp()
            moved, centre = moved + step, centre + step
            expected = self.moves(moved[:, :1], a) @ last @ self.moves(moved[:, 1:], a).transpose(1, 2)
            frames.append(expected)
        return torch.stack(frames)


def convlstm(layout, autocast):
    T, B, side = 20, 8, 64
    model = ConvLSTM(side).to(memory_format=layout)
    optimizer = torch.optim.AdamW(model.parameters(), 2e-3, betas=(0.9, 0.98), weight_decay=0.01)
    clip = torch.rand(T, B, side, side)

    def step():
        with autocast():
            frames = model(clip, T // 2, layout)
            centres = [model.centre(x.reshape(-1, side, side)) for x in (frames, clip[1:])]
            loss = (F.mse_loss(frames, clip[1:], reduction="sum") + F.mse_loss(*centres, reduction="sum")) / frames.numel()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return step


class CTC(nn.Module):
    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList([nn.Conv2d(1, 16, 3, 2, 1, bias=False), nn.Conv2d(16, 32, 3, 2, 1, bias=False)])
        self.norms = nn.ModuleList([nn.LayerNorm(20 * 16), nn.LayerNorm(10 * 32)])
        self.lstm, self.head = nn.LSTM(320, 96, bidirectional=True), nn.Linear(192, 11)

    def forward(self, x, lengths):
        for conv, norm in zip(self.convs, self.norms):  # (B, C, T, M)
            x = conv(x)
            B, C, T, M = x.shape
            lengths = (lengths + 1) // 2
            x = norm(x.permute(0, 2, 3, 1).reshape(B, T, M * C).float()).relu() * (torch.arange(T) < lengths[:, None])[..., None]
            flat, x = x, x.view(B, T, M, C).permute(0, 3, 1, 2)
        packed = nn.utils.rnn.pack_padded_sequence(F.dropout(flat, 0.2), lengths, batch_first=True, enforce_sorted=False)
        y, _ = nn.utils.rnn.pad_packed_sequence(self.lstm(packed)[0])  # (T, B, 2H)
        return self.head(F.dropout(y, 0.2)), lengths


def ctc(layout, autocast):
    model = CTC().to(memory_format=layout)
    optimizer = torch.optim.AdamW(model.parameters(), 4e-3, betas=(0.9, 0.98), weight_decay=0.01)
    lengths = torch.tensor([150 + 10 * i for i in range(16)])
    frames = torch.zeros(16, 1, 300, 40)
    for i, n in enumerate(lengths):
        frames[i, 0, :n] = torch.rand(n, 40)
    sizes = torch.tensor([3 + i // 5 for i in range(16)])
    words = torch.cat([torch.arange(n) + 1 for n in sizes])

    def step():
        with autocast():
            logits, rows = model(frames, lengths)
            loss = F.ctc_loss(logits.float().log_softmax(-1), words, rows, sizes, zero_infinity=True)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return step


MODELS = {"cnn": cnn, "gan": gan, "convlstm": convlstm, "ctc": ctc}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", choices=MODELS, required=True)
    parser.add_argument("--layout", choices=("first", "last"), default="first")
    parser.add_argument("--precision", choices=("f32", "bf16"), default="f32")
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--threads", type=int, default=2)
    o = parser.parse_args()
    torch.set_num_threads(o.threads)
    layout = torch.channels_last if o.layout == "last" else torch.contiguous_format
    step = MODELS[o.model](layout, lambda: torch.autocast("cpu", dtype=torch.bfloat16, enabled=o.precision == "bf16"))
    times, start = [], time.perf_counter()
    while len(times) < 8 or time.perf_counter() - start < o.seconds:
        begin = time.perf_counter()
        step()
        times.append(time.perf_counter() - begin)
    print(json.dumps({"steps_per_second": 1 / statistics.median(times[3:]), "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}), flush=True)


main()
