"""A sealed selection of documents, as the corpus stage hands it on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from trivium.ground.artifact import Artifact, Label, open_artifact, sealing
from trivium.text.document import Document, write_documents

WORDS = "the town school taught grammar rhetoric and logic while strawberry cakes were baked by every miller".split()


def document(i: int, source: str) -> Document:
    text = " ".join(WORDS[(i * j) % len(WORDS)] for j in range(1, 40)) + f" {i}+{i}={2 * i} naïve 🤖\n"
    return Document(f"{source}-{i}", f"https://example.org/{i}", text, source, "CC0", source == "town:sums")


DOCUMENTS = {
    "train": [*(document(i, "web") for i in range(300)), *(document(i, "town:sums") for i in range(40))],
    "heldout": [document(i, "web") for i in range(1000, 1020)],
}


@pytest.fixture(scope="session")
def seal_selected() -> Callable[..., Artifact]:
    def seal(out: Path, documents: dict[str, list[Document]] | None = None) -> Artifact:
        with sealing(out, Label("selected", "corpus", 1, {})) as folder:
            for name, some in (DOCUMENTS if documents is None else documents).items():
                write_documents(folder / f"{name}.parquet", some)
        return open_artifact(out, "selected")

    return seal


@pytest.fixture(scope="session")
def selected(seal_selected: Callable[..., Artifact], tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return seal_selected(tmp_path_factory.mktemp("corpus") / "selected")
