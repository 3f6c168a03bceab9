"""Searching an index: BM25 over titles and texts, and opening a document by its id, a page at a time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trivium.ground.artifact import open_artifact
from trivium.ground.errors import UsageError
from trivium.index.build import TITLE_WORTH, schema

if TYPE_CHECKING:
    from tantivy import Query

WORD = re.compile(r"[^\W_]+")
MOST_WORDS, MOST_HITS = 32, 20
SNIPPET, PAGE = 240, 3000
"""Characters of a hit's snippet, and of a page of an opened document."""


@dataclass(frozen=True)
class Hit:
    """A document that was found."""

    id: str
    title: str
    url: str
    snippet: str
    score: float


@dataclass(frozen=True)
class Opened:
    """A page of a document."""

    id: str
    title: str
    url: str
    text: str
    page: int
    pages: int


class Searcher:
    """An index, open for searching. Safe to share between threads."""

    def __init__(self, folder: Path) -> None:
        """Raises ArtifactError for a folder that is no sealed index."""
        from tantivy import Index

        self.artifact = open_artifact(folder, "index")
        self._schema = schema()
        self._searcher = Index.open(str(folder)).searcher()

    @property
    def documents(self) -> int:
        """How many documents can be found."""
        return int(self._searcher.num_docs)

    def search(self, query: str, most: int = 5) -> list[Hit]:
        """The documents with the query's words that BM25 ranks highest; nothing for a query without words.

        Any text is a query: it has no syntax, and only its first 32 words count.
        """
        from tantivy import SnippetGenerator

        asked = self._query(query)
        if asked is None:
            return []
        snippets = SnippetGenerator.create(self._searcher, asked, self._schema, "text")
        snippets.set_max_num_chars(SNIPPET)
        hits = []
        for score, address in self._searcher.search(asked, max(1, min(most, MOST_HITS)), count=False).hits:
            document = self._searcher.doc(address)
            found = {name: str(document.get_first(name) or "") for name in ("id", "title", "url", "text")}
            shown = snippets.snippet_from_doc(document).fragment() or found["text"][:SNIPPET]
            hits.append(Hit(found["id"], found["title"], found["url"], " ".join(shown.split()), float(score)))
        return hits

    def open(self, name: str, page: int = 1) -> Opened:
        """A page of the document with this id. Raises UsageError where there is no such document or page."""
        from tantivy import Query

        found = self._searcher.search(Query.term_query(self._schema, "id", name), 1, count=False).hits
        if not found:
            raise UsageError(f"There is no document {name!r:.200}.", "Search gives ids of documents.")
        document = self._searcher.doc(found[0][1])
        text = str(document.get_first("text") or "")
        pages = max(1, -(-len(text) // PAGE))
        if not 1 <= page <= pages:
            raise UsageError(f"The document has no page {page}.", f"It has pages 1 to {pages}.")
        title, url = str(document.get_first("title") or ""), str(document.get_first("url") or "")
        return Opened(name, title, url, text[(page - 1) * PAGE : page * PAGE], page, pages)

    def _query(self, text: str) -> Query | None:
        from tantivy import Occur, Query

        words = list(dict.fromkeys(word.lower() for word in WORD.findall(text[:4000])))[:MOST_WORDS]
        parts = [
            (Occur.Should, Query.boost_query(Query.term_query(self._schema, name, word), worth))
            for word in words
            for name, worth in (("text", 1.0), ("title", TITLE_WORTH))
        ]
        return Query.boolean_query(parts) if parts else None
