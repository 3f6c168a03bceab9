"""The tokenizer and shards stages open what the corpus stage really sealed; what follows opens what they seal."""

from __future__ import annotations

import numpy as np
import pytest

from trivium.evals.kneser_ney import KneserNey
from trivium.ground.artifact import Artifact, open_artifact
from trivium.ground.how import How
from trivium.stages.corpus import plant, score, select
from trivium.stages.corpus.config import PlantConfig, ScoreConfig, SelectConfig
from trivium.stages.tokenizer import run as tokenizer_run
from trivium.stages.tokenizer import shards as shards_run
from trivium.stages.tokenizer.config import ShardsConfig, TokenizerConfig
from trivium.text.chat import parse, render
from trivium.text.document import read_documents
from trivium.text.shards import open_shards
from trivium.text.tokenizer import Tokenizer
from trivium.town.exposure import count
from trivium.town.lessons import LessonConfig
from trivium.town.world import Town, TownConfig

QUIET = How(progress=False)
TOWN = TownConfig(people=12, ghosts=4, strangers=4)
LESSONS = LessonConfig(sums=4000, comparisons=1000, letters=3000, dialogues=3000, questions=2000)


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Artifact]:
    out = tmp_path_factory.mktemp("journey")
    town = plant.run(PlantConfig(town=TOWN, lessons=LESSONS), {}, out / "town", QUIET)
    scored = score.run(ScoreConfig(max_pages=60), {"town": town}, out / "scored", QUIET)
    selected = select.run(SelectConfig(), {"scored": scored, "town": town}, out / "selected", QUIET)
    tokenizer = tokenizer_run.run(TokenizerConfig(vocabulary=1024), {"selected": selected}, out / "tokenizer", QUIET)
    inputs = {"selected": selected, "tokenizer": tokenizer, "town": town}
    return inputs | {"shards": shards_run.run(ShardsConfig(), inputs, out / "shards", QUIET)}


def test_every_file_is_whole_and_knows_its_parents(sealed: dict[str, Artifact]) -> None:
    for name in ("tokenizer", "shards"):
        open_artifact(sealed[name].path, kind=name, hashes=True)
    assert dict(sealed["tokenizer"].parents) == {"selected": sealed["selected"].id}
    assert dict(sealed["shards"].parents) == {name: sealed[name].id for name in ("selected", "tokenizer", "town")}


def test_the_shards_hold_the_selected_documents(sealed: dict[str, Artifact]) -> None:
    tokenizer = Tokenizer.open(sealed["tokenizer"].path)
    shards = open_shards(sealed["shards"], tokenizer)
    for name, shard in (("train", shards.train), ("heldout", shards.heldout)):
        documents = list(read_documents(sealed["selected"].file(f"{name}.parquet")))
        texts = [tokenizer.decode(shard.document(i)[:-1].tolist()) for i in range(len(shard))]
        assert texts == [document.text for document in documents] and texts
        assert [record["id"] for record in shard.documents()] == [document.id for document in documents]
    assert set(shards.index["splits"]["train"]["by_source"]) >= {"town:pages", "town:sums", "web"}
    assert not any(row["synthetic"] for row in shards.index["splits"]["heldout"]["by_source"].values())


def test_exposure_is_what_the_documents_state(sealed: dict[str, Artifact]) -> None:
    town = Town.from_json(sealed["town"].json("town.json"))
    texts = [document.text for document in read_documents(sealed["selected"].file("train.parquet"))]
    exposure = sealed["shards"].json("exposure.json")
    assert exposure["per_epoch"] == count(town, texts)
    assert exposure["statements"] == sum(exposure["per_epoch"].values()) > 100
    ghosts = {person.id for person in town.group("ghost")}
    assert not any(times for key, times in exposure["per_epoch"].items() if key.partition("/")[0] in ghosts)
    assert exposure["heldout"] == {}


def test_what_follows_can_read_it(sealed: dict[str, Artifact]) -> None:
    tokenizer = Tokenizer.open(sealed["tokenizer"].path)
    shards = open_shards(sealed["shards"])
    assert int(np.max(shards.train.ids)) < tokenizer.size
    model = KneserNey.fit(shards.train.ids, shards.train.offsets, tokenizer.size)
    bits = -model.log_probs(shards.heldout.ids, shards.heldout.offsets).sum() / np.log(2)
    assert 0 < bits / sum(record["bytes"] for record in shards.heldout.documents()) < 8
    ids = render(tokenizer, [{"role": "assistant", "content": "42", "reasoning_content": "40+2"}]).ids
    start = len([tokenizer.special["<|im_start|>"], *tokenizer.encode("assistant\n")])
    assert parse(tokenizer, ids[start:]).content == "42"
