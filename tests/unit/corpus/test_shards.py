"""Shards: reading goes on at any place as if it had begun at the start; a part is whole or not there."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fault_inject import CRASH, boundaries, crash_at, flip_bit, truncate
from toy_scoring import plan_of, schema

from trivium.ground.errors import ArtifactError
from trivium.stages.corpus.shards.parts import read_part, rows_of, write_part
from trivium.stages.corpus.shards.plan import read_plan
from trivium.stages.corpus.shards.reading import PART_RECORDS, Place, Reader
from trivium.stages.corpus.sources.find import find, read
from trivium.stages.corpus.sources.page import Page
from trivium.stages.corpus.sources.warc import record_of

DATE = "2026-01-01T00:00:00Z"
LIMIT = 100_000


def members(count: int) -> list[bytes]:
    return [
        record_of(Page(f"http://s.example/{n}", b"<p>" + b"text " * (n % 90), "utf-8", "", "", 0), DATE)
        for n in range(count)
    ]


def goes_on_anywhere(path: Path, every: int = 1) -> list[Page]:
    """Read a source from each of its places and hold it against the one reading from the start."""
    (source,) = find([str(path)])
    whole = list(read(source, LIMIT, "text", 400))
    places = [page.place for page in whole]
    assert places == sorted(places)
    for number in range(0, len(whole), every):
        skip = number - places.index(places[number])
        assert list(read(source, LIMIT, "text", 400, places[number]))[skip:] == whole[number:], (path.name, number)
    return whole


def test_a_warc_file_of_any_packing_is_read_on_from_any_place(tmp_path: Path) -> None:
    each = members(8)
    plain = [gzip.decompress(one) for one in each]
    packings = {
        "each.warc.gz": b"".join(each),
        "plain.warc": b"".join(plain),
        "one.warc.gz": gzip.compress(b"".join(plain)),
        "some.warc.gz": each[0] + gzip.compress(b"".join(plain[1:4])) + each[4] + gzip.compress(b"".join(plain[5:])),
    }
    own_places = {}
    for name, data in packings.items():
        (tmp_path / name).write_bytes(data)
        whole = goes_on_anywhere(tmp_path / name)
        assert [page.url[-1] for page in whole] == list("01234567")
        own_places[name] = len({page.place for page in whole})
    assert own_places == {"each.warc.gz": 8, "plain.warc": 8, "one.warc.gz": 1, "some.warc.gz": 4}


def test_damage_is_told_the_same_from_any_place(tmp_path: Path) -> None:
    rng = random.Random(1)
    path = tmp_path / "a.warc.gz"
    told = 0
    for turn in range(150):
        each = members(7)
        if turn % 3 == 0:
            each[2:5] = [gzip.compress(b"".join(gzip.decompress(one) for one in each[2:5]))]
        if turn % 5 == 0:
            each.insert(3, b"junk " * rng.randrange(1, 100))
        data = bytearray(b"".join(each))
        for _ in range(rng.randrange(0, 3)):
            at = rng.randrange(400, len(data))
            data[at : at + rng.randrange(1, 30)] = rng.randbytes(rng.randrange(0, 30))
        path.write_bytes(bytes(data))
        told += any(page.failed for page in goes_on_anywhere(path))
    assert told > 50


def test_tables_and_folders_are_read_on_from_any_place(tmp_path: Path) -> None:
    lines = [json.dumps({"text": f"text {n}"}) if n % 4 else "" if n % 8 else "no json" for n in range(59)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    long = "\n".join(json.dumps({"text": random.Random(n).randbytes(2000).hex()}) for n in range(700))
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(long.encode(), 1)[:-2000])
    table = pa.table({"text": [f"{n} " + random.Random(n).randbytes(30).hex() for n in range(300)]})
    pq.write_table(table, tmp_path / "c.parquet", row_group_size=50, compression="zstd", use_dictionary=False)
    data = (tmp_path / "c.parquet").read_bytes()
    (tmp_path / "d.parquet").write_bytes(data[:5000] + bytes(300) + data[5300:])
    (tmp_path / "e").mkdir()
    for n in range(6):
        (tmp_path / "e" / f"{n}.txt").write_text("A line.\n\n" * (200 * (n % 3)), encoding="utf-8")
    (tmp_path / "e" / "z.bin").write_bytes(b"\0")
    for name in ("a.jsonl", "b.jsonl.gz", "c.parquet", "d.parquet", "e"):
        whole = goes_on_anywhere(tmp_path / name, every={"a": 1, "b": 99, "e": 1}.get(name[0], 7))
        assert len(whole) > 10
        assert whole[-1].failed == ("truncated" if name[0] == "b" else "unknown_type" if name[0] == "e" else "")
    assert {page.failed for page in goes_on_anywhere(tmp_path / "d.parquet", 100)} == {"", "damaged"}


@pytest.mark.parametrize("packed_as_one", [False, True])
def test_parts_are_the_same_from_wherever_reading_begins(tmp_path: Path, packed_as_one: bool) -> None:
    each = members(2 * PART_RECORDS + 5)
    path = tmp_path / "a.warc.gz"
    one = gzip.compress(b"".join(gzip.decompress(member) for member in each)) if packed_as_one else b"".join(each)
    path.write_bytes(one)
    plan = plan_of(tmp_path / "work", path)
    assert read_plan(plan.folder) == plan
    (shard,) = plan.shards
    reader = Reader(shard, plan.config, Place())
    places, parts = [], []
    while reader.place is not None:
        places.append(reader.place)
        parts.append(reader.take())
    assert [len(part) for part in parts] == [PART_RECORDS, PART_RECORDS, 5]
    assert [place.record for place in places] == [0, PART_RECORDS, 2 * PART_RECORDS]
    assert (places[1].skip == 0) == (not packed_as_one)
    for place, part in zip(places, parts, strict=True):
        assert Reader(shard, plan.config, place).take() == part


def test_a_crash_anywhere_in_a_part_s_write_leaves_it_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "part-000000.parquet"
    rows = [{"id": "1", "url": "u", "text": "t" * 1000, "failed": "", "offset": 3}]

    def write() -> None:
        write_part(path, rows, schema(), Place(1, 1, 77, 0), 55)

    write()
    whole = path.read_bytes()
    seen = set()
    path.unlink()
    total = boundaries(write)
    assert total > 5
    for k in range(1, total + 1):
        path.unlink(missing_ok=True)
        assert crash_at(k, write) == CRASH
        part = read_part(path)
        seen.add(part is None)
        if part is not None:
            assert (part.next, part.counts, part.read) == (Place(1, 1, 77, 0), {"": 1}, 55)
            assert path.read_bytes() == whole
    assert seen == {True, False}


def test_a_damaged_part_is_taken_away_to_be_made_again(tmp_path: Path) -> None:
    path = tmp_path / "part-000000.parquet"
    texts = [random.Random(n).randbytes(999).hex() for n in range(20)]
    rows = [{"id": "1", "url": "u", "text": text, "failed": "", "offset": 3} for text in texts]
    write_part(path, rows, schema(), None, 1)
    truncate(path)
    assert read_part(path) is None and not path.exists()
    write_part(path, rows, schema(), None, 1)
    assert rows_of(path)["text"].to_pylist() == texts
    flip_bit(path)
    with pytest.raises(ArtifactError, match="damaged"):
        rows_of(path)
    assert not path.exists()


def test_a_folder_without_a_plan_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="holds no plan"):
        read_plan(tmp_path)
    (tmp_path / "plan.json").write_text('{"config": {}, "shards": [{"name": 1}]}', encoding="utf-8")
    with pytest.raises(ArtifactError, match="holds no plan"):
        read_plan(tmp_path)
