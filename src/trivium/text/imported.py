"""A foreign model's tokenizer: its own `tokenizer.json`, read by the library `tokenizers`, behind our interface.

Its special tokens may have any ids. The encoder that texts go through does not know them at all (they are taken out of
its vocabulary and its merges), so no text can yield one; code puts them in by id.
"""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from trivium.ground.errors import ArtifactError
from trivium.text.huggingface import LETTERS, unspell
from trivium.text.tokenizer import CONFIG_FILE, END_OF_TEXT, JSON_FILE, TURN_END, Tokenizer, well_formed

if TYPE_CHECKING:
    import tokenizers

TEMPLATE_FILE, MAP_FILE = "chat_template.jinja", "special_tokens_map.json"
ENDS_IN = ("generation_config.json", "config.json")
KEPT = (JSON_FILE, CONFIG_FILE, TEMPLATE_FILE, MAP_FILE)
DOCUMENT_ENDS = (END_OF_TEXT, "<|end_of_text|>", "</s>", "<|end▁of▁sentence|>", "<eos>")
TURN_ENDS = (TURN_END, "<|eot_id|>", "<|eot|>", "<|end_of_turn|>", "<end_of_turn>", "<|end|>")
BEGIN = "<|begin_of_text|>"
NEEDED = (0x09, 0x0A, 0x0D, *range(0x20, 0x7F), *range(0x80, 0xC0), *range(0xC2, 0xF1))
"""Bytes that texts have. Some vocabularies lack a few others (SmolLM2: six control characters, far planes)."""
UNKNOWN = "\ufffd".encode()


