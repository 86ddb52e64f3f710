"""Writes masked.json, sequences.json, tokens.json and answers.json: what PyTorch
computes for a tiny BERT with each of its heads, as an oracle for this package.
Run it with any PyTorch from 1.13 on:

    python3 golden.py

Each file holds a config.json, weights under the names of Hugging Face's
safetensors files, two pairs of texts of different lengths with their segments, the
head's outputs, the loss, the gradient of every weight, and the losses of ten
AdamW steps. Weights are float32, everything is computed in float64. The
reference is written from the paper, apart from the Go code: Devlin et al. 2018,
Vaswani et al. 2017, with each norm after its half of a block.
"""

import base64
import json
import math
import pathlib

import torch
import torch.nn.functional as F

LENGTHS = (9, 5)
ADAMW = dict(lr=1e-2, b1=0.9, b2=0.95, eps=1e-8, decay=0.1)
LABELS = ["no", "perhaps", "yes"]

CONFIG = {
    "model_type": "bert", "vocab_size": 23, "hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 3,
    "intermediate_size": 20, "hidden_act": "gelu", "max_position_embeddings": 12, "type_vocab_size": 2,
    "layer_norm_eps": 1e-12, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "initializer_range": 0.02,
}


def encode(c, w, ids, types):
    """The last activations (T, C) of one sequence."""
    C, H = c["hidden_size"], c["num_attention_heads"]
    linear = lambda x, n: x @ w[n + ".weight"].T + w[n + ".bias"]
    norm = lambda x, n: F.layer_norm(x, (C,), w[n + ".weight"], w[n + ".bias"], c["layer_norm_eps"])
    e = "bert.embeddings."
    x = w[e + "word_embeddings.weight"][ids] + w[e + "position_embeddings.weight"][: len(ids)] + w[e + "token_type_embeddings.weight"][types]
    x = norm(x, e + "LayerNorm")
    for i in range(c["num_hidden_layers"]):
        b = f"bert.encoder.layer.{i}."
        q, k, v = (linear(x, b + "attention.self." + n).view(len(ids), H, C // H) for n in ("query", "key", "value"))
        scores = torch.einsum("ihd,jhd->hij", q, k) / math.sqrt(C // H)
        y = torch.einsum("hij,jhd->ihd", scores.softmax(-1), v).reshape(len(ids), C)
        x = norm(x + linear(y, b + "attention.output.dense"), b + "attention.output.LayerNorm")
        h = linear(x, b + "intermediate.dense")
        h = 0.5 * h * (1 + torch.erf(h / math.sqrt(2)))
        x = norm(x + linear(h, b + "output.dense"), b + "output.LayerNorm")
    return x


def masked(c, w, x):
    h = x @ w["cls.predictions.transform.dense.weight"].T + w["cls.predictions.transform.dense.bias"]
    h = 0.5 * h * (1 + torch.erf(h / math.sqrt(2)))
    h = F.layer_norm(h, h.shape[-1:], w["cls.predictions.transform.LayerNorm.weight"], w["cls.predictions.transform.LayerNorm.bias"], c["layer_norm_eps"])
    return h @ w["bert.embeddings.word_embeddings.weight"].T + w["cls.predictions.bias"]


def sequences(c, w, x):
    pooled = torch.tanh(x[:1] @ w["bert.pooler.dense.weight"].T + w["bert.pooler.dense.bias"])
    return pooled @ w["classifier.weight"].T + w["classifier.bias"]


def tokens(c, w, x):
    return x @ w["classifier.weight"].T + w["classifier.bias"]


def answers(c, w, x):
    return x @ w["qa_outputs.weight"].T + w["qa_outputs.bias"]


def shapes(c, head):
    C, Fw, V = c["hidden_size"], c["intermediate_size"], c["vocab_size"]

    def dense(n, out, inn):
        yield n + ".weight", (out, inn)
        yield n + ".bias", (out,)

    def norm(n):
        yield n + ".weight", (C,)
        yield n + ".bias", (C,)

    e = "bert.embeddings."
    yield e + "word_embeddings.weight", (V, C)
    yield e + "position_embeddings.weight", (c["max_position_embeddings"], C)
    yield e + "token_type_embeddings.weight", (c["type_vocab_size"], C)
    yield from norm(e + "LayerNorm")
    for i in range(c["num_hidden_layers"]):
        b = f"bert.encoder.layer.{i}."
        for n in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
            yield from dense(b + n, C, C)
        yield from norm(b + "attention.output.LayerNorm")
        yield from dense(b + "intermediate.dense", Fw, C)
        yield from dense(b + "output.dense", C, Fw)
        yield from norm(b + "output.LayerNorm")
    if head == "masked":
        yield from dense("cls.predictions.transform.dense", C, C)
        yield from norm("cls.predictions.transform.LayerNorm")
        yield "cls.predictions.bias", (V,)
    if head == "sequences":
        yield from dense("bert.pooler.dense", C, C)
    if head in ("sequences", "tokens"):
        yield from dense("classifier", len(LABELS), C)
    if head == "answers":
        yield from dense("qa_outputs", 2, C)


def decays(name):
    """Weight decay is for matrices alone, not for embeddings, norms and biases."""
    return name.endswith("weight") and "LayerNorm" not in name and "embeddings" not in name


def b64(t):
    return base64.b64encode(t.detach().to(torch.float32).contiguous().numpy().tobytes()).decode()


def golden(head, architecture, forward, seed):
    torch.manual_seed(seed)
    c = {**CONFIG, "architectures": [architecture]}
    if head in ("sequences", "tokens"):
        c["id2label"] = {str(i): n for i, n in enumerate(LABELS)}
        c["label2id"] = {n: i for i, n in enumerate(LABELS)}
    w = {}
    for name, shape in shapes(c, head):
        x = torch.randn(shape) * 0.3 + (1.0 if "LayerNorm.weight" in name else 0.0)
        w[name] = x.double().requires_grad_()
    V = c["vocab_size"]
    ids = [torch.randint(V, (n,)) for n in LENGTHS]
    types = [(torch.arange(n) > n // 2).long() for n in LENGTHS]
    N = sum(LENGTHS)
    rows, targets = {
        "masked": ([1, 4, 7, 10, 12], torch.randint(V, (5,))),
        "sequences": ([0, 1], torch.randint(len(LABELS), (2,))),
        "tokens": (list(range(N)), torch.randint(len(LABELS), (N,))),
        "answers": ([], torch.tensor([[2, 5], [3, 3]])),  # first and last row of each sequence
    }[head]

    def loss():
        out = [forward(c, w, encode(c, w, i, t)) for i, t in zip(ids, types)]
        if head == "answers":  # the mean of the two cross-entropies over the rows of each sequence
            parts = [F.cross_entropy(o.T, t) for o, t in zip(out, targets)]
            return torch.cat(out), sum(parts) / len(parts)
        out = torch.cat(out)[rows]
        return out, F.cross_entropy(out, targets)

    outputs, value = loss()
    value.backward()
    result = {
        "config": c, "lengths": LENGTHS, "ids": torch.cat(ids).tolist(), "types": torch.cat(types).tolist(),
        "rows": rows, "targets": targets.flatten().tolist(),
        "shapes": {n: list(x.shape) for n, x in w.items()}, "weights": {n: b64(x) for n, x in w.items()},
        "outputs": b64(outputs), "loss": value.item(), "grads": {n: b64(x.grad) for n, x in w.items()},
        "adamw": ADAMW, "losses": [],
    }
    optimizer = torch.optim.AdamW(
        [{"params": [x], "weight_decay": ADAMW["decay"] if decays(n) else 0.0} for n, x in w.items()],
        lr=ADAMW["lr"], betas=(ADAMW["b1"], ADAMW["b2"]), eps=ADAMW["eps"])
    for _ in range(10):
        optimizer.zero_grad()
        _, value = loss()
        value.backward()
        optimizer.step()
        result["losses"].append(value.item())
    return result


if __name__ == "__main__":
    here = pathlib.Path(__file__).parent
    for head, architecture, forward, seed in (
        ("masked", "BertForMaskedLM", masked, 1), ("sequences", "BertForSequenceClassification", sequences, 2),
        ("tokens", "BertForTokenClassification", tokens, 3), ("answers", "BertForQuestionAnswering", answers, 4)):
        path = here / f"{head}.json"
        path.write_text(json.dumps(golden(head, architecture, forward, seed), indent=1) + "\n")
        print(path.name, path.stat().st_size, "bytes")
