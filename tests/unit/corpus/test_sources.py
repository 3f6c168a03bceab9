"""Sources: every document of every format comes back as a page, in the same order, and what is broken has a reason."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trivium.ground.errors import UsageError
from trivium.stages.corpus.sources.find import find, read
from trivium.stages.corpus.sources.page import READING, Page

LIMIT = 10_000


def pages(*paths: Path, text_field: str = "text", piece: int = 1000) -> list[Page]:
    def all_of() -> Iterator[Page]:
        for source in find([str(path) for path in paths]):
            yield from read(source, LIMIT, text_field, piece)

    return list(all_of())


def told(found: list[Page]) -> list[tuple[str, str, str]]:
    return [(page.url, page.body.decode(), page.failed) for page in found]


def write_lines(path: Path, rows: list[object]) -> Path:
    data = "".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows).encode()
    if path.suffix == ".zst":
        with pa.OSFile(str(path), "wb") as raw, pa.CompressedOutputStream(raw, "zstd") as stream:
            stream.write(data)
    else:
        path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def test_a_folder_gives_its_documents_by_name_and_counts_what_it_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "deep note.md").write_text("# A note", encoding="utf-8")
    (tmp_path / "a.html").write_text("<p>page</p>", encoding="utf-8")
    (tmp_path / "c.txt").write_bytes("déjà".encode("cp1252"))
    (tmp_path / "d.jpg").write_bytes(b"\xff\xd8\xff")
    (tmp_path / "e.txt").touch()
    (tmp_path / "f.htm").write_bytes(b"x" * (LIMIT + 1))
    (tmp_path / ".hidden.txt").write_text("not read", encoding="utf-8")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "x.txt").write_text("not read", encoding="utf-8")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "gone.txt").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe.txt")
    found = pages(tmp_path)
    assert [(page.url, page.kind, page.failed) for page in found] == [
        ("file:a.html", "html", ""),
        ("file:c.txt", "text", ""),
        ("file:d.jpg", "html", "unknown_type"),
        ("file:e.txt", "html", "empty_body"),
        ("file:f.htm", "html", "too_large"),
        ("file:gone.txt", "html", "unreadable"),
        ("file:pipe.txt", "html", "unknown_type"),
        ("file:b/deep%20note.md", "text", ""),
    ]
    (source,) = find([str(tmp_path)])
    assert len(source.fingerprint()) == 64 and source.size() > LIMIT
    assert all(page.failed in READING for page in found if page.failed)
    assert [page.position for page in found] == sorted(page.position for page in found)


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "cp1252"])
def test_a_long_text_is_cut_at_paragraphs_and_nothing_of_it_is_lost(tmp_path: Path, charset: str) -> None:
    text = "".join(f"Paragraph {i} is déjà about {i} things.\nIt has two lines.\n\n" for i in range(200))
    (tmp_path / "book.txt").write_bytes(text.encode(charset))
    found = pages(tmp_path)
    assert "".join(page.body.decode() for page in found) == text
    assert [page.url for page in found] == [f"file:book.txt#{i}" for i in range(len(found))]
    assert len(found) > 5 and all(1000 <= len(page.body.decode()) < 1100 for page in found[:-1])
    assert all(page.body.endswith(b"\n\n") for page in found)


def test_a_text_without_paragraphs_or_lines_is_cut_too(tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_text("no end in sight\n" * 1000, encoding="utf-8")
    (tmp_path / "one.txt").write_text("x" * 3_000_000, encoding="utf-8")
    found = pages(tmp_path)
    assert sum(len(page.body) for page in found) == 16_000 + 3_000_000
    assert [page.position for page in found] == sorted(page.position for page in found)
    assert len([page for page in found if page.url.startswith("file:one.txt")]) == 3


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst", "a.ndjson"])
def test_json_lines_give_a_page_a_line_and_a_reason_for_each_bad_one(tmp_path: Path, name: str) -> None:
    rows = [
        {"text": "one", "url": "https://a.example/1", "license": "CC0-1.0", "source": "books"},
        "",
        "{broken",
        {"text": 5},
        {"content": "elsewhere"},
        ["text"],
        {"text": "  "},
        {"text": "x" * (LIMIT + 1)},
        '{"text": "' + "y" * (6 * LIMIT + (1 << 20)) + '"}',
        "[" * 100_000,
        {"text": "lone \ud800 half", "url": "doc-7"},
    ]
    found = pages(write_lines(tmp_path / name, rows))
    assert [(page.offset, page.failed) for page in found] == [
        (0, ""),
        (2, "bad_json"),
        (3, "no_text_field"),
        (4, "no_text_field"),
        (5, "bad_json"),
        (6, "empty_body"),
        (7, "too_large"),
        (8, "too_large"),
        (9, "bad_json"),
        (10, ""),
    ]
    first, last = found[0], found[-1]
    assert (first.url, first.body, first.licence, first.origin) == ("https://a.example/1", b"one", "CC0-1.0", "books")
    assert (last.url, last.body) == (f"file:{name}#10", b"lone ? half")


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl.zst"])
def test_a_packed_file_that_breaks_off_says_so_once(tmp_path: Path, name: str) -> None:
    rows = [{"text": os.urandom(40).hex()} for _ in range(40_000)]
    path = write_lines(tmp_path / name, list(rows))
    path.write_bytes(path.read_bytes()[:-5000])
    found = pages(path)
    assert [page.failed for page in found if page.failed] == ["truncated"] and found[-1].failed
    assert 20_000 < len(found) < 40_000
    assert [page.body.decode() for page in found[:-1]] == [row["text"] for row in rows[: len(found) - 1]]


def test_a_file_that_is_packed_otherwise_than_it_says_is_refused(tmp_path: Path) -> None:
    for name in ("a.jsonl.gz", "a.jsonl.zst"):
        (tmp_path / name).write_text('{"text": "plain"}\n', encoding="utf-8")
        with pytest.raises(UsageError, match="cannot be unpacked"):
            pages(tmp_path / name)


def test_parquet_gives_a_page_a_row_from_the_column_that_is_named(tmp_path: Path) -> None:
    table = pa.table({"body": ["one", None, "", "x" * (LIMIT + 1)], "url": ["https://a.example/1", "", None, ""]})
    pq.write_table(table, tmp_path / "a.parquet")
    found = pages(tmp_path / "a.parquet", text_field="body")
    assert [(page.url, page.failed) for page in found] == [
        ("https://a.example/1", ""),
        ("file:a.parquet#1", "no_text_field"),
        ("file:a.parquet#2", "empty_body"),
        ("file:a.parquet#3", "too_large"),
    ]
    with pytest.raises(UsageError, match="no column 'text': it has body, url"):
        pages(tmp_path / "a.parquet")


def test_rows_of_a_damaged_part_are_counted_and_a_cut_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": [f"{i} {os.urandom(20).hex()}" for i in range(1000)]}), path, row_group_size=100,
                   compression="zstd", use_dictionary=False)  # fmt: skip
    whole = path.read_bytes()
    middle = len(whole) // 2
    path.write_bytes(whole[:middle] + bytes(2000) + whole[middle + 2000 :])
    found = pages(path)
    failed = [page.failed for page in found]
    assert len(found) == 1000 and set(failed) == {"", "damaged"}
    assert failed[0] == failed[-1] == "", "the row groups behind the damage are read"
    path.write_bytes(whole[:middle])
    with pytest.raises(UsageError, match="no whole Parquet file"):
        pages(path)


def test_wet_files_give_text_as_it_is(tmp_path: Path) -> None:
    text = b"Ein Text.\n"
    head = (
        "WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Record-ID: <urn:uuid:0>\r\nWARC-Target-URI: https://a.example/\r\n"
        f"WARC-Date: 2026-01-01T00:00:00Z\r\nContent-Type: text/plain\r\nContent-Length: {len(text)}\r\n\r\n"
    ).encode()
    (tmp_path / "a.warc.wet.gz").write_bytes(gzip.compress(head + text + b"\r\n\r\n"))
    (page,) = pages(tmp_path)
    assert (page.url, page.body, page.kind, page.failed) == ("https://a.example/", text, "text", "")


def test_a_folder_of_everything_is_read_in_the_same_order_and_an_edit_is_noticed(tmp_path: Path) -> None:
    write_lines(tmp_path / "z.jsonl", [{"text": "line"}])
    (tmp_path / "a.txt").write_text("text", encoding="utf-8")
    (tmp_path / "b.txt").write_text("text", encoding="utf-8")
    pq.write_table(pa.table({"text": ["row"]}), tmp_path / "m.parquet")
    assert [(source.name, source.format) for source in find([str(tmp_path)])] == [
        (tmp_path.name, "files"),
        ("m.parquet", "parquet"),
        ("z.jsonl", "jsonl"),
    ]
    assert told(pages(tmp_path)) == told(pages(tmp_path))
    prints = [[source.fingerprint() for source in find([str(tmp_path)])]]
    (tmp_path / "a.txt").write_text("texT", encoding="utf-8")
    prints.append([source.fingerprint() for source in find([str(tmp_path)])])
    (tmp_path / "b.txt").rename(tmp_path / "c.txt")
    prints.append([source.fingerprint() for source in find([str(tmp_path)])])
    assert len({one[0] for one in prints}) == 3 and len({tuple(one[1:]) for one in prints}) == 1


@pytest.mark.parametrize(("name", "message"), [("nowhere", "There is no source"), ("a.docx", "of no type")])
def test_what_is_no_source_is_refused(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "a.docx").write_bytes(b"PK")
    with pytest.raises(UsageError, match=message):
        find([str(tmp_path / name)])
