"""The logit lens: what the model would say next if it stopped after each block.

The final norm and the unembedding are applied to the residual stream of every block. Blocks were trained to be read at
the end only, so early rows are a view, not a belief; the last row is the output itself, bit for bit.
Source: the logit lens of nostalgebraist (2020), "interpreting GPT: the logit lens"; see also 2303.08112.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from trivium.ground.errors import UsageError
from trivium.model.inside.trace import Trace, trace
from trivium.model.transformer import Transformer
from trivium.text.tokenizer import Tokenizer
from trivium.text.visible import visible

ROWS = ("embedding", "blocks.*.residual")
"""What the lens reads: capture these."""
MOST_CELLS = 60_000
"""Most entries of attention patterns that a view takes along: more would be a page too heavy to open."""


def lens_logits(run: Trace) -> Iterator[tuple[str, Tensor]]:
    """Name and logits `(B, T, V)` of each row, from a trace that captured `ROWS`: embedding first, the output last."""
    model = run.model
    for name in ("embedding", *(f"blocks.{i}.residual" for i in range(len(model.layers)))):
        yield name, model.logits(model.norm(run[name]))


@torch.no_grad()
def view(model: Transformer, tokenizer: Tokenizer, ids: Sequence[int], top: int = 5) -> dict[str, Any]:
    """The lens on one text, as JSON: `tokens`, and `rows`, each with the `top` tokens at every position.

    A row has `top[position] = [[id, probability], ...]`, its `surprise` (bits at each token that in fact followed) and
    `distance` (bits from its distribution to the output's, KL). `spelling` has the text of every id that occurs.
    Patterns come along while they are small: `patterns[block][head][query]` are the shares of keys up to the query.
    """
    longest = model.config.max_position_embeddings
    if not 0 < len(ids) <= longest:
        raise UsageError(f"The text has {len(ids)} tokens.", f"This model reads 1 to {longest}.")
    heads, blocks = model.config.num_attention_heads, len(model.layers)
    small = blocks * heads * len(ids) * (len(ids) + 1) // 2 <= MOST_CELLS
    patterns = ["blocks.*.attention.pattern"] if small else []
    ids_T = torch.tensor(list(ids), device=model.device)
    run = trace(model, ids_T[None], [*ROWS, *patterns])
    output_TV = run.logits[0].log_softmax(-1)
    rows = [_row(name, logits_BTV[0].log_softmax(-1), output_TV, ids_T, top) for name, logits_BTV in lens_logits(run)]
    used = {*ids, *(index for row in rows for entries in row["top"] for index, _ in entries)}
    return {
        "tokens": list(ids),
        "spelling": {str(index): _spelled(tokenizer, index) for index in sorted(used)},
        "rows": rows,
        "patterns": [_triangles(run[f"blocks.{i}.attention.pattern"][0]) for i in range(blocks)] if small else None,
    }


def _spelled(tokenizer: Tokenizer, index: int) -> str:
    """A token as a text; vocabularies padded to a round size have ids that no text has."""
    return visible(tokenizer.decode_bytes([index])) if index < tokenizer.size else f"<{index}>"


def _row(name: str, logprobs_TV: Tensor, output_TV: Tensor, ids_T: Tensor, top: int) -> dict[str, Any]:
    best = logprobs_TV.topk(min(top, logprobs_TV.shape[-1]))
    kl_T = torch.where(output_TV.isfinite(), output_TV.exp() * (output_TV - logprobs_TV), 0.0).sum(-1)
    surprise_T = -logprobs_TV[:-1].gather(-1, ids_T[1:, None])[:, 0]
    return {
        "name": name.removesuffix(".residual"),
        "top": [
            [[index, round(math.exp(logprob), 6)] for index, logprob in zip(*pair, strict=True)]
            for pair in zip(best.indices.tolist(), best.values.tolist(), strict=True)
        ],
        "surprise": [round(bits / math.log(2), 4) for bits in surprise_T.tolist()],
        "distance": [round(bits / math.log(2), 4) for bits in kl_T.tolist()],
    }


def _triangles(pattern_HTT: Tensor) -> list[list[list[float]]]:
    """Each head's shares, up to the diagonal, with three digits."""
    return [[[round(x, 3) for x in row[: q + 1]] for q, row in enumerate(head)] for head in pattern_HTT.tolist()]
