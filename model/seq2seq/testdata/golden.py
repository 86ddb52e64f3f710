"""Writes prenorm.json, postnorm.json, fixed.json, attention.json and
attention_lstm.json: what PyTorch computes for tiny encoder-decoders, as an oracle for this package. Run it with any PyTorch from
1.13 on:

    python3 golden.py

Each file holds a config.json, weights under the names of the safetensors files,
two pairs of a source and a target of different lengths, the logits, the weighted
loss with label smoothing, the gradient of every weight, and the losses of ten
AdamW steps. Weights are float32, everything is computed in float64. The reference
is PyTorch's own torch.nn.Transformer, given these weights; of the recurrent models,
its cells in loops that are written from the papers, one sentence at a time.
"""

import base64
import json
import math
import pathlib

import torch
import torch.nn.functional as F

SOURCES, TARGETS = (5, 3), (4, 6)
SMOOTHING = 0.1
ADAMW = dict(lr=1e-2, b1=0.9, b2=0.98, eps=1e-9, decay=0.1)


def b64(x):
    return base64.b64encode(x.detach().float().numpy().tobytes()).decode()


def transformer_shapes(c):
    C, Fd = c["d_model"], c["ffn_dim"]
    linear = lambda n, o, i: [(n + ".weight", (o, i)), (n + ".bias", (o,))]
    norm = lambda n: [(n + ".weight", (C,)), (n + ".bias", (C,))]
    yield "shared.weight", (c["vocab_size"], C)
    for side in "encoder", "decoder":
        for i in range(c[side + "_layers"]):
            b = f"{side}.layers.{i}."
            yield from linear(b + "self_attn.qkv_proj", 3 * C, C) + linear(b + "self_attn.out_proj", C, C) + norm(b + "self_attn_norm")
            if side == "decoder":
                yield from linear(b + "cross_attn.q_proj", C, C) + linear(b + "cross_attn.kv_proj", 2 * C, C)
                yield from linear(b + "cross_attn.out_proj", C, C) + norm(b + "cross_attn_norm")
            yield from linear(b + "feed_forward.up_proj", Fd, C) + linear(b + "feed_forward.down_proj", C, Fd) + norm(b + "feed_forward_norm")
        if not c.get("post_norm"):
            yield from norm(side + ".norm")


def module(c, w):
    """The stacks of torch.nn.Transformer, computing with the tensors of w."""
    C, norm_first = c["d_model"], not c.get("post_norm")
    args = dict(d_model=C, nhead=c["attention_heads"], dim_feedforward=c["ffn_dim"], dropout=0.0, norm_first=norm_first, dtype=torch.float64)
    encoder = torch.nn.TransformerEncoder(torch.nn.TransformerEncoderLayer(**args), c["encoder_layers"],
                                          torch.nn.LayerNorm(C, dtype=torch.float64) if norm_first else None)
    decoder = torch.nn.TransformerDecoder(torch.nn.TransformerDecoderLayer(**args), c["decoder_layers"],
                                          torch.nn.LayerNorm(C, dtype=torch.float64) if norm_first else None)
    ours = {"self_attn.in_proj_": "self_attn.qkv_proj.", "self_attn.out_proj.": "self_attn.out_proj.", "multihead_attn.out_proj.": "cross_attn.out_proj.",
            "linear1.": "feed_forward.up_proj.", "linear2.": "feed_forward.down_proj."}

    def parameters(side, stack):
        norms = ["self_attn_norm", "feed_forward_norm"] if side == "encoder" else ["self_attn_norm", "cross_attn_norm", "feed_forward_norm"]
        values = {}
        for name, _ in stack.named_parameters():
            at = ".".join(name.split(".")[:2])
            last = name.split(".")[-1].replace("in_proj_", "")
            if "multihead_attn.in_proj_" in name:
                values[name] = torch.cat([w[f"{side}.{at}.cross_attn.q_proj.{last}"], w[f"{side}.{at}.cross_attn.kv_proj.{last}"]])
                continue
            mine = name
            for theirs, replacement in ours.items():
                mine = mine.replace(theirs, replacement)
            for i, norm in enumerate(norms):
                mine = mine.replace(f".norm{i + 1}.", f".{norm}.")
            values[name] = w[f"{side}.{mine}"]
        return values

    try:
        from torch.func import functional_call
    except ImportError:  # before PyTorch 2.0
        from torch.nn.utils.stateless import functional_call
    return (lambda x: functional_call(encoder, parameters("encoder", encoder), (x,)),
            lambda y, x, mask: functional_call(decoder, parameters("decoder", decoder), (y, x, mask)))


