"""Writes ctc.json and audio-cnn.json: what PyTorch computes for tiny models of speech, as an oracle
for this package. Run it with any PyTorch from 1.13 on:

    python3 golden.py

Each file holds a config.json, weights under their names and in their order of dimensions in
safetensors files, energies of recordings of different lengths with their words, the logits (of
CTC end to end), the loss, the gradient of every weight, and the losses of five AdamW steps. Each
recording goes through the network alone, so nothing is padded here. Weights are float32, everything
is computed in float64. Bidirectional layers are torch.nn.LSTM, the loss torch.nn.functional.ctc_loss.

standard.json has energies before and after standardisation.
"""

import base64
import json
import pathlib

import torch
import torch.nn.functional as F

ADAMW = dict(lr=1e-2, b1=0.9, b2=0.95, eps=1e-8, decay=0.1)
SOUND = {"sampling_rate": 8000, "win_length": 200, "hop_length": 80, "num_mel_bins": 5, "hidden_dropout_prob": 0.0, "classes": ["one", "two", "three"]}
CTC = {"model_type": "ctc", **SOUND, "conv_channels": [3, 4], "hidden_size": 6, "num_hidden_layers": 2}
CNN = {"model_type": "audio-cnn", **SOUND, "conv_channels": [3, 4]}
LENGTHS = [21, 8, 33]
WORDS = [[1, 1], [], [0, 2, 1, 1]]


def stages(c, w, x):
    """(T, M) to (T', M'·C), with channels inside filters."""
    x = x[None, None]
    for i in range(len(c["conv_channels"])):
        s = f"stages.{i}."
        x = F.conv2d(x, w[s + "conv.weight"], stride=2, padding=1)  # (1, C, T, M)
        _, C, T, M = x.shape
        x = x.permute(0, 2, 3, 1).reshape(T, M * C)
        x = F.layer_norm(x, (M * C,), w[s + "norm.weight"], w[s + "norm.bias"], 1e-5).relu()
        flat, x = x, x.view(1, T, M, C).permute(0, 3, 1, 2)
    return flat


def ctc(c, w, x):
    x, H = stages(c, w, x), c["hidden_size"]
    for i in range(c["num_hidden_layers"]):
        names = [f"layers.{i}.{d}.{n}_l0" for d in ("forth", "back") for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        start = torch.zeros(2, 1, H, dtype=x.dtype)
        x = torch._VF.lstm(x[:, None], (start, start), [w[n] for n in names], True, 1, 0.0, False, True, False)[0][:, 0]
    return x @ w["classifier.weight"].T + w["classifier.bias"]


def cnn(c, w, x):
    return (stages(c, w, x).mean(0) @ w["classifier.weight"].T + w["classifier.bias"])[None]


def ctc_loss(logits):
    p = [x.log_softmax(-1) for x in logits]
    targets = torch.tensor([k + 1 for words in WORDS for k in words])
    return F.ctc_loss(torch.nn.utils.rnn.pad_sequence(p), targets, torch.tensor([len(x) for x in p]), torch.tensor([len(x) for x in WORDS]))


def cnn_loss(logits):
    return F.cross_entropy(torch.cat(logits), torch.tensor([2, 0, 1]), label_smoothing=0.1)


def shapes(c):
    width, M = 1, c["num_mel_bins"]
    for i, out in enumerate(c["conv_channels"]):
        s, M = f"stages.{i}.", (M + 1) // 2
        yield s + "conv.weight", (out, width, 3, 3)
        yield s + "norm.weight", (M * out,)
        yield s + "norm.bias", (M * out,)
        width = out
    width *= M
    for i in range(c.get("num_hidden_layers", 0)):
        H = c["hidden_size"]
        for d in ("forth", "back"):
            s = f"layers.{i}.{d}."
            yield s + "weight_ih_l0", (4 * H, width)
            yield s + "weight_hh_l0", (4 * H, H)
            yield s + "bias_ih_l0", (4 * H,)
            yield s + "bias_hh_l0", (4 * H,)
        width = 2 * H
    V = len(c["classes"]) + (c["model_type"] == "ctc")
    yield "classifier.weight", (V, width)
    yield "classifier.bias", (V,)


def decays(name):
    """Weight decay is for matrices and filters alone."""
    return "weight" in name and "norm" not in name


def b64(t):
    return base64.b64encode(t.detach().to(torch.float32).contiguous().numpy().tobytes()).decode()


def golden(c, forward, loss, seed):
    torch.manual_seed(seed)
    w = {}
    for name, shape in shapes(c):
        x = torch.randn(shape) * 0.3
        if name.endswith("norm.weight"):
            x = x + 1
        w[name] = x.double().requires_grad_()
    first = {n: x.detach().clone() for n, x in w.items()}
    recordings = [torch.randn(T, c["num_mel_bins"]).double() for T in LENGTHS]
    logits = [forward(c, w, x) for x in recordings]
    value = loss(logits)
    value.backward()
    result = {
        "config": c, "recordings": [b64(x) for x in recordings], "words": WORDS,
        "shapes": {n: list(x.shape) for n, x in first.items()}, "weights": {n: b64(x) for n, x in first.items()},
        "rows": [len(x) for x in logits], "logits": b64(torch.cat(logits)), "loss": value.item(),
        "grads": {n: b64(x.grad) for n, x in w.items()}, "adamw": ADAMW, "losses": [],
    }
    optimizer = torch.optim.AdamW(
        [{"params": [x], "weight_decay": ADAMW["decay"] if decays(n) else 0.0} for n, x in w.items()],
        lr=ADAMW["lr"], betas=(ADAMW["b1"], ADAMW["b2"]), eps=ADAMW["eps"])
    for _ in range(5):
        optimizer.zero_grad()
        value = loss([forward(c, w, x) for x in recordings])
        value.backward()
        optimizer.step()
        result["losses"].append(value.item())
    return result


def standard():
    torch.manual_seed(3)
    x = (torch.randn(12, 3) * 4 - 5).float()
    x[4:7] -= 9  # frames without voice
    x[5, 2] = -40  # below the range
    y = x.double()
    y = y.clamp(min=y.max() - 11.5)
    voice = y[y.mean(1) >= y.mean(1).max() - 5]
    return {"mels": 3, "before": b64(x), "after": b64((y - voice.mean()) / (voice.var(unbiased=False) + 1e-5).sqrt())}


if __name__ == "__main__":
    here = pathlib.Path(__file__).parent
    for name, made in (("ctc", golden(CTC, ctc, ctc_loss, 1)), ("audio-cnn", golden(CNN, cnn, cnn_loss, 2)), ("standard", standard())):
        path = here / f"{name}.json"
        path.write_text(json.dumps(made, indent=1) + "\n")
        print(path.name, path.stat().st_size, "bytes")
