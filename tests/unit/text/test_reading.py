from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from trivium.ground.errors import UsageError
from trivium.text.document import Document, write_documents
from trivium.text.reading import read_files

TEXTS = ["one\nline", "zwei\u2028drei", "", "🤖" * 1000]


def texts(*paths: Path, most: int = 0) -> list[tuple[str, str]]:
    return [(document.source, document.text) for document in read_files(paths, most)]


def test_rows_and_files_become_documents(tmp_path: Path) -> None:
    lines = "".join(json.dumps({"text": text, "source": "s"}, ensure_ascii=False) + "\n" for text in TEXTS).encode()
    (tmp_path / "a.jsonl").write_bytes(lines + b"\n")
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(lines))
    write_documents(tmp_path / "c.parquet", [Document(str(i), "", text, "s", "CC0") for i, text in enumerate(TEXTS)])
    for name in ("a.jsonl", "b.jsonl.gz", "c.parquet"):
        assert texts(tmp_path / name) == [("s", text) for text in TEXTS]
    (tmp_path / "d.md").write_text(TEXTS[0])
    assert texts(tmp_path / "d.md") == [("d.md", TEXTS[0])]


def test_zstd_files_are_unpacked(tmp_path: Path) -> None:
    import pyarrow as pa

    with pa.CompressedOutputStream(str(tmp_path / "a.jsonl.zst"), "zstd") as file:
        file.write(b'{"text": "packed"}\n' * 3)
    assert texts(tmp_path / "a.jsonl.zst") == [("a.jsonl.zst", "packed")] * 3


def test_reading_stops_when_there_is_enough(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "12345"}\n' * 10)
    assert len(texts(tmp_path / "a.jsonl", tmp_path / "a.jsonl", most=51)) == 11


@pytest.mark.parametrize("content", [b'{"text": "x"}\nnot json', b'{"text": "x"}\n[1]', b'{"text": "x"}\n{"a": 1}'])
def test_what_is_no_document_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.jsonl").write_bytes(content)
    with pytest.raises(UsageError, match="first 1 documents"):
        texts(tmp_path / "a.jsonl")
    for name in ("a.parquet", "a.jsonl.gz", "none.txt"):
        if name != "none.txt":
            (tmp_path / name).write_bytes(content)
        with pytest.raises(UsageError, match="cannot be read"):
            texts(tmp_path / name)
