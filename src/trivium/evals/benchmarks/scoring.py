"""Log-likelihoods of continuations, many at a time, each context read once.

Choices that share a context share its keys and values; contexts that begin alike (the shots of a task) share their
beginning too; a choice of one token costs no further step. Batches hold contexts of similar length, the longest first.
Text becomes tokens as lm-eval does it: blanks at a context's end move to the continuation, both are encoded as one
text, and what the context alone would not have is the continuation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from trivium.ground.progress import Progress
from trivium.model.cache import Cache
from trivium.model.transformer import Transformer
from trivium.text.tokenizer import Tokenizer

Ids = tuple[int, ...]
CHUNK = 1024
ALIKE = 64
"""Contexts that share at least so many tokens, and half of theirs, are read from where they part."""


@dataclass(frozen=True)
class Likelihood:
    """How likely a continuation is."""

    nats: float
    """Its log-probability."""
    greedy: bool
    """Whether each of its tokens is the likeliest one."""
    tokens: int


@dataclass
class _Context:
    """A context with the continuations that are asked after it."""

    ids: Ids
    asked: list[tuple[int, Ids]] = field(default_factory=list)
    """(number of the request, its ids)."""


class Scorer:
    """A model and its tokenizer, ready to say how likely continuations are."""

    def __init__(
        self, model: Transformer, tokenizer: Tokenizer, budget: int = 1 << 14, longest: int | None = None
    ) -> None:
        """`budget`: tokens in a batch, padding included. `longest`: the longest row; the model's own by default."""
        self.model, self.tokenizer, self.budget = model, tokenizer, budget
        self.longest = longest or model.config.max_position_embeddings
        self.cut = 0
        """How many continuations so far had a context too long for the model, cut from the left."""
        self.read = 0
        """Tokens read so far, padding not counted."""

    def split(self, context: str, continuation: str) -> tuple[Ids, Ids]:
        """Ids of context and continuation. After an empty context the end of a text stands before the continuation."""
        if not context:
            return (self.tokenizer.end_of_text,), tuple(self.tokenizer.encode(continuation))
        bare = context.rstrip()
        continuation = context[len(bare) :] + continuation
        whole, before = self.tokenizer.encode(bare + continuation), self.tokenizer.encode(bare)
        if not before:
            return (self.tokenizer.end_of_text,), tuple(whole)
        return tuple(before), tuple(whole[len(before) :])

    def score(self, pairs: Sequence[tuple[str, str]], bar: Progress | None = None) -> list[Likelihood]:
        """One likelihood for each (context, continuation), in order. `bar` advances by a request at a time."""
        return self.score_ids([self.split(*pair) for pair in pairs], bar)

    @torch.no_grad()
    def score_ids(self, pairs: Sequence[tuple[Ids, Ids]], bar: Progress | None = None) -> list[Likelihood]:
        """The same for ids. An empty continuation is certain."""
        found = [Likelihood(0.0, True, 0)] * len(pairs)
        contexts: dict[Ids, _Context] = {}
        for number, (context, continuation) in enumerate(pairs):
            before, after = self._fit(context, continuation)
            if after:
                contexts.setdefault(before, _Context(before)).asked.append((number, after))
        for batch in batches(list(contexts.values()), self.budget):
            for number, likelihood in self._read(batch):
                found[number] = likelihood
            if bar is not None:
                bar.advance(sum(len(context.asked) for context in batch))
        return found

    def _fit(self, context: Ids, continuation: Ids) -> tuple[Ids, Ids]:
        """Both, cut from the left so that all but the last token fit into the model's longest row."""
        if len(context) + len(continuation) <= self.longest + 1:
            return context, continuation
        self.cut += 1
        kept = continuation[-self.longest :]
        before = (context + continuation)[: -len(kept)]
        return before[-(self.longest + 1 - len(kept)) :], kept

    def _read(self, batch: list[_Context]) -> Iterator[tuple[int, Likelihood]]:
        """The likelihoods of a batch's requests."""
        rows = [(row, number, ids) for row, context in enumerate(batch) for number, ids in context.asked]
        longest = max(len(context.ids) for context in batch)
        more = max(len(ids) for _, _, ids in rows) - 1
        shared = common(batch) if len(batch) > 1 else 0
        shared = shared if shared >= ALIKE else 0
        cache = self._cache(1 if shared else len(batch), longest + more) if more or shared else None
        if shared:
            self._forward([batch[0].ids[:shared]], 0, cache)
            assert cache is not None
            cache.keep(torch.zeros(len(batch), dtype=torch.long, device=self.model.device))
        hidden_PTD = self._forward([context.ids[shared:] for context in batch], shared, cache)
        last = torch.tensor([len(context.ids) - shared - 1 for context in batch], device=hidden_PTD.device)
        last_PD = hidden_PTD[torch.arange(len(batch), device=last.device), last]
        places = torch.tensor([row for row, _, _ in rows], device=last.device)
        nats, sure = self._judge(last_PD[places], [ids[0] for _, _, ids in rows])
        long = [i for i, (_, _, ids) in enumerate(rows) if len(ids) > 1]
        if long:
            assert cache is not None
            cache.keep(places[torch.tensor(long, device=last.device)])
            starts = [len(batch[rows[i][0]].ids) for i in long]
            hidden_RTD = self._forward([rows[i][2][:-1] for i in long], starts, cache)
            kept_ND = torch.cat([hidden_RTD[r, : len(rows[i][2]) - 1] for r, i in enumerate(long)])
            nats_N, sure_N = self._judge(kept_ND, [target for i in long for target in rows[i][2][1:]])
            at = 0
            for i in long:
                end = at + len(rows[i][2]) - 1
                nats[i] += sum(nats_N[at:end])
                sure[i] = sure[i] and all(sure_N[at:end])
                at = end
        for i, (_, number, ids) in enumerate(rows):
            yield number, Likelihood(nats[i], sure[i], len(ids))

    def _cache(self, rows: int, slots: int) -> Cache:
        return Cache(self.model.config, rows, slots, self.model.compute_dtype, self.model.device)

    def _forward(self, rows: list[Ids], starts: int | list[int], cache: Cache | None) -> Tensor:
        """Read rows that begin at these positions, padded on the right, `(R, T, D)`."""
        longest = max(map(len, rows))
        self.read += sum(map(len, rows))
        device = self.model.device
        ids_RT = torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows], device=device)
        first_R = torch.tensor(starts if isinstance(starts, list) else [starts] * len(rows), device=device)
        positions_RT = first_R[:, None] + torch.arange(longest, device=device)
        if cache is None:
            return self.model(ids_RT)
        return self.model(ids_RT, positions_RT, cache=cache)

    def _judge(self, hidden_ND: Tensor, targets: list[int]) -> tuple[list[float], list[bool]]:
        """For each place the target's log-probability, and whether it is the likeliest token."""
        nats: list[float] = []
        sure: list[bool] = []
        for start in range(0, len(targets), CHUNK):
            logits_NV = self.model.logits(hidden_ND[start : start + CHUNK])
            target_N = torch.tensor(targets[start : start + CHUNK], device=logits_NV.device)
            logprobs_NV = torch.log_softmax(logits_NV, -1)
            nats += logprobs_NV.gather(1, target_N[:, None])[:, 0].tolist()
            sure += (logits_NV.argmax(-1) == target_N).tolist()
        return nats, sure


