"""Log-probabilities over HTTP are those of the evaluation's own scorer: lm-eval's local-completions asks just so."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import httpx2
import pytest
import torch

from trivium.evals.benchmarks.scoring import Scorer
from trivium.model.folder import load_model
from trivium.text.tokenizer import Tokenizer

PAIRS = [
    ("The capital of France is", " Paris"),
    ("", "A text by itself."),
    ("naïve 你好", " 👩‍👩‍👧"),
    ("2 + 3 =", " 5"),
    ("x" * 150, "y" * 60),
]


@pytest.fixture(scope="module")
def scorer(run_folder: Path) -> Scorer:
    torch.set_num_threads(1)
    folder = run_folder / "base-00000000"
    return Scorer(load_model(folder, torch.device("cpu")), Tokenizer.open(folder))


def scored(served: Any, rows: list[list[int]], **more: Any) -> list[dict[str, Any]]:
    body = {"model": "base", "prompt": rows, "echo": True, "logprobs": 1, "temperature": 0} | more
    answer = httpx2.post(f"{served.url}/v1/completions", json=body, timeout=60)
    assert answer.status_code == 200, answer.text
    return [choice["logprobs"] for choice in answer.json()["choices"]]


@pytest.mark.parametrize("more", [{"max_tokens": 0}, {"max_tokens": 1}])
def test_echoed_prompts_score_as_in_process(tiny: Any, scorer: Scorer, more: dict[str, int]) -> None:
    pairs = [scorer.split(*pair) for pair in PAIRS]
    wanted = scorer.score_ids(pairs)
    found = scored(tiny, [[*before, *after] for before, after in pairs], **more)
    for (before, after), listing, likelihood in zip(pairs, found, wanted, strict=True):
        stretch = slice(len(before), len(before) + len(after))
        assert sum(listing["token_logprobs"][stretch]) == pytest.approx(likelihood.nats, abs=1e-3)
        tokens, best = listing["tokens"][stretch], listing["top_logprobs"][stretch]
        greedy = all(name == max(top, key=top.__getitem__) for name, top in zip(tokens, best, strict=True))
        assert greedy == likelihood.greedy
        assert listing["token_logprobs"][0] is None


def test_each_token_scores_to_five_digits(tiny: Any, scorer: Scorer) -> None:
    rng = random.Random(0)
    rows = [[rng.randrange(256) for _ in range(rng.randint(2, 200))] for _ in range(6)]
    for row, listing in zip(rows, scored(tiny, rows, max_tokens=0), strict=True):
        wanted = [scorer.score_ids([(tuple(row[:i]), (row[i],))])[0].nats for i in range(1, len(row))]
        assert listing["token_logprobs"][1:] == pytest.approx(wanted, abs=1e-5)


def test_the_token_that_ends_a_document_is_listed(served_script: Any, spell: Any) -> None:
    """lm-eval asks for one token more than it scores, and leaves out the last: it must be there, whatever it is."""
    served = served_script(lambda _: spell("a<|endoftext|>"))
    body = {"prompt": "x", "logprobs": 1, "max_tokens": 5}
    choice = httpx2.post(f"{served.url}/v1/completions", json=body).json()["choices"][0]
    assert (choice["text"], choice["finish_reason"]) == ("a", "stop")
    assert choice["logprobs"]["tokens"] == ["a", "<|endoftext|>"]
    assert choice["logprobs"]["text_offset"] == [0, 1]


@pytest.mark.slow
def test_lm_evals_local_completions_gives_the_in_process_numbers(tiny: Any, run_folder: Path) -> None:
    """Both ask the same model the same questions; without lm-eval there is nothing to compare."""
    models = pytest.importorskip("lm_eval.models.openai_completions")
    instance = pytest.importorskip("lm_eval.api.instance")
    from trivium.evals.lm_eval_adapter import Judge

    folder = run_folder / "base-00000000"
    judge = Judge(str(folder), device="cpu", max_length=254)
    over_http = models.LocalCompletionsAPI(
        base_url=f"{tiny.url}/v1/completions", model="base", tokenizer=str(folder), tokenizer_backend="huggingface",
        max_length=256, max_retries=1, batch_size=4,
    )  # fmt: skip
    pairs = [pair for pair in PAIRS if pair[0]] * 3
    asked = [instance.Instance("loglikelihood", {}, pair, i) for i, pair in enumerate(pairs)]
    found = over_http.loglikelihood(asked)
    assert len(found) == len(pairs)
    for (nats, greedy), (wanted, sure) in zip(found, judge.loglikelihood(pairs), strict=True):
        assert nats == pytest.approx(wanted, abs=1e-3)
        assert greedy == sure