class ImportedTokenizer(Tokenizer):
    """Byte-level BPE out of a `tokenizer.json`. The ids have any order; an id without a token shows as U+FFFD.

    A byte that the vocabulary lacks (see NEEDED) is left out of a text, as the library and llama.cpp do.
    """

    def __init__(self, files: Mapping[str, bytes], ends: Iterable[int] = ()) -> None:
        """From the contents of KEPT files and further ids that end an answer.

        Raises ValueError, KeyError or TypeError for files that are no byte-level BPE.
        """
        self._files = dict(files)
        self._content: dict[str, Any] = json.loads(files[JSON_FILE])
        self._settings: dict[str, Any] = json.loads(files.get(CONFIG_FILE, b"{}"))
        _check_kind(self._content)
        added = {entry["content"]: int(entry["id"]) for entry in self._content["added_tokens"]}
        marks = {entry["content"] for entry in self._content["added_tokens"] if _is_special(entry)}
        self.special = MappingProxyType({text: index for text, index in added.items() if text in marks})
        self._plain_added = {index: text for text, index in added.items() if text not in marks}
        inside, apart = self._content["model"]["vocab"], set(self.special.values())
        self.ranks = {unspell(text): i for text, i in inside.items() if i not in apart and text not in added}
        self.ranks |= {text.encode(): index for index, text in self._plain_added.items()}
        self.pattern = "imported"
        self.size = max(*self.ranks.values(), *self.special.values()) + 1
        self._bytes = {i: token for token, i in self.ranks.items()}
        self._bytes |= {i: text.encode() for text, i in self.special.items()}
        self.template = self._chat_template()
        self._find_ends(ends)
        self._encoder()

    def _find_ends(self, ends: Iterable[int]) -> None:
        """Which ids end a document and a turn, and which open a document."""
        special = self.special
        eos = special.get(self._named("eos_token") or "")
        documents = [special[text] for text in DOCUMENT_ENDS if text in special]
        turns = [special[text] for text in TURN_ENDS if text in special]
        if eos is None and not documents:
            raise ValueError("no token that ends a document is named")
        self._end_of_text = documents[0] if documents else int(eos or 0)
        self.turn_end = eos if eos not in (None, self._end_of_text) else (turns or [self._end_of_text])[0]
        known = set(special.values())
        self.stops = tuple(dict.fromkeys([self.turn_end, self._end_of_text, *(i for i in ends if i in known)]))
        begin = special.get(self._named("bos_token") or "")
        said = self._settings.get("add_bos_token")
        wants = self._opens_with() if said is None else (begin if said else None)
        self.opening = () if wants is None else (wants,)

    def _opens_with(self) -> int | None:
        """The special token that the file's own post-processor puts before a text."""
        processor = self._content.get("post_processor") or {}
        for step in processor.get("processors", [processor]):
            first = (step.get("single") or [{}])[0]
            if "SpecialToken" in first:
                return self.special.get(first["SpecialToken"]["id"])
        return None

    def _named(self, key: str) -> str | None:
        value = self._settings.get(key)
        if value is None and MAP_FILE in self._files:
            value = json.loads(self._files[MAP_FILE]).get(key)
        return value["content"] if isinstance(value, dict) else value

    def _chat_template(self) -> str | None:
        if TEMPLATE_FILE in self._files:
            return self._files[TEMPLATE_FILE].decode("utf-8")
        found = self._settings.get("chat_template")
        if isinstance(found, list):
            found = {entry["name"]: entry["template"] for entry in found}.get("default")
        return None if found is None else str(found)

    @property
    def names(self) -> dict[str, str]:
        """The tokens that a chat template may ask for by name: bos_token, eos_token, pad_token, unk_token."""
        keys = ("bos_token", "eos_token", "pad_token", "unk_token")
        return {key: value for key in keys if (value := self._named(key)) is not None}

    @property
    def content(self) -> Mapping[str, Any]:
        """What `tokenizer.json` says."""
        return self._content

    @cached_property
    def _ordinary(self) -> tokenizers.Tokenizer:
        return self._encoder()

    def _encoder(self) -> tokenizers.Tokenizer:
        import tokenizers

        content, apart = copy.deepcopy(self._content), set(self.special.values())
        model = content["model"]
        model["unk_token"] = None  # often a special token, and no text may yield one
        model["vocab"] = {text: i for text, i in model["vocab"].items() if i not in apart}
        pairs = (tuple(pair.split(" ")) if isinstance(pair, str) else tuple(pair) for pair in model["merges"])
        known = model["vocab"]
        known |= {text: i for i, text in self._plain_added.items()}  # else the library would number them anew
        model["merges"] = [list(p) for p in pairs if p[0] in known and p[1] in known and p[0] + p[1] in known]
        content["added_tokens"] = [e for e in content["added_tokens"] if e["id"] in self._plain_added]
        content |= {"post_processor": None, "truncation": None, "padding": None}
        return tokenizers.Tokenizer.from_str(json.dumps(content))

    @cached_property
    def fingerprint(self) -> str:
        """A hash of everything that decides ids."""
        parts = [self._content.get(key) for key in ("model", "added_tokens", "normalizer", "pre_tokenizer")]
        return hashlib.sha256(json.dumps([parts, self.opening]).encode()).hexdigest()[:16]

    @property
    def end_of_text(self) -> int:
        """The id that ends a document."""
        return self._end_of_text

    def encode(self, text: str) -> list[int]:
        """Ordinary ids only, whatever the text spells. Lone surrogates become U+FFFD."""
        ids: list[int] = self._ordinary.encode(well_formed(text), add_special_tokens=False).ids
        return ids

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """`encode` of each text, on the library's threads."""
        found = self._ordinary.encode_batch_fast([well_formed(text) for text in texts], add_special_tokens=False)
        return [encoding.ids for encoding in found]

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The exact bytes. Specials give their spelling; an id without a token (a padded embedding's) gives U+FFFD."""
        return b"".join(self._bytes.get(index, UNKNOWN) for index in ids)

    def save(self, folder: Path) -> None:
        """Write the files that it was read from, byte for byte."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in self._files.items():
            (folder / name).write_bytes(data)

    @classmethod
    def open(cls, folder: Path) -> ImportedTokenizer:
        """The tokenizer of a foreign model's folder. Raises ArtifactError for one that is no byte-level BPE."""
        if not (folder / JSON_FILE).is_file():
            raise ArtifactError(
                f"{folder} holds no {JSON_FILE}.", "Only tokenizers in that form are read: save it with transformers."
            )
        try:
            files = {name: (folder / name).read_bytes() for name in KEPT if (folder / name).is_file()}
            told = next((folder / name for name in ENDS_IN if (folder / name).is_file()), None)
            ends = json.loads(told.read_bytes()).get("eos_token_id") if told else None
            return cls(files, [ends] if isinstance(ends, int) else ends or ())
        except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            reason = f"{type(error).__name__}: {error}" if isinstance(error, KeyError) else str(error)
            raise ArtifactError(
                f"The tokenizer in {folder} cannot be read: {reason}.", "Byte-level BPE in tokenizer.json is wanted."
            ) from error
        except Exception as error:  # what the library raises has no class of its own
            raise ArtifactError(f"The tokenizer in {folder} cannot be read: {error}.", "It is damaged.") from error


def _is_special(entry: Mapping[str, Any]) -> bool:
    """Structure, rather than ordinary text that a file lists apart (runs of spaces, single letters)."""
    return bool(entry.get("special")) or re.search(r"[<>\[\]{}|]", entry["content"]) is not None


def _check_kind(content: Mapping[str, Any]) -> None:
    """Raise ValueError unless the file is byte-level BPE with a token for each byte that texts have."""
    model = content["model"]
    kind = model.get("type", "BPE" if "merges" in model else "another")
    if kind != "BPE":
        raise ValueError(f"it is of type {kind!r}, not BPE")
    if "ByteLevel" not in json.dumps(content.get("decoder")) or model.get("byte_fallback"):
        raise ValueError("its tokens are not bytes (a SentencePiece vocabulary, like Llama 2's)")
    missing = [byte for byte in NEEDED if LETTERS[byte] not in model["vocab"]]
    if missing:
        raise ValueError(f"it has no token for the byte {missing[0]:#x}")
