"""Compares a saved folder with Hugging Face's transformers:

    python3 check_transformers.py FOLDER BACK < run.json

run.json is {"ids": [[…], …], "types": [[…], …], "outputs": [[…], …]}: sequences,
their segments, and what Inkstone computed for each, row after row: the logits of
each token's word, of the sequence's labels, of each token's labels, or of each token
as the answer's beginning and end. It prints the largest difference and fails above
1e-4, or when transformers finds a weight missing, superfluous or of another shape.
What transformers saves of the same model is left in BACK. TestTransformers runs it
where transformers is installed.
"""

import json
import sys

import torch
import transformers


def outputs(model, ids, types):
    out = model(input_ids=torch.tensor([ids]), token_type_ids=torch.tensor([types]))
    if "start_logits" in out:
        return torch.stack([out.start_logits[0], out.end_logits[0]], -1)
    return out.logits[0]


def main(folder, back):
    name = transformers.AutoConfig.from_pretrained(folder).architectures[0]
    model, info = getattr(transformers, name).from_pretrained(folder, output_loading_info=True)
    for kind, names in info.items():
        if names:
            sys.exit(f"{folder}: {kind}: {names}")
    print(name, sum(p.numel() for p in model.parameters()))
    run = json.load(sys.stdin)
    model.eval()
    worst = 0.0
    for ids, types, got in zip(run["ids"], run["types"], run["outputs"], strict=True):
        with torch.no_grad():
            want = outputs(model, ids, types)
        worst = max(worst, (torch.tensor(got).view(want.shape) - want).abs().max().item())
    print("largest difference of the outputs:", worst)
    model.save_pretrained(back)
    if not worst < 1e-4:
        sys.exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
