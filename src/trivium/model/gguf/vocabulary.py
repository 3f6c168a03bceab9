"""A tokenizer as GGUF's metadata says it, and back: byte-level BPE (`gpt2` in its words) with a known way of cutting.

llama.cpp has no regex in its files, only names of those that it was compiled with. A vocabulary that cuts in another
way would get other ids there, so it is refused, by name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from trivium.ground.config import check
from trivium.ground.errors import ConfigError, UsageError
from trivium.text import huggingface
from trivium.text.imported import ImportedTokenizer
from trivium.text.patterns import PATTERNS
from trivium.text.presplit import ALIASES, SPLITS, WHOLE_FIRST, name_of, pre_tokenizer
from trivium.text.template import CHAT_TEMPLATE
from trivium.text.tokenizer import CONFIG_FILE, END_OF_TEXT, JSON_FILE, TURN_END, TURN_START, Tokenizer

NORMAL, CONTROL, USER_DEFINED, UNUSED = 1, 3, 4, 5
ENDS = ("eos_token_id", "eot_token_id", "eom_token_id")


def to_metadata(tokenizer: Tokenizer, vocabulary: int, base: bool) -> dict[str, Any]:
    """The metadata that says this tokenizer, padded to `vocabulary` ids; `base`: for a model that continues documents.

    Raises UsageError for a way of cutting text that llama.cpp does not have.
    """
    foreign = isinstance(tokenizer, ImportedTokenizer)
    content = tokenizer.content if isinstance(tokenizer, ImportedTokenizer) else _own(tokenizer)
    tokens, kinds = _tokens(content, vocabulary)
    named = getattr(tokenizer, "names", {}).get("bos_token")
    begin = tokenizer.opening[0] if tokenizer.opening else tokenizer.special.get(named or "")
    value: dict[str, Any] = {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": _name(tokenizer, content),
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": kinds,
        "tokenizer.ggml.merges": [m if isinstance(m, str) else " ".join(m) for m in content["model"]["merges"]],
        "tokenizer.ggml.eos_token_id": tokenizer.end_of_text if base else tokenizer.turn_end,
        "tokenizer.ggml.eot_token_id": tokenizer.turn_end,
        "tokenizer.ggml.padding_token_id": tokenizer.end_of_text,
        # Our own base models read documents that each follow the end of another; our conversations begin with a turn.
        "tokenizer.ggml.add_bos_token": bool(tokenizer.opening) and (foreign or base),
    }
    if begin is not None:
        value["tokenizer.ggml.bos_token_id"] = begin
    template = tokenizer.template if foreign else CHAT_TEMPLATE
    return value if template is None else value | {"tokenizer.chat_template": template}


def _own(tokenizer: Tokenizer) -> dict[str, Any]:
    control = (END_OF_TEXT, TURN_START, TURN_END)
    return huggingface.tokenizer_json(tokenizer.ranks, PATTERNS[tokenizer.pattern], tokenizer.special, control)


def _name(tokenizer: Tokenizer, content: Mapping[str, Any]) -> str:
    name = name_of(content)
    if name is None:
        known = ", ".join(SPLITS)
        raise UsageError(
            f"llama.cpp has no pre-tokenizer that cuts text as this tokenizer does (pattern {tokenizer.pattern!r}).",
            f"It knows {known}: train with the pattern qwen2 or llama3 to export, or use the Hugging Face folder.",
        )
    return name


def _tokens(content: Mapping[str, Any], vocabulary: int) -> tuple[list[str], list[int]]:
    """Each id's letters and kind; ids without a token are padding that nothing yields."""
    tokens, kinds = [f"[PAD{i}]" for i in range(vocabulary)], [UNUSED] * vocabulary
    entries = [(index, letters, NORMAL) for letters, index in content["model"]["vocab"].items()]
    entries += [(e["id"], e["content"], CONTROL if e["special"] else USER_DEFINED) for e in content["added_tokens"]]
    for index, letters, kind in entries:
        if index >= vocabulary:
            raise UsageError(f"Token {index} has no row in an embedding of {vocabulary}.", "The files do not fit.")
        tokens[index], kinds[index] = letters, kind
    return tokens, kinds


def from_metadata(metadata: Mapping[str, Any]) -> dict[str, bytes]:
    """The files `tokenizer.json`, `tokenizer_config.json` and `generation_config.json` of a GGUF file's vocabulary.

    Raises ConfigError, by name, for another kind of vocabulary or way of cutting, and KeyError for what is missing.
    """

    def said(key: str, default: Any = None) -> Any:
        return metadata.get(f"tokenizer.ggml.{key}", default)

    kind, pre = said("model"), said("pre", "default")
    check(kind == "gpt2", "tokenizer.ggml.model", kind, "Only byte-level BPE is read, which GGUF calls gpt2.")
    split = ALIASES.get(pre, pre)
    check(split in SPLITS, "tokenizer.ggml.pre", pre, f"This code knows {', '.join([*SPLITS, *ALIASES])}.")
    tokens, kinds = (
        metadata["tokenizer.ggml.tokens"],
        said("token_type") or [NORMAL] * len(metadata["tokenizer.ggml.tokens"]),
    )
    if len(tokens) != len(kinds) or len(set(tokens)) != len(tokens):
        raise ConfigError("The file's tokens are not one kind each, or not all different.", "It is damaged.")
    entries = list(zip(range(len(tokens)), tokens, kinds, strict=True))
    added = [huggingface.added_token(t, i, k == CONTROL) for i, t, k in entries if k in (CONTROL, USER_DEFINED)]
    vocabulary = {t: i for i, t, k in entries if k not in (UNUSED, CONTROL, USER_DEFINED)}
    merges = [merge.split(" ", 1) for merge in metadata["tokenizer.ggml.merges"]]
    opens = bool(said("add_bos_token", split == "llama-bpe"))
    names = {key: tokens[said(f"{key}_id")] for key in ("bos_token", "eos_token") if said(f"{key}_id") is not None}
    content = huggingface.file_content(vocabulary, merges, pre_tokenizer(SPLITS[split]), added)
    content["model"]["ignore_merges"] = split in WHOLE_FIRST
    if opens and "bos_token" in names:
        content["post_processor"] = _opening(names["bos_token"], int(said("bos_token_id")))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "add_bos_token": opens,
        "clean_up_tokenization_spaces": False,
        **names,
    }
    if "tokenizer.chat_template" in metadata:
        config["chat_template"] = str(metadata["tokenizer.chat_template"])
    ends = list(dict.fromkeys(int(said(key)) for key in ENDS if said(key) is not None))
    files = {JSON_FILE: content, CONFIG_FILE: config, "generation_config.json": {"eos_token_id": ends}}
    return {name: (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode() for name, value in files.items()}


def _opening(text: str, index: int) -> dict[str, Any]:
    """The post-processor that puts this token before a text: other libraries look for it there."""
    first: list[dict[str, Any]] = [
        {"SpecialToken": {"id": text, "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}},
    ]
    second = [{"SpecialToken": {"id": text, "type_id": 1}}, {"Sequence": {"id": "B", "type_id": 1}}]
    known = {text: {"id": text, "ids": [index], "tokens": [text]}}
    return {"type": "TemplateProcessing", "single": first, "pair": [*first, *second], "special_tokens": known}
