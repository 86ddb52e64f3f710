"""Writes sacrebleu.json: what sacreBLEU computes, as an oracle for BLEU and chrF.

    python3 sacrebleu.py    (with sacreBLEU 2.6.0 on the path)

Each case is a corpus of hypotheses and references, its tokens under 13a and zh,
its scores with their parts and their signatures.
"""

import json
import pathlib
import random
import sys

sys.path = [p for p in sys.path if pathlib.Path(p or ".").resolve() != pathlib.Path(__file__).parent.resolve()]
from sacrebleu.metrics import BLEU, CHRF  # noqa: E402

English = ["The dog bit the man.", "It wasn't unexpected, was it?", "He paid $1,234.56 for 3.5 kg -- or so.", "An all-in-one 7-day trip (cheap!)",
           'She said: "No, thanks."', "A &amp; B are &lt;b&gt;bold&lt;/b&gt; &quot;letters&quot;", "", "one", "x.y,z 1.2,3 4- 5-6 . , -", "U.S.A. e.g. i.e. ... etc.",
           "tabs\tand  blanks ", "<skipped> words stay", "well-\nknown ends\nof lines", "ends in a digit 5.", ".5 begins", "&amp;lt; twice", "~`!@#$%^&*()_+={}[]|\\:;<>?/'"]
Chinese = ["狗咬了那个人。", "这不意外，对吧？", "他花了1,234.56元买3.5公斤——差不多。", "「你好」，她说：“再见…”", "我用Go 1.25写程序,很快.", "", "好", "全角ＡＢＣ１２３，半角abc123",
           "㐀䶵一龥豈鶴 々〆", "𠀀是扩展B区的字", "①②③ ☆★ ㎏", "空\u3000格\u2003和\u00a0空\x1c白", "他今年25岁-也许26。", "…—–‘’", "⺀⼀⿰ㄅㆠ︐︰㈀㌀"]


def noisy(sentences, rng):
    out = []
    for s in sentences:
        letters = list(s)
        for i in range(len(letters)):
            if rng.random() < 0.08:
                letters[i] = rng.choice(letters)
        words = "".join(letters).split(" ")
        if rng.random() < 0.5:
            words = words[: max(1, len(words) - 1)]
        out.append(" ".join(words))
    return out


def case(name, hyps, refs, tok):
    bleu, chrf = BLEU(tokenize=tok), CHRF()
    b, c = bleu.corpus_score(hyps, [refs]), chrf.corpus_score(hyps, [refs])
    cut = lambda s: bleu._preprocess_segment(s).split()
    return {"name": name, "tokenization": tok, "hypotheses": hyps, "references": refs,
            "hypothesis_tokens": [cut(s) for s in hyps],
            "bleu": b.score, "precisions": b.precisions, "brevity": b.bp, "hyp_length": b.sys_len, "ref_length": b.ref_len,
            "bleu_signature": str(bleu.get_signature()), "chrf": c.score, "chrf_signature": str(chrf.get_signature())}


def main():
    rng = random.Random(1)
    cases = []
    for name, sentences, tok in ("English", English, "13a"), ("Chinese", Chinese, "zh"), ("Chinese by 13a", Chinese, "13a"), ("English by zh", English, "zh"):
        cases.append(case(name + ", itself", sentences, sentences, tok))
        for i in range(3):
            cases.append(case(f"{name}, noise {i}", noisy(sentences, rng), sentences, tok))
        shuffled = sentences[:]
        rng.shuffle(shuffled)
        cases.append(case(name + ", another order", shuffled, sentences, tok))
    for name, hyps, refs in (
        ("nothing matches", ["a b c"], ["d e f"]), ("empty hypotheses", ["", ""], ["a b", "c"]), ("one word", ["a"], ["a"]),
        ("no 4-gram", ["a b c"], ["a b c"]), ("smoothed", ["this is a fest of it"], ["this is a test for it"]),
        ("short", ["the cat"], ["the cat sat on the mat"]), ("long", ["the cat sat on the mat today"], ["the cat sat"]),
        ("clipped", ["the the the the the"], ["the cat the"])):
        cases.append(case(name, hyps, refs, "13a"))
    path = pathlib.Path(__file__).parent / "sacrebleu.json"
    path.write_text(json.dumps(cases, indent=1, ensure_ascii=False) + "\n")
    print(path.name, len(cases), "cases,", path.stat().st_size, "bytes")


main()
