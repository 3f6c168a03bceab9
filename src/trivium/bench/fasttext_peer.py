"""Run by the peer's Python, not by ours: fastText's classifier (DCLM's recipe) on documents given on stdin as JSON.

Prints one line of JSON: CPU seconds of training and of scoring, and the scores.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    """Train, score, print."""
    import fasttext

    given = json.load(sys.stdin)

    def flat(text: str) -> str:
        return " ".join(text.lower().split())

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.txt"
        path.write_text("".join(f"__label__{label} {flat(text)}\n" for label, text in given["train"]))
        started = time.process_time()
        model = fasttext.train_supervised(
            str(path), dim=100, wordNgrams=2, bucket=2_000_000, epoch=10, lr=0.5, thread=1, verbose=0
        )
    trained = time.process_time()
    scores = []
    for text in given["test"]:
        labels, chances = model.predict(flat(text))
        scores.append(float(chances[0]) if labels[0].endswith("1") else 1 - float(chances[0]))
    ended = time.process_time()
    print(json.dumps({"train": trained - started, "score": ended - trained, "scores": scores}))


if __name__ == "__main__":
    main()