def positions(T, C):
    angle = torch.arange(T, dtype=torch.float64)[:, None] * 10000.0 ** (-torch.arange(0, C, 2, dtype=torch.float64) / C)
    return torch.stack([angle.sin(), angle.cos()], -1).reshape(T, C)


def transformer(c, w, source, target):
    C = c["d_model"]
    encode, decode = module(c, w)
    embed = lambda ids: (w["shared.weight"][ids] * math.sqrt(C) + positions(len(ids), C))[:, None]  # (T, 1, C)
    causal = torch.full((len(target), len(target)), -math.inf, dtype=torch.float64).triu(1)
    return decode(embed(target), encode(embed(source)), causal)[:, 0] @ w["shared.weight"].T


def cell(c, w, name, x, state):
    """One step of a cell: state is h, of an LSTM (h, c)."""
    weights = [w[f"{name}.{n}"] for n in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")]
    if c["cell"] == "lstm":
        return torch.lstm_cell(x[None], [s[None] for s in state], *weights)
    return (torch.gru_cell(x[None], state[0][None], *weights),)


def run(c, w, name, xs, state):
    outputs = []
    for x in xs:
        state = tuple(s[0] for s in cell(c, w, name, x, state))
        outputs.append(state[0])
    return torch.stack(outputs), state


def zeros(c):
    return tuple(torch.zeros(c["d_model"], dtype=torch.float64) for _ in range(2 if c["cell"] == "lstm" else 1))


def fixed(c, w, source, target):
    """Sutskever et al. 2014: the source backwards, then the target from its last states."""
    x, y = w["shared.weight"][source.flip(0)], w["shared.weight"][target]
    for i in range(c["encoder_layers"]):
        x, state = run(c, w, f"encoder.{i}", x, zeros(c))
        y, _ = run(c, w, f"decoder.{i}", y, state)
    return y @ w["lm_head.weight"].T


def attention(c, w, source, target):
    """Bahdanau et al. 2015."""
    linear = lambda n, x: x @ w[f"decoder.{n}.weight"].T + (w[f"decoder.{n}.bias"] if f"decoder.{n}.bias" in w else 0)
    x, y = w["shared.weight"][source], w["shared.weight"][target]
    forth, _ = run(c, w, "encoder.forward", x, zeros(c))
    back, _ = run(c, w, "encoder.backward", x.flip(0), zeros(c))
    h = torch.cat([forth, back.flip(0)], -1)  # annotations
    state = (linear("start", back[-1]).tanh(),) + zeros(c)[1:]
    logits = []
    for word in y:
        weights = linear("score", (linear("query", state[0]) + linear("keys", h)).tanh())[:, 0].softmax(0)
        context = weights @ h
        state = tuple(s[0] for s in cell(c, w, "decoder.cell", torch.cat([word, context]), state))
        read = linear("readout", torch.cat([state[0], word, context])).view(-1, 2).max(-1).values
        logits.append(w["lm_head.weight"] @ read)
    return torch.stack(logits)


def cell_shapes(c, name, inputs):
    C = c["d_model"]
    n = (4 if c["cell"] == "lstm" else 3) * C
    return [(name + ".weight_ih_l0", (n, inputs)), (name + ".weight_hh_l0", (n, C)), (name + ".bias_ih_l0", (n,)), (name + ".bias_hh_l0", (n,))]


def fixed_shapes(c):
    C, V = c["d_model"], c["vocab_size"]
    yield "shared.weight", (V, C)
    for side in "encoder", "decoder":
        for i in range(c["encoder_layers"]):
            yield from cell_shapes(c, f"{side}.{i}", C)
    yield "lm_head.weight", (V, C)


def attention_shapes(c):
    C, V = c["d_model"], c["vocab_size"]
    yield "shared.weight", (V, C)
    yield from cell_shapes(c, "encoder.forward", C) + cell_shapes(c, "encoder.backward", C)
    for n, o, i in ("start", C, C), ("keys", C, 2 * C), ("query", C, C):
        yield f"decoder.{n}.weight", (o, i)
        yield f"decoder.{n}.bias", (o,)
    yield "decoder.score.weight", (1, C)
    yield from cell_shapes(c, "decoder.cell", 3 * C)
    yield "decoder.readout.weight", (2 * C, 4 * C)
    yield "decoder.readout.bias", (2 * C,)
    yield "lm_head.weight", (V, C)


RECURRENT = {"architectures": ["InkstoneSeq2Seq"], "model_type": "seq2seq", "vocab_size": 17, "max_position_embeddings": 9, "d_model": 6,
             "encoder_layers": 1, "decoder_layers": 1, "dropout": 0.0}
FIXED = {**RECURRENT, "architecture": "fixed", "cell": "lstm", "encoder_layers": 2, "decoder_layers": 2}
ATTENTION = {**RECURRENT, "architecture": "attention", "cell": "gru"}
ATTENTION_LSTM = {**ATTENTION, "cell": "lstm"}
PRENORM = {"architectures": ["InkstoneSeq2Seq"], "model_type": "seq2seq", "architecture": "transformer", "vocab_size": 17,
           "max_position_embeddings": 9, "d_model": 8, "encoder_layers": 2, "decoder_layers": 2, "attention_heads": 2, "ffn_dim": 12, "dropout": 0.0}
POSTNORM = {**PRENORM, "post_norm": True, "encoder_layers": 1, "decoder_layers": 2}


def golden(forward, c, shapes, seed):
    torch.manual_seed(seed)
    w = {}
    for name, shape in shapes(c):
        x = torch.randn(shape) * (0.3 if len(shape) > 1 else 0.1)
        if "norm" in name and name.endswith("weight"):
            x = x + 1
        w[name] = x.double().requires_grad_()
    V = c["vocab_size"]
    sources = [torch.randint(V, (n,)) for n in SOURCES]
    inputs = [torch.randint(V, (n,)) for n in TARGETS]
    targets = [torch.randint(V, (n,)) for n in TARGETS]
    weights = [torch.rand(n) for n in TARGETS]
    total = sum(x.sum() for x in weights).double()

    def loss():
        logits = [forward(c, w, s, i) for s, i in zip(sources, inputs)]
        rows = [F.cross_entropy(l, t, reduction="none", label_smoothing=SMOOTHING) * x for l, t, x in zip(logits, targets, weights)]
        return torch.cat(logits), sum(r.sum() for r in rows) / total

    logits, value = loss()
    value.backward()
    out = {
        "config": c, "source_lengths": SOURCES, "target_lengths": TARGETS,
        "sources": torch.cat(sources).tolist(), "inputs": torch.cat(inputs).tolist(), "targets": torch.cat(targets).tolist(),
        "target_weights": b64(torch.cat(weights) / total), "smoothing": SMOOTHING,
        "shapes": {n: list(x.shape) for n, x in w.items()},
        "weights": {n: b64(x) for n, x in w.items()},
        "logits": b64(logits), "loss": value.item(),
        "grads": {n: b64(x.grad) for n, x in w.items()},
        "adamw": ADAMW,
    }
    decays = lambda n, x: x.dim() == 2 and n not in ("shared.weight", "lm_head.weight")
    optimizer = torch.optim.AdamW(
        [{"params": [x], "weight_decay": ADAMW["decay"] if decays(n, x) else 0.0} for n, x in w.items()],
        lr=ADAMW["lr"], betas=(ADAMW["b1"], ADAMW["b2"]), eps=ADAMW["eps"])
    out["losses"] = []
    for _ in range(10):
        optimizer.zero_grad()
        _, value = loss()
        value.backward()
        optimizer.step()
        out["losses"].append(value.item())
    return out


if __name__ == "__main__":
    here = pathlib.Path(__file__).parent
    for name, forward, config, shapes, seed in (
        ("prenorm", transformer, PRENORM, transformer_shapes, 1), ("postnorm", transformer, POSTNORM, transformer_shapes, 2),
        ("fixed", fixed, FIXED, fixed_shapes, 3), ("attention", attention, ATTENTION, attention_shapes, 4),
        ("attention_lstm", attention, ATTENTION_LSTM, attention_shapes, 5)):
        path = here / f"{name}.json"
        path.write_text(json.dumps(golden(forward, config, shapes, seed), indent=1) + "\n")
        print(path.name, path.stat().st_size, "bytes")
