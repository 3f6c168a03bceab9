"""Log-likelihoods: whatever is shared, batched or cut, they are those of a plain forward, ours and transformers'."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trivium.evals.benchmarks.scoring import Likelihood, Scorer, _Context, batches
from trivium.model.transformer import Transformer
from trivium.text.tokenizer import Tokenizer


def pairs() -> list[tuple[str, str]]:
    random = Random(0)
    shots = "Question: what stands here and stands here again?\nAnswer: nothing at all, it is only long.\n\n" * 2
    found = [("", "alone"), ("trailing  ", "blank"), ("x", "")]
    for i in range(12):
        context = "".join(random.choice("abcdefg ") for _ in range(random.randrange(1, 40))) + "."
        found += [(context, " " + "yes no maybe".split()[k]) for k in range(3)]
        found += [(f"{shots}{i}{context}", letter) for letter in (" A", "B", " Cat")]
    random.shuffle(found)
    return found


def plain(model: Transformer, context: tuple[int, ...], continuation: tuple[int, ...], longest: int) -> Likelihood:
    """One forward for one request, as lm-eval cuts it."""
    whole = torch.tensor([(context + continuation)[-(longest + 1) :]])
    logprobs = torch.log_softmax(model.logits(model(whole[:, :-1]))[0], -1)[-len(continuation) :]
    targets = whole[0, -len(continuation) :]
    nats = logprobs.gather(1, targets[:, None]).sum().item()
    return Likelihood(nats, bool((logprobs.argmax(-1) == targets).all()), len(continuation))


@torch.no_grad()
@pytest.mark.parametrize("budget", [1, 300, 1 << 14])
@pytest.mark.parametrize("longest", [512, 60])
def test_sharing_changes_nothing(lively: Transformer, byte_tokenizer: Tokenizer, budget: int, longest: int) -> None:
    scorer = Scorer(lively, byte_tokenizer, budget, longest)
    asked = pairs()
    found = scorer.score(asked)
    cut = 0
    for pair, one in zip(asked, found, strict=True):
        context, continuation = scorer.split(*pair)
        if not continuation:
            assert one == Likelihood(0.0, True, 0)
            continue
        wanted = plain(lively, context, continuation, longest)
        assert one.nats == pytest.approx(wanted.nats, abs=2e-4)
        assert (one.greedy, one.tokens) == (wanted.greedy, wanted.tokens)
        cut += len(context) + len(continuation) > longest + 1
    assert scorer.cut == cut
    assert (cut > 0) == (longest == 60)


def test_shared_beginnings_are_read_once(lively: Transformer, byte_tokenizer: Tokenizer) -> None:
    scorer = Scorer(lively, byte_tokenizer)
    scorer.score([("s" * 200 + str(i), " A") for i in range(8)])
    assert scorer.read < 200 + 8 * 10
    scorer = Scorer(lively, byte_tokenizer)
    scorer.score([("one context", letter) for letter in "ABCD"])
    assert scorer.read == len("one context")


def test_the_greedy_continuation_is_known_as_such(lively: Transformer, byte_tokenizer: Tokenizer) -> None:
    scorer = Scorer(lively, byte_tokenizer)
    context = tuple(byte_tokenizer.encode("The"))
    ids = context
    for _ in range(3):
        ids += (int(lively.logits(lively(torch.tensor([ids])))[0, -1].argmax()),)
    right = ids[len(context) :]
    wrong = (*right[:-1], (right[-1] + 1) % 256)
    assert [found.greedy for found in scorer.score_ids([(context, right), (context, wrong)])] == [True, False]


def test_a_continuation_longer_than_the_model_keeps_its_end(lively: Transformer, byte_tokenizer: Tokenizer) -> None:
    scorer = Scorer(lively, byte_tokenizer, longest=8)
    (found,) = scorer.score([("abc", "0123456789")])
    assert found.tokens == 8
    wanted = plain(lively, tuple(b"1"), tuple(byte_tokenizer.encode("23456789")), 8)
    assert found.nats == pytest.approx(wanted.nats, abs=1e-4)


def test_blanks_move_to_the_continuation(lively: Transformer, byte_tokenizer: Tokenizer) -> None:
    scorer = Scorer(lively, byte_tokenizer)
    assert scorer.split("a b ", "c") == (tuple(b"a b"), tuple(b" c"))
    assert scorer.split("", "c") == ((byte_tokenizer.end_of_text,), tuple(b"c"))
    assert scorer.split("  ", "c") == ((byte_tokenizer.end_of_text,), tuple(b"  c"))


@given(
    st.lists(st.lists(st.integers(0, 1), min_size=1, max_size=90).map(tuple), unique=True, max_size=30),
    st.integers(1, 500),
)
def test_batches_hold_each_context_once_within_the_budget(contexts: list[tuple[int, ...]], budget: int) -> None:
    made = [_Context(ids, [(0, (1,)), (1, (1, 0))]) for ids in contexts]
    found = list(batches(made, budget))
    assert sorted(one.ids for batch in found for one in batch) == sorted(contexts)
    for batch in found:
        cells = max(len(one.ids) + 2 for one in batch) * sum(len(one.asked) for one in batch)
        assert len(batch) == 1 or cells <= budget


def test_transformers_finds_the_same(model_folders: list[Path], byte_tokenizer: Tokenizer, lively: Transformer) -> None:
    transformers = pytest.importorskip("transformers")
    theirs = transformers.AutoModelForCausalLM.from_pretrained(model_folders[0], dtype=torch.float32)
    tokenizer = transformers.AutoTokenizer.from_pretrained(model_folders[0])
    scorer = Scorer(lively, byte_tokenizer)
    for (context, continuation), found in zip(pairs(), scorer.score(pairs()), strict=True):
        if not context or not continuation:
            continue
        before = len(tokenizer.encode(context.rstrip()))
        whole = torch.tensor([tokenizer.encode(context + continuation)])
        with torch.no_grad():
            logprobs = torch.log_softmax(theirs(whole).logits[0, :-1].float(), -1)
        wanted = logprobs[before - 1 :].gather(1, whole[0, before:, None]).sum().item()
        assert found.nats == pytest.approx(wanted, abs=2e-4)
