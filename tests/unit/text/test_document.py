from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trivium.ground.errors import ArtifactError
from trivium.text.document import BATCH, Document, count_documents, read_documents, write_documents


def document(i: int) -> Document:
    text = f"text {i} ✓\n" * (i % 3)
    return Document(f"d{i}", f"https://example.org/{i}", text, f"source-{i % 2}", "CC0", i % 2 == 0)


def test_documents_come_back_in_order_across_batches(tmp_path: Path) -> None:
    documents = [document(i) for i in range(BATCH + 5)]
    assert write_documents(tmp_path / "d.parquet", iter(documents)) == len(documents)
    assert list(read_documents(tmp_path / "d.parquet")) == documents
    assert count_documents(tmp_path / "d.parquet") == len(documents)


def test_no_documents_is_a_file_too(tmp_path: Path) -> None:
    assert write_documents(tmp_path / "d.parquet", []) == 0
    assert list(read_documents(tmp_path / "d.parquet")) == []


def test_further_columns_are_skipped_and_missing_ones_named(tmp_path: Path) -> None:
    write_documents(tmp_path / "d.parquet", [document(1)])
    table = pq.read_table(tmp_path / "d.parquet")
    pq.write_table(table.append_column("score", pa.array([0.5])), tmp_path / "more.parquet")
    assert list(read_documents(tmp_path / "more.parquet")) == [document(1)]
    pq.write_table(table.drop_columns(["licence"]), tmp_path / "less.parquet")
    with pytest.raises(ArtifactError, match="licence"):
        list(read_documents(tmp_path / "less.parquet"))


def test_a_cut_file_is_named(tmp_path: Path) -> None:
    write_documents(tmp_path / "d.parquet", [document(1)])
    whole = (tmp_path / "d.parquet").read_bytes()
    (tmp_path / "d.parquet").write_bytes(whole[:-20])
    with pytest.raises(ArtifactError, match=r"d\.parquet"):
        list(read_documents(tmp_path / "d.parquet"))
    with pytest.raises(ArtifactError):
        list(read_documents(tmp_path / "absent.parquet"))
