"""What lm-eval asks of a model, and, where lm-eval is installed, its own loop over it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
import torch

from trivium.evals.lm_eval_adapter import Judge, register
from trivium.ground.errors import UsageError

HERE = importlib.util.find_spec("lm_eval") is not None


@pytest.fixture
def judge(model_folders: list[Path]) -> Judge:
    return Judge(str(model_folders[0]), device="cpu", max_length="24")


def test_whole_texts_count_each_token_once(judge: Judge) -> None:
    texts = ["short", "a text that is longer than one window of this model, three times over at least.", ""]
    found = judge.rolling(texts)
    model, tokenizer = judge.scorer.model, judge.tokenizer
    whole = torch.tensor([[tokenizer.end_of_text, *tokenizer.encode("short")]])
    logprobs = torch.log_softmax(model.logits(model(whole[:, :-1]))[0], -1)
    assert found[0] == pytest.approx(logprobs.gather(1, whole[0, 1:, None]).sum().item(), abs=1e-4)
    with torch.no_grad():
        model.lm_head.weight.zero_()
    even = judge.rolling(texts)
    for text, nats in zip(texts, even, strict=True):
        assert nats == pytest.approx(-len(text) * torch.log(torch.tensor(float(tokenizer.size))).item(), rel=1e-4)


def test_what_is_generated_ends_before_the_sign(judge: Judge) -> None:
    text = judge.generate("Once", [], 8)
    assert text
    assert judge.generate("Once", [text[1:]], 8) == text[: text.find(text[1:])]
    assert judge.generate("", ["nowhere to be found"], 4) != ""


def test_without_lm_eval_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lm_eval.api.model", None)
    monkeypatch.setitem(sys.modules, "lm_eval", None)
    with pytest.raises(UsageError, match=r"trivium\[lm-eval\]"):
        register()


@pytest.mark.skipif(not HERE, reason="lm-eval is an extra that is not installed")
def test_lm_eval_knows_it(model_folders: list[Path]) -> None:
    from lm_eval.api.instance import Instance
    from lm_eval.api.registry import get_model

    register()
    model = get_model("trivium")(pretrained=str(model_folders[0]), device="cpu")
    asked = [Instance("loglikelihood", {}, ("The", " cat"), i) for i in range(2)]
    wanted = Judge(str(model_folders[0]), device="cpu").loglikelihood([("The", " cat")])[0]
    assert model.loglikelihood(asked) == [wanted, wanted]
