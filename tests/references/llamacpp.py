"""llama.cpp, by the package xllamacpp, as the second opinion on what a GGUF file says: greedy ids, one thread."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class LlamaCpp:
    """One loaded file."""

    def __init__(self, path: Path, context: int = 512) -> None:
        import xllamacpp

        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.n_ctx, params.n_parallel, params.warmup = context, 1, False
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
        params.use_jinja = True
        params.verbosity = -1
        # Its own defaults keep keys and values in f16; what is compared here is the model, not that rounding.
        params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
        params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
        self.server = xllamacpp.Server(params)

    def complete(self, prompt: str | Sequence[int], count: int, top: int = 1) -> tuple[str, list[dict[int, float]]]:
        """The greedy continuation of a text or of ids: its text, and at each step the `top` ids with their logprobs."""
        asked = {"prompt": prompt if isinstance(prompt, str) else list(prompt), "max_tokens": count, "temperature": 0,
                 "n_probs": top, "cache_prompt": False}  # fmt: skip
        choice = _answer(self.server.handle_completions(asked))["choices"][0]
        steps = choice["logprobs"]["content"]
        return choice["text"], [{one["id"]: one["logprob"] for one in step["top_logprobs"]} for step in steps]

    def chat(self, messages: Sequence[dict[str, Any]], count: int) -> str:
        """Its answer to a conversation, by the template in the file."""
        asked = {"messages": list(messages), "max_tokens": count, "temperature": 0, "cache_prompt": False}
        return str(_answer(self.server.handle_chat_completions(asked))["choices"][0]["message"]["content"])


def _answer(found: Any) -> dict[str, Any]:
    value = json.loads(found) if isinstance(found, str | bytes) else found
    if "error" in value:
        raise RuntimeError(str(value["error"]))
    return dict(value)
