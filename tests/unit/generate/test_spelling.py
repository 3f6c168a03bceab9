"""Text as it comes: never half a character, nothing of a stop string, and all of the rest."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trivium.generate.engine import Engine, Request
from trivium.generate.spelling import Spelling
from trivium.model.transformer import Transformer
from trivium.text.tokenizer import Tokenizer

BYTES = Tokenizer({bytes([i]): i for i in range(256)}, "qwen2")


@given(st.text(max_size=30), st.lists(st.integers(1, 5), min_size=1, max_size=60))
def test_pieces_are_whole_characters_and_make_the_text(text: str, sizes: list[int]) -> None:
    ids, speaker, pieces = list(text.encode()), Spelling(BYTES), []
    at = 0
    for size in [*sizes, len(ids)]:
        pieces.append(speaker.push(ids[at : at + size]))
        at += size
    assert speaker.end() == ""
    assert "".join(pieces) == text


@given(st.binary(max_size=20))
def test_broken_characters_are_shown_at_the_end_as_decode_shows_them(raw: bytes) -> None:
    speaker = Spelling(BYTES)
    text = "".join(speaker.push([byte]) for byte in raw) + speaker.end()
    assert text == raw.decode("utf-8", errors="replace")


@given(st.text("ab", max_size=12), st.lists(st.text("ab", min_size=1, max_size=4), min_size=1, max_size=3))
def test_nothing_of_a_stop_string_is_given(text: str, stops: list[str]) -> None:
    speaker = Spelling(BYTES, stops)
    given = ""
    for byte in text.encode():
        given += speaker.push([byte])
        if speaker.ended:
            break
    ends = [(text.find(stop) + len(stop), stop) for stop in stops if stop in text]
    if not ends:
        assert given + speaker.end() == text
        return
    first = min(end for end, _ in ends)
    assert given == text[: min(text.find(stop, 0, first) for end, stop in ends if stop in text[:first])]
    assert speaker.ended
    assert speaker.end() == ""


def test_a_completion_ends_in_the_token_that_completes_a_stop_string(
    writer: Transformer, byte_tokenizer: Tokenizer
) -> None:
    ids = byte_tokenizer.encode("hello")
    free = Engine(writer).run([Request(ids, 40, 1.5, 5)])[0].ids
    texts = [byte_tokenizer.decode_bytes([index]) for index in free]
    at = next(i for i in range(3, 38) if all(text < b"\x80" for text in texts[i : i + 3]))
    stop = b"".join(texts[at : at + 3]).decode()[1:]
    engine = Engine(writer, tokenizer=byte_tokenizer)
    found, other = engine.run([Request(ids, 40, 1.5, 5, stop_strings=("never", stop)), Request(ids, 40, 1.5, 6)])
    assert (found.ids, found.finish, found.stop_string) == (free[: at + 3], "stop", stop)
    assert (len(other.ids), other.finish, other.stop_string) == (40, "length", None)
