"""The tokenizer: byte-level BPE over tiktoken, saved so that tiktoken, tokenizers and transformers give the same ids.

Text never yields a special token: only code that builds a prompt puts those in, by id. (Hugging Face's `tokenizers`
does turn a literal `<|im_end|>` in a text into the token, unless `split_special_tokens=True`; ours never does.)
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from trivium.ground.config import digest
from trivium.ground.errors import ArtifactError, ConfigError
from trivium.text import huggingface
from trivium.text.patterns import PATTERNS, long_spaces
from trivium.text.template import CHAT_TEMPLATE

if TYPE_CHECKING:
    import tiktoken

END_OF_TEXT, TURN_START, TURN_END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
THINK, THINK_END = "<think>", "</think>"
SPECIALS = (END_OF_TEXT, TURN_START, TURN_END, THINK, THINK_END, "<tool_call>", "</tool_call>")
"""Their ids follow the ordinary ones in this order."""

RANKS_FILE, JSON_FILE, CONFIG_FILE = "vocabulary.tiktoken", "tokenizer.json", "tokenizer_config.json"
MODEL_FILE = "config.json"
"""Beside a tokenizer in a model's folder."""
FILES = (JSON_FILE, RANKS_FILE, CONFIG_FILE)

CHECK_TEXTS = (
    "",
    " ",
    "\n",
    "The town school taught grammar, rhetoric and logic.",
    "Don't they'll WE'RE it's I'D",
    "348 × 619 = 215412; 9.11 < 9.9",
    "  two  spaces\tand\ttabs \n\n\r\n  and lines \n",
    "naïve café, Zürich, Łódź",
    "你好，世界。こんにちは 안녕하세요",
    "नमस्ते مرحبا שלום",
    "👩‍👩‍👧‍👦🏳️‍🌈🤖",
    "a" * 300,
    "\x00\x01\x7f\ufeff\u200b\u2028",
    "1,234,567",
    "def f(x):\n    return {'a': x[0] ** 2}  # <tag/>\n",
    "https://example.org/?q=1&r=%20#top",
    "½ ²³ Ⅷ ١٢٣",
)
"""What a save encodes through both files; special tokens' spellings are left out, they are tested apart."""


