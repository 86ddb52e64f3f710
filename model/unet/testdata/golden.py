"""Writes inpaint.json, pix2pix.json and l1.json: what PyTorch computes for tiny networks from
pictures to pictures, as an oracle for this package. Run it with any PyTorch from 1.13 on:

    python3 golden.py

Each file holds a config.json, weights under their names and in their order of dimensions in
safetensors files, a batch (pictures (B, H, W, C), of the second kind, holes (B, H, W, 1)),
what the network makes of it with the norms of training and those after it, each loss with the
gradient of every weight, the running averages after it, and the losses of four turns of Adam.
Weights are float32, everything is computed in float64. The reference is written from the
papers: Ronneberger et al. 2015 with padding and batch normalisation, Pathak et al. 2016 with
a rim of two pixels, Isola et al. 2017 without dropout; l1.json has no discriminator.
"""

import base64
import json
import pathlib

import torch
import torch.nn.functional as F

ADAM = dict(lr=1e-2, b1=0.5, b2=0.9, eps=1e-8)
LAMBDA = 10.0
RIM = 2
B = 3


class Network:
    """A place for weights by name, made as they are asked for."""

    def __init__(self):
        self.weights, self.running, self.shapes = {}, {}, {}

    def weight(self, name, *shape):
        if name not in self.weights:
            x = torch.randn(shape) * 0.3 + (1 if "norm.weight" in name else 0)
            self.weights[name] = x.double().requires_grad_()
        return self.weights[name]

    def average(self, name, width):
        if name not in self.running:
            self.running[name] = (torch.randn(width).abs() * 0.3 + 0.5).double()
        return self.running[name]

    def conv(self, name, x, out, taps, bias, **o):
        b = self.weight(name + ".bias", out) if bias else None
        return F.conv2d(x, self.weight(name + ".weight", out, x.shape[1], taps, taps), b, **o)

    def norm(self, name, x, training):
        c = x.shape[1]
        args = [self.average(name + ".running_mean", c), self.average(name + ".running_var", c), self.weight(name + ".weight", c), self.weight(name + ".bias", c)]
        return F.batch_norm(x, *args, training)

    def block(self, name, x, out, training):
        for i in range(2):
            n = f"{name}.convs.{i}."
            x = self.norm(n + "norm", self.conv(n + "conv", x, out, 3, False, padding=1), training).relu()
        return x

    def unet(self, name, x, out, widths, training):
        x, beside = 2 * x - 1, []
        for i, w in enumerate(widths):
            if i:
                beside.append(x)
                x = F.max_pool2d(x, 2)
            x = self.block(f"{name}.down.{i}", x, w, training)
        for i, w in enumerate(widths[-2::-1]):
            n = f"{name}.up.{i}."
            x = F.conv_transpose2d(x, self.weight(n + "spread.weight", x.shape[1], w, 2, 2), self.weight(n + "spread.bias", w), stride=2)
            x = self.block(n + "block", torch.cat([x, beside.pop()], 1), w, training)
        return self.conv(name + ".out", x, out, 1, True)

    def discriminator(self, a, b, widths):
        x = 2 * torch.cat([a, b], 1) - 1
        for i, w in enumerate(widths):
            n = f"discriminator.layers.{i}."
            x = self.conv(n + "conv", x, w, 4, i == 0, stride=2, padding=1)
            x = F.leaky_relu(self.norm(n + "norm", x, True) if i else x, 0.2)
        return self.conv("discriminator.score", x, 1, 4, True, padding=1)


def b64(t):
    return base64.b64encode(t.detach().to(torch.float32).contiguous().numpy().tobytes()).decode()


def last(t):
    return b64(t.permute(0, 2, 3, 1))


def golden(c, seed):
    torch.manual_seed(seed)
    net = Network()
    C, size, widths, judges = c["num_channels"], c["image_size"], c["hidden_sizes"], c.get("discriminator_hidden_sizes", [])
    x, y = (torch.rand(B, C, *size).float().double() for _ in range(2))
    holes = torch.zeros(B, 1, *size).double()
    for b in range(B):
        holes[b, 0, b:b + 3, 1:4 + b] = 1

    def made(training):
        if c["model_type"] == "inpaint":
            return net.unet("network", torch.cat([x * (1 - holes), holes], 1), C, widths, training).sigmoid()
        return net.unet("generator", x, C, widths, training).sigmoid()

    def hole_loss():
        region = F.max_pool2d(holes, 2 * RIM + 1, 1, RIM).expand(B, C, *size)
        return ((made(True) - x) ** 2 * region).sum() / region.sum()

    def d_loss():
        fake = made(True).detach()
        real, fake = (net.discriminator(x, z, judges) for z in (y, fake))
        return (F.softplus(-real).mean() + F.softplus(fake).mean()) / 2

    def g_loss():
        z = made(True)
        l1 = LAMBDA * (z - y).abs().mean()
        return l1 + F.softplus(-net.discriminator(x, z, judges)).mean() if judges else l1

    losses = {"inpaint": [(hole_loss, "network")], "pix2pix": [(d_loss, "discriminator"), (g_loss, "generator")] if judges else [(g_loss, "generator")]}[c["model_type"]]
    for loss, _ in losses:  # makes the weights, which are then float32
        loss()
    for x32 in [*net.weights.values(), *net.running.values()]:
        x32.data = x32.data.float().double()
    first = {n: t.detach().clone() for n, t in {**net.weights, **net.running}.items()}
    after = made(False)
    during = made(True)
    for n in net.running:
        net.running[n] = first[n].clone()
    halves = [[n for n in net.weights if n.startswith(half)] for _, half in losses]
    grads, values = {}, []
    for (loss, _), names in zip(losses, halves):
        value = loss()
        values.append(value.item())
        grads.update(zip(names, torch.autograd.grad(value, [net.weights[n] for n in names])))
    result = {
        "config": c, "x": last(x), "y": last(y), "holes": last(holes),
        "shapes": {n: list(t.shape) for n, t in first.items()}, "weights": {n: b64(t) for n, t in first.items()},
        "made": last(during), "after": last(after), "values": values, "grads": {n: b64(g) for n, g in grads.items()},
        "running": {n: b64(t) for n, t in net.running.items()}, "adam": ADAM, "losses": [],
    }
    optimizers = [torch.optim.Adam([net.weights[n] for n in names], lr=ADAM["lr"], betas=(ADAM["b1"], ADAM["b2"]), eps=ADAM["eps"]) for names in halves]
    for _ in range(4):
        for (loss, _), o in zip(losses, optimizers):
            for w in net.weights.values():
                w.grad = None
            value = loss()
            value.backward()
            o.step()
            result["losses"].append(value.item())
    return result


if __name__ == "__main__":
    here = pathlib.Path(__file__).parent
    inpaint = {"model_type": "inpaint", "image_size": [8, 12], "num_channels": 1, "hidden_sizes": [3, 4, 5]}
    pix2pix = {"model_type": "pix2pix", "image_size": [12, 8], "num_channels": 3, "hidden_sizes": [3, 4], "discriminator_hidden_sizes": [3, 4]}
    l1 = {n: x for n, x in pix2pix.items() if n != "discriminator_hidden_sizes"}
    for name, c, seed in (("inpaint", inpaint, 1), ("pix2pix", pix2pix, 2), ("l1", l1, 3)):
        path = here / f"{name}.json"
        path.write_text(json.dumps(golden(c, seed), indent=1) + "\n")
        print(path.name, path.stat().st_size, "bytes")
