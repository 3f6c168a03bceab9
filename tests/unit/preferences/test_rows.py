"""Rows of comparisons: every form that is read, and every bad row counted with its reason and place."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trivium.ground.errors import UsageError
from trivium.text.preferences.pairs import by_prompt, encode
from trivium.text.preferences.rows import need_some, read_preferences
from trivium.text.tokenizer import Tokenizer

ASKED = [{"role": "user", "content": "Hi"}]
GOOD, BAD = [{"role": "assistant", "content": "Hello!"}], [{"role": "assistant", "content": "What?"}]
FORMS: dict[str, dict[str, Any]] = {
    "texts": {"prompt": "Hi", "chosen": "Hello!", "rejected": "What?"},
    "messages": {"prompt": ASKED, "chosen": GOOD, "rejected": BAD},
    "one message": {"prompt": "Hi", "chosen": GOOD[0], "rejected": BAD[0]},
    "prompt repeated": {"prompt": ASKED, "chosen": ASKED + GOOD, "rejected": ASKED + BAD},
    "implicit prompt": {"chosen": ASKED + GOOD, "rejected": ASKED + BAD},
    "transcripts": {"chosen": "\n\nHuman: Hi\n\nAssistant: Hello!", "rejected": "\n\nHuman: Hi\n\nAssistant: What?"},
    "instruction": {"instruction": "Hi", "input": "", "chosen": "Hello!", "rejected": "What?"},
    "from and value": {"conversations": [{"from": "human", "value": "Hi"}],
                       "chosen": {"from": "gpt", "value": "Hello!"}, "rejected": {"from": "gpt", "value": "What?"}},
}  # fmt: skip
FAULTS: dict[str, Any] = {
    "no JSON": "{",
    "no JSON object": [1, 2],
    "no chosen": {"prompt": "a", "rejected": "b"},
    "no rejected": {"prompt": "a", "chosen": "b", "rejected": ""},
    "no prompt": {"prompt": " ", "chosen": "a", "rejected": "b"},
    "no prompt, and the answers are no transcripts": {"chosen": "a", "rejected": "b"},
    "the two answers are equal": {"prompt": "a", "chosen": "b", "rejected": "b"},
    "a message has no known role": {"prompt": [{"role": "king", "content": "a"}], "chosen": "b", "rejected": "c"},
    "a message's content is no text": {"prompt": [{"role": "user", "content": 1}], "chosen": "b", "rejected": "c"},
    "messages are no list": {"prompt": 7, "chosen": "b", "rejected": "c"},
    "an answer does not end with the assistant": {"prompt": "a", "chosen": ASKED, "rejected": "c"},
    "the two answers follow different conversations":
        {"chosen": "Human: a\n\nAssistant: b", "rejected": "Human: c\n\nAssistant: d"},
    "skipped by the person": {"prompt": "a", "choice": "skip"},
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_every_form_says_the_same(form: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(FORMS[form]) + "\n", encoding="utf-8")
    row = read_preferences([path]).rows[0]
    assert (list(row.prompt), list(row.chosen), list(row.rejected)) == (ASKED, GOOD, BAD)
    assert row.place == f"{path}:1"


def test_every_bad_row_is_counted_with_its_reason_and_place(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    lines = [fault if isinstance(fault, str) else json.dumps(fault) for fault in FAULTS.values()]
    path.write_text("\n".join([json.dumps(FORMS["texts"]), "", *lines]), encoding="utf-8")
    reading = read_preferences([path])
    assert len(reading.rows) == 1
    assert reading.dropped == dict.fromkeys(FAULTS, 1)
    assert {reason: places for reason, places in reading.places.items()} == {
        reason: [f"{path}:{number}"] for number, reason in enumerate(FAULTS, 3)
    }


@pytest.mark.parametrize("ending", [".jsonl.gz", ".jsonl.zst", ".parquet"])
def test_packed_files_and_tables_give_the_same_rows(ending: str, tmp_path: Path) -> None:
    rows = [FORMS["messages"] | {"tie": i % 2 == 0, "margin": i / 2} for i in range(5)]
    path, data = tmp_path / f"rows{ending}", "".join(json.dumps(row) + "\n" for row in rows).encode()
    if ending == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        packed = gzip.compress(data) if ending.endswith("gz") else pa.Codec("zstd").compress(data, asbytes=True)
        path.write_bytes(packed)
    found = read_preferences([path]).rows
    assert [(row.tie, row.margin) for row in found] == [(i % 2 == 0, i / 2) for i in range(5)]
    assert [list(row.prompt) for row in found] == [ASKED] * 5


def test_only_rows_that_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(FORMS["texts"] | {"dataset": name}) + "\n" for name in "aab"), encoding="utf-8")
    reading = read_preferences([path], ["dataset=b"])
    assert (len(reading.rows), reading.others, reading.dropped.total()) == (1, 2, 0)
    with pytest.raises(UsageError, match="equals sign"):
        read_preferences([path], ["dataset"])


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    damaged = tmp_path / "rows.jsonl.zst"
    damaged.write_bytes(b"no zstd at all")
    for path in (tmp_path / "missing.jsonl", tmp_path / "rows.docx", damaged):
        with pytest.raises(UsageError, match=path.name):
            read_preferences([path])
    empty = tmp_path / "empty.jsonl"
    empty.write_text('{"prompt": "a", "chosen": "b", "rejected": "b"}\n', encoding="utf-8")
    with pytest.raises(UsageError, match="equal"):
        need_some(read_preferences([empty]), [empty])


def test_the_mask_is_on_the_completion_alone(byte_tokenizer: Tokenizer) -> None:
    asked = [
        *ASKED,
        {"role": "assistant", "content": "An earlier answer"},
        {"role": "user", "content": "<|im_end|> more"},
    ]
    found = encode(byte_tokenizer, asked, GOOD)
    taught = [index for index, taught in zip(found.ids, found.mask, strict=True) if taught]
    assert byte_tokenizer.decode(taught) == "Hello!<|im_end|>"
    assert found.mask[-1] and found.ids[-1] == byte_tokenizer.turn_end
    assert found.ids.count(byte_tokenizer.turn_end) == 4, "no text of a user ends a turn"


def test_a_prompt_is_on_one_side_only(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    rows = [FORMS["texts"] | {"prompt": f"asked {i // 4}"} for i in range(800)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    held = by_prompt(read_preferences([path]).rows, 0.25)
    assert all(held[i] == held[i - i % 4] for i in range(800))
    assert 0.15 < sum(held) / 800 < 0.35
