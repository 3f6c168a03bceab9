"""Learning from comparisons: a pair is a row that nothing can part, and a rule is learned from verdicts alone."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from tiny_training import LABEL, QUIET

from trivium.model.config import ModelConfig, OptimizerConfig
from trivium.model.reward import RewardModel
from trivium.stages.reward.comparisons import Comparison
from trivium.stages.reward.learning import Pairs, conversation, margins, preference_loss, score_all
from trivium.text.tokenizer import Tokenizer
from trivium.train.loop import Loop, LoopConfig

Pair = tuple[list[int], list[int]]


def judge(vocabulary: int = 40, seed: int = 0, opinion: float = 0.3) -> RewardModel:
    torch.set_num_threads(1)
    model = RewardModel(
        ModelConfig(vocab_size=vocabulary, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
                    num_attention_heads=2, num_key_value_heads=2, head_dim=16)
    )  # fmt: skip
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim == 2:
                parameter.copy_(
                    torch.randn(parameter.shape, generator=generator) * (opinion if "score" in name else 0.2)
                )
    return model


def pairs(count: int, seed: int = 0) -> list[Pair]:
    """Rows of numbers; the chosen one holds a 7 somewhere, the rejected one holds none."""
    rng = random.Random(seed)
    found = []
    for _ in range(count):
        good, bad = ([rng.choice([i for i in range(30) if i != 7]) for _ in range(rng.randint(4, 9))] for _ in "ab")
        good[rng.randrange(len(good))] = 7
        found.append(([*good, 33], [*bad, 33]))
    return found


def test_the_loss_is_bradley_and_terrys_of_each_text_alone() -> None:
    model, some = judge(), pairs(6)
    batch = Pairs(some, 6, 0, pad=39).rows(range(6))
    with torch.no_grad():
        scores = [[model.scores(torch.tensor([ids]))[0, -1] for ids in pair] for pair in some]
        wanted = torch.stack([good - bad for good, bad in scores])
        torch.testing.assert_close(margins(model, batch), wanted, atol=1e-5, rtol=0)
        torch.testing.assert_close(preference_loss(model, batch), -F.logsigmoid(wanted).mean(), atol=1e-6, rtol=0)


def test_without_an_opinion_the_loss_is_a_coins() -> None:
    model = judge(opinion=0.0)
    batch = Pairs(pairs(5), 5, 0, pad=39).rows(range(5))
    assert preference_loss(model, batch).item() == pytest.approx(0.693147, abs=1e-5)


@pytest.mark.parametrize("rows", [1, 2, 3, 7])
def test_no_split_into_microbatches_can_part_a_pair(rows: int) -> None:
    model, batch = judge(), Pairs(pairs(7), 7, 0, pad=39).rows(range(7))
    whole = preference_loss(model, batch)
    whole.backward()
    wanted = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    parts = [batch.rows(start, start + rows, torch.device("cpu")) for start in range(0, 7, rows)]
    total = 0.0
    for part in parts:
        loss = preference_loss(model, part)
        loss.backward()
        total += loss.item()
    assert total == pytest.approx(whole.item(), abs=1e-6)
    for name, gradient in wanted.items():
        torch.testing.assert_close(model.get_parameter(name).grad, gradient, atol=1e-6, rtol=1e-4)


def test_an_epoch_shows_every_pair_once_in_steps_of_about_the_same_size() -> None:
    for count, size in ((50, 8), (7, 8), (3, 8), (17, 4)):
        some = [([i, 33], [i, 34]) for i in range(count)]
        source = Pairs(some, size, seed=1, pad=39)
        for epoch in range(2):
            batches = [source.batch(epoch * source.steps_per_epoch + i) for i in range(source.steps_per_epoch)]
            seen = [int(batch.ids_BT[row, 0]) for batch in batches for row in range(len(batch.ids_BT))]
            assert sorted(seen) == list(range(count))
            sizes = [len(batch.ids_BT) for batch in batches]
            assert max(sizes) - min(sizes) <= 1
            assert max(sizes) <= 1.5 * size


def test_a_rule_is_learned_from_verdicts_alone(tmp_path: Path) -> None:
    model = judge(opinion=0.0)
    source = Pairs(pairs(400), 16, 0, pad=39)
    plan = LoopConfig(steps=75, optimizer=OptimizerConfig(muon_lr=0.02, embed_lr=0.01, head_lr=0.02))
    Loop(model, source, plan, LABEL, tmp_path, QUIET, objective=preference_loss).run("test")
    fresh = Pairs(pairs(200, seed=9), 200, 0, pad=39).rows(range(200))
    with torch.no_grad():
        assert (margins(model, fresh) > 0).float().mean() > 0.9


def test_a_conversation_ends_with_its_turn_and_no_text_can_end_it_earlier(byte_tokenizer: Tokenizer) -> None:
    end = byte_tokenizer.special["<|im_end|>"]
    for answer in ("Hello!", "", "I say <|im_end|> and go on", "two\nlines\n"):
        ids = conversation(byte_tokenizer, "Hi", answer)
        assert ids[-1] == end
        assert ids.count(end) == 2
        wanted = f"<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n{answer}<|im_end|>"
        assert byte_tokenizer.decode(ids) == wanted


def test_scores_do_not_depend_on_the_company(byte_tokenizer: Tokenizer) -> None:
    model = judge(byte_tokenizer.size)
    texts = [("Hi", "Hello!"), ("How are you?", "Well, thank you. " * 9), ("Hi", ""), ("", "So?")] * 30
    together = score_all(model, byte_tokenizer, texts)
    alone = [score_all(model, byte_tokenizer, [text])[0] for text in texts[:4]]
    assert together == pytest.approx(alone * 30, abs=1e-5)
    assert len(set(alone)) == 4
    assert score_all(model, byte_tokenizer, []) == []


def test_comparisons_become_rows(byte_tokenizer: Tokenizer) -> None:
    source = Pairs.of([Comparison("Hi", "Hello!", "What?", False)], byte_tokenizer, 4, 0)
    batch = source.batch(0)
    marked = batch.weights_BT[0].nonzero()[:, 0].tolist()
    assert batch.ids_BT[0, marked].tolist() == [byte_tokenizer.special["<|im_end|>"]] * 2
    assert batch.weights_BT[0, marked].tolist() == [1.0, -1.0]