class Tokenizer:
    """Text to ids and back. Ordinary ids are 0..n-1, the specials follow.

    Models from elsewhere have a `text.imported.ImportedTokenizer`, for which the order of ids is another; all that the
    stages use is the same for both, and `Tokenizer.open` gives the one that a folder holds.
    """

    template: str | None = None
    """A foreign model's chat template; None: conversations are written by `text.chat`."""
    ranks: dict[bytes, int]
    """The ordinary tokens' bytes and ids."""
    special: Mapping[str, int]
    size: int
    """Number of ids, specials included."""
    turn_end: int
    """The id that ends a turn."""
    stops: tuple[int, ...]
    """The ids at which an answer ends."""
    opening: tuple[int, ...]
    """What stands before a document's first token."""

    def __init__(self, ranks: dict[bytes, int], pattern: str) -> None:
        """From ranks (token bytes -> id) and the name of a split regex.

        Raises ConfigError for an unknown pattern, ids with gaps, or a missing single byte.
        """
        if pattern not in PATTERNS:
            raise ConfigError(f"pattern is {pattern!r}.", f"Choose one of {', '.join(PATTERNS)}.")
        if sorted(ranks.values()) != list(range(len(ranks))):
            raise ConfigError(f"The {len(ranks)} ranks are not 0..{len(ranks) - 1}.", "Number the tokens without gaps.")
        if any(bytes([byte]) not in ranks for byte in range(256)):
            raise ConfigError("The ranks lack a single byte.", "A byte-level vocabulary holds all 256.")
        self.ranks = ranks
        self.pattern = pattern
        self.special = MappingProxyType({text: len(ranks) + i for i, text in enumerate(SPECIALS)})
        self.size = len(ranks) + len(SPECIALS)
        self.turn_end = self.special[TURN_END]
        self.stops = (self.turn_end, self.special[END_OF_TEXT])
        self.opening = (self.special[END_OF_TEXT],)

    @cached_property
    def _encoding(self) -> tiktoken.Encoding:
        import tiktoken

        return tiktoken.Encoding(
            self.fingerprint,
            pat_str=PATTERNS[self.pattern],
            mergeable_ranks=self.ranks,
            special_tokens=dict(self.special),
        )

    @cached_property
    def fingerprint(self) -> str:
        """A hash of everything that decides ids: ranks, split regex, specials."""
        tokens = [token.hex() for token, _ in sorted(self.ranks.items(), key=lambda item: item[1])]
        return digest([tokens, PATTERNS[self.pattern], dict(self.special)])

    @property
    def end_of_text(self) -> int:
        """The id that follows each document."""
        return self.special[END_OF_TEXT]

    @property
    def ends(self) -> dict[str, int]:
        """The ids that a model folder's `config.json` names, by our spelling, whatever theirs is."""
        return {END_OF_TEXT: self.end_of_text, TURN_END: self.turn_end}

    def encode(self, text: str) -> list[int]:
        """Ordinary ids only, whatever the text spells. Lone surrogates become U+FFFD."""
        encoding, ids, done = self._encoding, [], 0
        for start, end in long_spaces(text):
            ids += encoding.encode_ordinary(text[done:start])
            ids += encoding._encode_single_piece(text[start:end])
            done = end
        return ids + encoding.encode_ordinary(text[done:]) if done else encoding.encode_ordinary(text)

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """`encode` of each text, on as many threads as this process has cores."""
        with ThreadPoolExecutor(len(os.sched_getaffinity(0)), "encode") as pool:
            return list(pool.map(self.encode, texts))

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The exact bytes. Specials give their spelling. Raises KeyError for an id beyond `size`."""
        return self._encoding.decode_bytes(list(ids))

    def decode(self, ids: Iterable[int]) -> str:
        """The text; bytes that are not UTF-8 (a character cut in two) show as U+FFFD."""
        return self.decode_bytes(ids).decode("utf-8", errors="replace")

    def save(self, folder: Path) -> None:
        """Write `tokenizer.json`, `vocabulary.tiktoken` and `tokenizer_config.json` into `folder`.

        Both vocabulary files are read back and asked for the ids of CHECK_TEXTS; RuntimeError if they ever differ.
        """
        control = (END_OF_TEXT, TURN_START, TURN_END)
        content = huggingface.tokenizer_json(self.ranks, PATTERNS[self.pattern], self.special, control)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / JSON_FILE).write_text(_dump(content), encoding="utf-8")
        (folder / CONFIG_FILE).write_text(_dump(self._config(control)), encoding="utf-8")
        ordered = sorted(self.ranks.items(), key=lambda item: item[1])
        lines = [b"%s %d\n" % (base64.b64encode(token), rank) for token, rank in ordered]
        (folder / RANKS_FILE).write_bytes(b"".join(lines))

        again, content = Tokenizer.open(folder), _read(folder / JSON_FILE)
        for text in CHECK_TEXTS:
            if not self.encode(text) == again.encode(text) == list(huggingface.encode_by_merges(content, text)):
                raise RuntimeError(f"{JSON_FILE} and {RANKS_FILE} give different ids for {text!r}.")

    def _config(self, control: Sequence[str]) -> dict[str, Any]:
        added = {
            str(index): {
                key: value
                for key, value in huggingface.added_token(text, index, text in control).items()
                if key != "id"
            }
            for text, index in self.special.items()
        }
        return {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "pattern": self.pattern,
            "model_max_length": 2**20,
            "bos_token": None,
            "eos_token": END_OF_TEXT,
            "pad_token": END_OF_TEXT,
            "unk_token": None,
            "clean_up_tokenization_spaces": False,
            "split_special_tokens": False,
            "added_tokens_decoder": added,
            "chat_template": CHAT_TEMPLATE,
        }

    @classmethod
    def open(cls, folder: Path) -> Tokenizer:
        """The tokenizer that `save` wrote into `folder` (a tokenizer artifact or a model folder), ours or imported.

        Raises ArtifactError when a file is missing or damaged, when the two vocabularies, the split regex or the
        specials do not agree with each other, or when a model beside them has fewer tokens.
        """
        if (folder / JSON_FILE).is_file() and not (folder / RANKS_FILE).is_file() and not _ours(folder):
            from trivium.text.imported import ImportedTokenizer

            return ImportedTokenizer.open(folder)
        content, config = _read(folder / JSON_FILE), _read(folder / CONFIG_FILE)
        try:
            lines = (folder / RANKS_FILE).read_bytes().splitlines()
            ranks = {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in lines)}
            tokenizer = cls(ranks, str(config["pattern"]))
            _agree(tokenizer, content)
            if (folder / MODEL_FILE).is_file():
                _fits(tokenizer, int(_read(folder / MODEL_FILE)["vocab_size"]))
        except (OSError, ValueError, KeyError, IndexError, TypeError, binascii.Error, ConfigError) as error:
            raise ArtifactError(f"{folder} holds no whole tokenizer: {error}", "Run its stage again.") from error
        return tokenizer


def _ours(folder: Path) -> bool:
    """Whether a folder without ranks is ours, damaged: ours name their split regex."""
    return (folder / CONFIG_FILE).is_file() and "pattern" in _read(folder / CONFIG_FILE)


def well_formed(text: str) -> str:
    """The text with U+FFFD for each lone surrogate, as tiktoken encodes it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _agree(tokenizer: Tokenizer, content: Mapping[str, Any]) -> None:
    """Raise ValueError unless `tokenizer.json` says the same as the ranks, the pattern and the specials."""
    if huggingface.regex_of(content) != PATTERNS[tokenizer.pattern]:
        raise ValueError(f"the split regex in {JSON_FILE} is not {tokenizer.pattern!r}'s.")
    vocabulary = {huggingface.unspell(letters): index for letters, index in content["model"]["vocab"].items()}
    if vocabulary != tokenizer.ranks:
        raise ValueError(f"{JSON_FILE} and {RANKS_FILE} hold different vocabularies.")
    ordered = [token for token, _ in sorted(tokenizer.ranks.items(), key=lambda item: item[1]) if len(token) > 1]
    if [left + right for left, right in huggingface.merges_in(content)] != ordered:
        raise ValueError(f"the merges in {JSON_FILE} do not make the tokens of {RANKS_FILE}.")
    if {entry["content"]: entry["id"] for entry in content["added_tokens"]} != dict(tokenizer.special):
        raise ValueError(f"the special tokens in {JSON_FILE} are not {', '.join(SPECIALS)}.")


def _fits(tokenizer: Tokenizer, vocabulary: int) -> None:
    if vocabulary < tokenizer.size:
        raise ValueError(f"the model beside it knows {vocabulary} tokens, the tokenizer has {tokenizer.size}.")


def _dump(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{path} cannot be read: {error}.", "Run the tokenizer stage again.") from error
    if not isinstance(content, dict):
        raise ArtifactError(f"{path} is not a JSON object.", "Run the tokenizer stage again.")
    return content
