"""The `corpus` recipe: documents alone, cleaned and accounted for. No town, no model."""

from __future__ import annotations

from trivium.journey.graph import Journey, Node
from trivium.recipes.street import reseed


def corpus(seed: int = 0) -> Journey:
    """Sources to selected documents, and the page that shows the funnel."""
    from trivium.stages.report.config import ReportConfig

    report = Node(
        name="report",
        entry="trivium.stages.report.run:run",
        config=ReportConfig(title="A corpus"),
        inputs={"scored": "scored", "selected": "selected"},
        what="one page with the funnel",
    )
    return Journey("corpus", (*cleaned(seed), report))


def cleaned(seed: int) -> tuple[Node, Node]:
    """The nodes from sources to selected documents."""
    from trivium.stages.corpus.config import ScoreConfig, SelectConfig

    scored = Node(
        name="scored",
        entry="trivium.stages.corpus.score:run",
        config=ScoreConfig(),
        what="pages become documents, every filter gives its score",
    )
    selected = Node(
        name="selected",
        entry="trivium.stages.corpus.select:run",
        config=reseed(SelectConfig(web_characters=0), seed),
        inputs={"scored": "scored"},
        what="thresholds, duplicates out, the mix",
    )
    return scored, selected
