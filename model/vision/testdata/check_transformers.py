"""Compares a saved ViT with Hugging Face's transformers:

    python3 check_transformers.py FOLDER BACK < run.json

run.json is {"images": [[[[…]]]], "logits": [[…], …]}: images (B, H, W, C) of numbers from
0 to 1, and the logits that Inkstone computed. It prints the largest difference and
fails above 1e-4, or when transformers finds a weight missing, superfluous or of another
shape. What transformers saves of the same model is left in BACK. TestTransformers runs
it where transformers is installed.
"""

import json
import sys

import torch
from transformers import ViTForImageClassification


def main(folder, back):
    model, info = ViTForImageClassification.from_pretrained(folder, output_loading_info=True)
    for kind, names in info.items():
        if names:
            sys.exit(f"{folder}: {kind}: {names}")
    run = json.load(sys.stdin)
    model.eval()
    with torch.no_grad():
        want = model(2 * torch.tensor(run["images"]).permute(0, 3, 1, 2) - 1).logits
    worst = (torch.tensor(run["logits"]) - want).abs().max().item()
    print("largest difference of the logits:", worst)
    model.save_pretrained(back)
    if not worst < 1e-4:
        sys.exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
