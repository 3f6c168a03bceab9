"""Byte-level BPE in Hugging Face's `tokenizer.json`: merges from ranks, the file's content, and reading it back.

tiktoken stores a vocabulary as ranks (bytes -> id) and merges any neighbours that form a token, lowest rank first;
Hugging Face stores the list of merges. The merge that made a token is what BPE with the lower ranks leaves of the
token's bytes: two parts (recovered this way by OpenAI's and Hugging Face's converters too).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from trivium.ground.errors import ConfigError
from trivium.text.presplit import pre_tokenizer

Merge = tuple[bytes, bytes]


def byte_letters() -> list[str]:
    """The printable letter that stands for each byte in the file (GPT-2's table): 256 strings of one character."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    letters = {byte: chr(byte) for byte in printable}
    hidden = (byte for byte in range(256) if byte not in letters)
    letters.update({byte: chr(256 + i) for i, byte in enumerate(hidden)})
    return [letters[byte] for byte in range(256)]


LETTERS = byte_letters()
BYTES = {letter: byte for byte, letter in enumerate(LETTERS)}


def spell(token: bytes) -> str:
    """The token's bytes as the letters of the file."""
    return "".join(LETTERS[byte] for byte in token)


def unspell(letters: str) -> bytes:
    """The bytes that the letters stand for. Raises KeyError for a letter outside the table."""
    return bytes(BYTES[letter] for letter in letters)


def split_bytes(piece: bytes, ranks: Mapping[bytes, int], below: int) -> list[bytes]:
    """The piece as BPE leaves it using tokens of rank less than `below`: the slow, plain statement of the algorithm."""
    parts = [piece[i : i + 1] for i in range(len(piece))]
    while len(parts) > 1:
        rank, i = min((ranks.get(parts[i] + parts[i + 1], below), i) for i in range(len(parts) - 1))
        if rank >= below:
            break
        parts[i : i + 2] = [parts[i] + parts[i + 1]]
    return parts


def merges_of(ranks: Mapping[bytes, int]) -> list[Merge]:
    """The merge that made each token of more than one byte, in the order of ranks.

    Raises ConfigError for a token that the lower ranks cannot leave in two parts: such ranks are not BPE's.
    """
    merges = []
    for token, rank in sorted(ranks.items(), key=lambda item: item[1]):
        if len(token) == 1:
            continue
        parts = split_bytes(token, ranks, rank)
        if len(parts) != 2:
            raise ConfigError(
                f"Token {rank} ({token!r}) is left in {len(parts)} parts by the merges before it.",
                "Ranks must come from BPE training.",
            )
        merges.append((parts[0], parts[1]))
    return merges


def tokenizer_json(
    ranks: Mapping[bytes, int], regex: str, special: Mapping[str, int], control: Sequence[str]
) -> dict[str, Any]:
    """The content of `tokenizer.json`; special tokens named in `control` are skipped by decoders, others are shown."""
    vocabulary = {spell(token): rank for token, rank in sorted(ranks.items(), key=lambda item: item[1])}
    merges = [[spell(left), spell(right)] for left, right in merges_of(ranks)]
    added = [added_token(text, index, text in control) for text, index in special.items()]
    return file_content(vocabulary, merges, pre_tokenizer([regex]), added)


def file_content(
    vocabulary: Mapping[str, int],
    merges: Sequence[Sequence[str]],
    cuts: Mapping[str, Any],
    added: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """The content of `tokenizer.json` from its parts: letters and ids, merges, `pre_tokenizer`, `added_tokens`."""
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": list(added),
        "normalizer": None,
        "pre_tokenizer": dict(cuts),
        "post_processor": None,
        "decoder": level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": dict(vocabulary),
            "merges": [list(merge) for merge in merges],
        },
    }


def added_token(text: str, index: int, special: bool) -> dict[str, Any]:
    """An entry of `added_tokens`: matched literally, spaces around it untouched."""
    return {
        "id": index,
        "content": text,
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": special,
    }


def regex_of(content: Mapping[str, Any]) -> str:
    """The split regex inside a `tokenizer.json`. Raises KeyError, IndexError or TypeError when it has another shape."""
    return str(content["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"])


def merges_in(content: Mapping[str, Any]) -> list[Merge]:
    """The merges inside a `tokenizer.json`, as bytes."""
    return [(unspell(left), unspell(right)) for left, right in content["model"]["merges"]]


def encode_by_merges(content: Mapping[str, Any], text: str) -> Iterable[int]:
    """The ordinary ids of a text by what `tokenizer.json` says alone: the slow second opinion that saving asks for."""
    import regex  # type: ignore[import-untyped]

    vocabulary: dict[str, int] = content["model"]["vocab"]
    order = {(left, right): i for i, (left, right) in enumerate(content["model"]["merges"])}
    for piece in regex.findall(regex_of(content), text):
        parts = [LETTERS[byte] for byte in piece.encode()]
        while len(parts) > 1:
            rank, i = min((order.get((parts[i], parts[i + 1]), len(order)), i) for i in range(len(parts) - 1))
            if rank == len(order):
                break
            parts[i : i + 2] = [parts[i] + parts[i + 1]]
        yield from (vocabulary[part] for part in parts)
