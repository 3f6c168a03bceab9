"""Bands in bounded memory: the clusters of the plain algorithm, whatever the memory, and room counted in bytes."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise
from pathlib import Path

import numpy as np
import plain_dedup
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trivium.stages.corpus.dedup import bands as room
from trivium.stages.corpus.dedup import exact_copies, near_copies, signatures
from trivium.stages.corpus.dedup.exact import first_equal
from trivium.stages.corpus.dedup.near import Clusters, clusters
from trivium.stages.corpus.dedup.sign import keys_of

TABLES = st.integers(1, 4).flatmap(
    lambda bands: st.tuples(
        st.just(bands), st.lists(st.lists(st.integers(0, 3), min_size=2 * bands, max_size=2 * bands), max_size=24)
    )
)
MEMORY = st.sampled_from([400, 1000, 3000, 10_000, 10**6])


@settings(deadline=None)
@given(TABLES, MEMORY, st.lists(st.integers(1, 9), min_size=1))
def test_clusters_are_those_of_the_plain_algorithm(
    given: tuple[int, list[list[int]]], memory: int, sizes: list[int]
) -> None:
    """Any memory (so runs, spilled or not, and ranges of keys of any number), any pieces."""
    bands, rows = given
    keys = keys_of(np.array(rows, np.uint64).reshape(-1, 2 * bands), bands)
    pieces, at = [], 0
    while at < keys.shape[1]:
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(keys[:, at : at + size])
        at += size
    assert clusters(iter(pieces), bands, memory).tolist() == plain_dedup.clusters(rows, bands)


@settings(deadline=None)
@given(st.lists(st.lists(st.sampled_from("abc"), max_size=9).map(" ".join), max_size=24), MEMORY)
def test_texts_are_clustered_as_the_plain_algorithm_does(texts: list[str], memory: int) -> None:
    table = signatures(texts, 6, 2, 1)
    assert near_copies(iter(texts), 3, 2, 2, 1, memory).tolist() == plain_dedup.clusters(table.tolist(), 3)


@given(st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=40), st.randoms())
def test_clusters_do_not_hang_on_the_order_of_edges(pairs: list[tuple[int, int]], rng: object) -> None:
    names = list(range(30))
    for _ in names:  # the plain way: every document takes the least name of its neighbours, until nothing changes
        for one, other in pairs:
            names[one] = names[other] = min(names[one], names[other])
    mixed = list(pairs)
    rng.shuffle(mixed)  # type: ignore[attr-defined]
    joined = Clusters()
    for one, other in mixed:
        joined.join(np.array([[other], [one]], np.uint64), max(one, other) + 1)
    assert joined.firsts(30).tolist() == names


def test_a_chain_through_bands_and_runs_is_one_cluster() -> None:
    """Document i shares a band with i + 1 only; ends meet in no band."""
    size = 101
    keys = np.array([[i // 2 for i in range(size)], [(i + 1) // 2 for i in range(size)]], np.uint64)
    assert not clusters([keys], 2, 1500).any()
    apart = keys.copy()
    apart[:, 50:] += np.uint64(1000)
    assert clusters([apart], 2, 1500).tolist() == [0] * 50 + [50] * 51


@given(st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 1)), max_size=30), st.integers(1, 9))
def test_a_bands_edges_are_found_range_by_range(found: list[tuple[int, int]], parts: int) -> None:
    """Each range alone, as another machine would, from its file: together the edges of the whole band."""
    keys = np.array([key for key, copy in found for _ in range(1 + copy)], np.uint64)
    documents = np.arange(keys.size, dtype=np.uint64)
    runs = [np.stack(room.grouped(keys[i::3], documents[i::3])[:2]) for i in range(3)]
    whole = {tuple(pair) for pair in room.edges(runs).T.tolist()}
    spans = list(room.ranges_of(parts, room.SORTING))
    assert len(spans) == parts and spans[0][0] == 0 and spans[-1][1] == 2**64
    assert all(before[1] == after[0] for before, after in pairwise(spans))
    split = [tuple(pair) for low, high in spans for pair in room.edges(runs, low, high).T.tolist()]
    assert sorted(split) == sorted(whole)


def test_a_run_comes_back_from_its_file(tmp_path: Path) -> None:
    keys, documents = np.array([0, 5, 2**64 - 1], np.uint64), np.array([7, 1, 4], np.uint64)
    room.write_run(tmp_path / "run.npy", keys, documents)
    assert np.array_equal(np.load(tmp_path / "run.npy"), room.read_run(tmp_path / "run.npy"))
    assert room.read_run(tmp_path / "run.npy").tolist() == [keys.tolist(), documents.tolist()]


def keys_drawn(count: int, bands: int, piece: int = 1024):  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(1)
    for _ in range(count // piece):
        keys = rng.integers(0, 2**64, (bands, piece), np.uint64)
        keys[:, ::7] = np.uint64(12)  # a seventh of all documents share a key
        yield keys


def peak_of(count: int, memory: int, folder: Path) -> int:
    """Bytes that numpy and Python held at once while `count` documents were clustered."""
    clusters(keys_drawn(count, 14), 14, memory, folder)  # all that it needs is compiled outside the count
    tracemalloc.start()
    try:
        firsts = clusters(keys_drawn(count, 14), 14, memory, folder)
        assert (firsts == 0).sum() >= count // 7
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_is_bounded_but_for_a_number_a_document(tmp_path: Path) -> None:
    """22 MB of keys and document numbers, within 2 MB and 12 bytes a document."""
    memory, count = 2_000_000, 96 * 1024
    most = memory + 12 * count + 500_000
    assert most < 16 * 14 * count / 5, "it would not fit"
    assert peak_of(count, memory, tmp_path) < most


def test_what_is_small_makes_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "write_run", lambda *_: pytest.fail("spilled"))
    assert clusters(keys_drawn(4096, 14), 14, 2**24, tmp_path).size == 4096


@given(st.lists(st.tuples(st.sampled_from([0, 1, 2**60, 2**63, 2**64 - 1]), st.integers(0, 2)), max_size=30))
def test_the_first_of_equal_hashes(rows: list[tuple[int, int]]) -> None:
    assert first_equal(np.array(rows, np.uint64).reshape(-1, 2)).tolist() == [rows.index(row) for row in rows]


@given(st.lists(st.sampled_from(["a b", "A  b", "b a", "", " ", "\ud800", "a\nb"]), max_size=30))
def test_exact_copies_are_those_of_a_dict(texts: list[str]) -> None:
    plain = [" ".join(text.lower().split()) for text in texts]
    assert exact_copies(iter(texts)).tolist() == [plain.index(text) for text in plain]
