"""All parts, in order, as one table: the same bytes whoever made the parts, and when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from trivium.ground.errors import ArtifactError
from trivium.stages.corpus.shards.parts import chain, part_path, rows_of
from trivium.stages.corpus.shards.plan import Plan, Row

GROUP = 512
"""Rows of a row group of the table; part of the format, and no matter of the parts."""


def assemble(
    plan: Plan, schema: Any, to: Path, beside: Mapping[str, Callable[[Row], None]] = MappingProxyType({})
) -> list[dict[str, Any]]:
    """Write the rows of all shards as Parquet. What comes back is, by file: source, records, texts, failures by reason.

    `beside`: columns of the parts that the table lacks; each takes the rows in which its column is filled. Raises
    ArtifactError when a part is missing or damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    tallies: dict[tuple[str, str], Counter[str]] = {}
    with pq.ParquetWriter(to, schema, compression="zstd") as writer:
        held: list[Any] = []
        rows = 0
        for part in _tables(plan, tallies):
            _hand_over(part, beside)
            held.append(part.select(schema.names))
            rows += part.num_rows
            if rows >= GROUP:
                whole = pa.concat_tables(held)
                for at in range(0, rows - rows % GROUP, GROUP):
                    writer.write_table(whole.slice(at, GROUP).combine_chunks())
                rows %= GROUP
                held = [whole.slice(whole.num_rows - rows)]
        writer.write_table(pa.concat_tables([schema.empty_table(), *held]).combine_chunks())
    return [
        {
            "file": file,
            "source": source,
            "records": tally.total(),
            "texts": tally[""],
            "failed": {reason: count for reason, count in sorted(tally.items()) if reason},
        }
        for (file, source), tally in tallies.items()
    ]


def _hand_over(table: Any, beside: Mapping[str, Callable[[Row], None]]) -> None:
    import pyarrow.compute as pc

    for name, take in beside.items():
        for row in table.filter(pc.is_valid(table[name])).to_pylist():
            take(row)


def _tables(plan: Plan, tallies: dict[tuple[str, str], Counter[str]]) -> Iterator[Any]:
    for shard in plan.shards:
        for place, part in chain(plan, shard):
            path = part_path(plan, shard, place.part)
            if part is None:
                raise ArtifactError(f"{path} is missing.", "The same command makes it.")
            if part.counts:
                tallies.setdefault((shard.source.name, shard.collection), Counter()).update(part.counts)
                yield rows_of(path)
