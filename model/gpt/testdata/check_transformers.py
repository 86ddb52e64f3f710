"""Compares a saved folder with Hugging Face's transformers:

    python3 check_transformers.py FOLDER < run.json

run.json is {"ids": [[…], …], "logits": [[…], …]}: sequences, and the logits that
Inkstone computed for each of their tokens, row after row. It prints the largest
difference and fails above 1e-4, or when transformers finds a weight missing,
superfluous or of another shape. TestTransformers runs it where transformers is
installed.
"""

import json
import sys

import torch
from transformers import AutoConfig, AutoModelForCausalLM


def main(folder):
    model, info = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    for kind, names in info.items():
        if names:
            sys.exit(f"{folder}: {kind}: {names}")
    print(type(model).__name__, AutoConfig.from_pretrained(folder).model_type, sum(p.numel() for p in model.parameters()))
    run = json.load(sys.stdin)
    model.eval()
    worst = 0.0
    for ids, logits in zip(run["ids"], run["logits"], strict=True):
        with torch.no_grad():
            want = model(torch.tensor([ids])).logits[0]
        got = torch.tensor(logits).view(want.shape)
        worst = max(worst, (got - want).abs().max().item())
    print("largest difference of the logits:", worst)
    if not worst < 1e-4:
        sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1])
