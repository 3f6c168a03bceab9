"""Think budgets: none, some, all; forced tokens are marked and what follows them is the model's own."""

from __future__ import annotations

import pytest
import torch

from trivium.generate.engine import Engine, Request, ThinkBudget
from trivium.generate.think import Thinking
from trivium.ground.errors import UsageError
from trivium.model.transformer import Transformer
from trivium.text.tokenizer import Tokenizer

OPEN, CLOSE = (50,), (51,)


def budget(most: int | None = None, **changes: object) -> ThinkBudget:
    return ThinkBudget(most, open=OPEN, close=CLOSE, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("most", [0, 1, 5])
def test_thinking_is_closed_at_the_cap(model: Transformer, most: int) -> None:
    asked = [3, 9, 50]
    banned = {51: -1e9, 50: -1e9}
    found, free = Engine(model).run([
        Request(asked, 12, 1.0, 4, think=budget(most), bias=banned),
        Request(asked, 12, 1.0, 4, think=budget(), bias=banned),
    ])  # fmt: skip
    assert found.ids[:most] == free.ids[:most]
    assert found.ids[most] == 51
    assert found.forced == [i == most for i in range(12)]
    assert found.logprobs[most] == 0
    assert not any(free.forced)
    with torch.no_grad():
        logits = model.logits(model(torch.tensor([[*asked, *found.ids]])))[0, 2:-1]
    wanted = logits.log_softmax(-1).gather(1, torch.tensor(found.ids)[:, None])[:, 0]
    kept = [i for i in range(12) if i != most]
    torch.testing.assert_close(torch.tensor(found.logprobs)[kept], wanted[kept], atol=1e-5, rtol=0)


def test_a_block_that_the_model_opens_is_capped_too() -> None:
    thinking = Thinking(budget(2), [1, 2], None)
    assert [thinking.next(i) for i in (7, 50, 8, 9, 10, 11)] == [
        (7, False), (50, False), (8, False), (9, False), (51, True), (11, False),
    ]  # fmt: skip
    assert not thinking.inside


def test_thoughts_that_end_by_themselves_are_left_alone() -> None:
    thinking = Thinking(budget(3), [50, 1, 51, 50, 4], None)
    assert thinking.count == 1
    assert [thinking.next(i) for i in (8, 51, 9, 9, 9)] == [(8, False), (51, False), (9, False), (9, False), (9, False)]


def test_an_early_end_is_replaced_by_waiting() -> None:
    thinking = Thinking(budget(6, least=4, wait=(30, 31)), [50], None)
    said = [thinking.next(i) for i in (8, 51, 99, 9, 51, 7)]
    assert said == [(8, False), (30, True), (31, True), (9, False), (51, False), (7, False)]


def test_tags_of_several_ids_are_forced_one_by_one() -> None:
    thinking = Thinking(ThinkBudget(1, open=(5, 6), close=(7, 8)), [5, 6], None)
    assert [thinking.next(i) for i in (1, 2, 3, 4)] == [(1, False), (7, True), (8, True), (4, False)]


def test_the_tokenizer_knows_the_tags(writer: Transformer, byte_tokenizer: Tokenizer) -> None:
    special = byte_tokenizer.special
    ids = [*byte_tokenizer.encode("hi"), special["<think>"]]
    found = Engine(writer, tokenizer=byte_tokenizer).run([Request(ids, 4, 1.0, 1, think=ThinkBudget(0))])[0]
    assert found.ids[0] == special["</think>"]
    with pytest.raises(UsageError, match="tokenizer="):
        Engine(writer).run([Request(ids, 4, think=ThinkBudget(0))])
    with pytest.raises(UsageError, match="go on"):
        ThinkBudget(4, least=2)
