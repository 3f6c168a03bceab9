"""A child in nanochat's world: its newest model of a depth reads documents; bits per byte, as JSON on the last line.

The protocol is that of `trivium.evals.bits`: a document begins after `<|bos|>` and ends with one, windows of a row
overlap by half, each token is counted once. `argv`: a Parquet file of documents, and the depth.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import torch

from trivium.evals.bits import windows
from trivium.text.document import read_documents

WINDOW = 2048


def main(documents: str, depth: str) -> None:
    """Measure, and print."""
    from nanochat.checkpoint_manager import load_model  # type: ignore[import-not-found]
    from nanochat.common import autodetect_device_type  # type: ignore[import-not-found]

    device = torch.device(autodetect_device_type())
    model, tokenizer, meta = load_model("base", device, phase="eval", model_tag=f"d{depth}")
    window = min(WINDOW, int(meta["model_config"]["sequence_len"]))
    begin = tokenizer.get_bos_token_id()
    bits, size = 0.0, 0
    for document in read_documents(Path(documents)):
        ids = [begin, *tokenizer.encode(document.text), begin]
        size += len(document.text.encode())
        for start, stop, counted in windows(len(ids) - 1, window):
            row = torch.tensor([ids[start : stop + 1]], device=device)
            with torch.no_grad():
                nats = model(row[:, :-1], row[:, 1:], loss_reduction="none").view(-1)
            bits += float(nats[counted - start :].double().sum()) / math.log(2)
    name = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    print(json.dumps({"bits_per_byte": bits / size, "device": name, "torch": torch.__version__}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
