"""A part on disk: one Parquet file with the rows and, in its footer, where the next part begins and what was counted.

One file, so that rows and account cannot part; written atomically and fsynced, its pages with checksums.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trivium.ground.atomic import write_atomic
from trivium.ground.errors import ArtifactError
from trivium.stages.corpus.shards.plan import Plan, Row, Shard
from trivium.stages.corpus.shards.reading import Place

KEY = b"trivium.part"


@dataclass(frozen=True)
class Part:
    """What a part's footer says."""

    next: Place | None
    """Where the next part begins; None behind the last."""
    counts: dict[str, int]
    """Records by `failed`; texts are under ""."""
    read: int
    """Bytes of the stored file up to the next part: for progress only."""


def part_path(plan: Plan, shard: Shard, number: int) -> Path:
    """Where a part lies."""
    return plan.parts(shard) / f"part-{number:06d}.parquet"


def write_part(path: Path, rows: Sequence[Row], schema: Any, following: Place | None, read: int) -> None:
    """Write a part, durably. Raises OSError (for example ENOSPC), leaving nothing."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    told = {
        "next": following and asdict(following),
        "counts": dict(sorted(Counter(row["failed"] for row in rows).items())),
        "read": read,
    }
    columns = {field.name: [row.get(field.name, None if field.nullable else "") for row in rows] for field in schema}
    table = pa.table(columns, schema=schema.with_metadata({KEY: json.dumps(told)}))
    stream = pa.BufferOutputStream()
    pq.write_table(table, stream, compression="zstd", use_dictionary=False, write_page_checksum=True)
    write_atomic(path, stream.getvalue().to_pybytes())


def read_part(path: Path) -> Part | None:
    """The footer of a part; None when it is not there. A damaged one is removed: it will be made again."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        return None
    try:
        told = json.loads(pq.read_schema(path).metadata[KEY])
        following = None if told["next"] is None else Place(**told["next"])
        return Part(following, told["counts"], told["read"])
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        path.unlink()
        return None


def rows_of(path: Path) -> Any:
    """The Arrow table of a part. Raises ArtifactError for a damaged one, which is removed."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(path, page_checksum_verification=True).replace_schema_metadata(None)
    except (pa.ArrowException, OSError) as error:
        path.unlink(missing_ok=True)
        raise ArtifactError(f"{path} is damaged ({error}).", "The same command makes it again.") from error


def chain(plan: Plan, shard: Shard) -> Iterator[tuple[Place, Part | None]]:
    """The parts of a shard in order, up to the first that is missing (None) or to the last of the shard."""
    place: Place | None = Place()
    while place is not None:
        part = read_part(part_path(plan, shard, place.part))
        yield place, part
        place = part.next if part is not None else None


def complete(plan: Plan, shard: Shard) -> bool:
    """Whether all parts of a shard are there."""
    return all(part is not None for _, part in chain(plan, shard))
