"""How families cut text before byte-level BPE: llama.cpp's names for it, as regexes applied one after the other.

Each regex cuts every piece that the ones before it left; matches and what lies between them are the new pieces. A
`tokenizer.json` says the same in several words (`Split`, `Digits`, `ByteLevel` with its built-in regex).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from trivium.text.patterns import PATTERNS

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
SPLITS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "gpt-2": (GPT2,),
        "smollm": (r"\p{N}", GPT2),
        "qwen2": (PATTERNS["qwen2"],),
        "llama-bpe": (PATTERNS["llama3"],),
        "default": (r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", r"[0-9][0-9][0-9]"),
    }
)
"""By `tokenizer.ggml.pre`. `default` is what llama.cpp falls back to for files that name none."""
ALIASES: Mapping[str, str] = MappingProxyType(
    {"llama3": "llama-bpe", "llama-v3": "llama-bpe", "deepseek-r1-qwen": "qwen2", "gpt2": "gpt-2"}
)
WHOLE_FIRST = frozenset(["llama-bpe"])
"""Where a piece that is a token is that token, whatever its merges say (`ignore_merges`)."""


def pre_tokenizer(splits: Sequence[str]) -> dict[str, Any]:
    """The `pre_tokenizer` of a `tokenizer.json` that cuts like this."""
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    cuts = [{"type": "Split", "pattern": {"Regex": r}, "behavior": "Isolated", "invert": False} for r in splits]
    return {"type": "Sequence", "pretokenizers": [*cuts, level]}


def splits_of(content: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The regexes that a `tokenizer.json` cuts by; None where it does something else."""
    step = content.get("pre_tokenizer") or {}
    found: list[str] = []
    for part in step.get("pretokenizers", [step]):
        kind = part.get("type")
        if kind == "Split" and part.get("behavior") == "Isolated" and not part.get("invert"):
            found.append(str(part["pattern"].get("Regex")))
        elif kind == "Digits" and part.get("individual_digits"):
            found.append(r"\p{N}")
        elif kind == "ByteLevel" and not part.get("add_prefix_space"):
            found += [GPT2] if part.get("use_regex", True) else []
        else:
            return None
    return tuple(found)


def name_of(content: Mapping[str, Any]) -> str | None:
    """llama.cpp's name for how a `tokenizer.json` cuts; None where it has none."""
    splits = splits_of(content)
    return next((name for name, known in SPLITS.items() if known == splits), None)
