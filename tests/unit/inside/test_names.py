"""Names of inner values as users write them: wildcards, blocks from the end, indices, and errors that name the mend."""

from __future__ import annotations

import pytest

from trivium.ground.errors import UsageError
from trivium.model.inside.names import expand, expand_all, names

BLOCKS = 3


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("blocks.*.residual", ["blocks.0.residual", "blocks.1.residual", "blocks.2.residual"]),
        ("blocks.-1.mlp[:, -1]", ["blocks.2.mlp[:,-1]"]),
        ("blocks.1.attention", ["blocks.1.attention"]),
        ("*.pattern[0]", [f"blocks.{i}.attention.pattern[0]" for i in range(3)]),
        ("embedding", ["embedding"]),
    ],
)
def test_written_names(written: str, wanted: list[str]) -> None:
    assert [str(name) for name in expand(written, BLOCKS)] == wanted


def test_indices_are_pythons() -> None:
    (name,) = expand("final[:, -1, 2:4, ::2, 1:]", BLOCKS)
    assert name.index == (slice(None), -1, slice(2, 4), slice(None, None, 2), slice(1, None))
    assert len(expand_all(["*", "blocks.*", "final"], BLOCKS)) == len(names(BLOCKS))


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("blocks.1.residul", r"Did you mean blocks\.1\.residual\?"),
        ("blocks.*.atention.pattern", r"Did you mean blocks\.\*\.attention\.pattern\?"),
        ("layers.1.mlp", "Did you mean"),
        ("blocks.7.mlp", r"blocks\.7\.mlp.*It has blocks 0 to 2"),
        ("blocks.-4.mlp", r"blocks\.-4\.mlp"),
        ("logits", "embedding, final"),
        ("final[", "cannot be read"),
        ("final[x]", "index"),
        ("final[]", "index"),
        ("final[1,]", "index"),
        ("final]", "cannot be read"),
        ("", "cannot be read"),
    ],
)
def test_names_that_are_none(written: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        expand_all(written, BLOCKS)
