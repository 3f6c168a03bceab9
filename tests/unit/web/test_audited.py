"""The audit over HTTP, asked of our own server: base and chat, with log-probabilities, every wish answered once."""

from __future__ import annotations

import pytest

from trivium.evals.knowledge.asking import Asking, Said, Shots, wishes_of
from trivium.evals.knowledge.probe import Probe
from trivium.evals.knowledge.remote import Remote, Server
from trivium.ground.how import How


@pytest.mark.parametrize("chat", [True, False])
def test_our_server_answers_an_audit(tiny, chat):
    remote = Remote(Server(url=f"http://127.0.0.1:{tiny.port}/v1", chat=chat, parallel=4), How(progress=False))
    probes = [Probe(f"p{i}", f"Where is {i}?", ("here",)) for i in range(3)]
    asking = Asking(samples=2, draws=1, shots=0, plain=1, known_tokens=4, plain_tokens=4)
    wishes = wishes_of(probes, Shots([], asking), asking, chat)
    told: list[tuple[str, Said]] = []
    remote.say(wishes, lambda key, said: told.append((key, said)))
    assert sorted(key for key, _ in told) == sorted(wish.key for wish in wishes)
    assert all(said.logprob is not None and said.logprob <= 0 and said.tokens <= 4 for _, said in told)