def common(batch: Sequence[_Context]) -> int:
    """How many tokens all contexts begin with, leaving at least one of each to be read."""
    low, high = min(context.ids for context in batch), max(context.ids for context in batch)
    return min(_alike(low, high), min(len(context.ids) for context in batch) - 1)


def batches(contexts: list[_Context], budget: int) -> Iterator[list[_Context]]:
    """The contexts in batches within the budget of tokens: families first, then all others, the longest first."""
    families, others = _families(contexts)
    for family in [*families, others]:
        family.sort(key=lambda context: -_size(context))
        batch: list[_Context] = []
        cells = rows = 0
        for context in family:
            rows += len(context.asked)
            cells = max(cells, _size(context))
            if batch and rows * cells > budget:
                yield batch
                batch, rows, cells = [], len(context.asked), _size(context)
            batch.append(context)
        if batch:
            yield batch


def _families(contexts: list[_Context]) -> tuple[list[list[_Context]], list[_Context]]:
    """Contexts that begin alike, four of them or more, and the others."""
    families, others = [], []
    run: list[_Context] = []
    for context in [*sorted(contexts, key=lambda context: context.ids), None]:
        if context is not None and run:
            alike = _alike(run[0].ids, context.ids)
            if alike >= ALIKE and 2 * alike >= max(len(run[0].ids), len(context.ids)):
                run.append(context)
                continue
        if len(run) >= 4:
            families.append(run)
        else:
            others += run
        run = [context] if context is not None else []
    return families, others


def _alike(one: Ids, other: Ids) -> int:
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _size(context: _Context) -> int:
    return len(context.ids) + max(len(ids) for _, ids in context.asked)
