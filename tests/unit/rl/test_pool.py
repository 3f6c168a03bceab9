"""The pool: bounded, kept by rate, back from its state as it was."""

from __future__ import annotations

import json

import pytest

from trivium.ground.errors import ConfigError
from trivium.stages.rl.config import PoolConfig
from trivium.stages.rl.pool import Pool, tasks_of
from trivium.tasks.registry import generate


def test_without_a_share_all_problems_are_new_and_none_is_kept() -> None:
    pool = Pool(PoolConfig(), [("addition", 2)], seed=3)
    problems = pool.draw(4, 16)
    assert problems == generate("addition", 2, 16, 3 + 100_003 * 5)
    pool.tell(4, [(problem, 0.5) for problem in problems])
    assert len(pool) == 0


def test_half_solved_problems_come_again_and_leave_when_solved() -> None:
    pool = Pool(PoolConfig(share=0.5, rest=0), [("addition", 3)], seed=0)
    first = pool.draw(0, 8)
    pool.tell(0, [(problem, rate) for problem, rate in zip(first, [0, 0.5, 1, 0.25, 0, 1, 0.75, 1], strict=True)])
    assert (len(pool), pool.solved, pool.hopeless) == (3, 3, 2)
    again = pool.draw(1, 8)
    kept = {first[place].question for place in (1, 3, 6)}
    assert {problem.question for problem in again[:3]} == kept
    pool.tell(1, [(problem, 1.0) for problem in again])
    assert len(pool) == 0


def test_a_problem_rests_and_the_pool_is_bounded() -> None:
    pool = Pool(PoolConfig(share=1.0, rest=2, size=4), [("addition", 3)], seed=0)
    problems = pool.draw(0, 8)
    pool.tell(0, [(problem, 0.5) for problem in problems])
    assert len(pool) == 4
    assert not {p.question for p in pool.draw(2, 8)} & {p.question for p in problems}
    assert {p.question for p in pool.draw(3, 4)} == {p.question for p in problems[4:]}


def test_the_state_is_all_there_is() -> None:
    pool = Pool(PoolConfig(share=0.5, rest=0), [("addition", 3), ("reversal", 2)], seed=0)
    pool.tell(0, [(problem, 0.5) for problem in pool.draw(0, 8)])
    other = Pool(PoolConfig(share=0.5, rest=0), [("addition", 3), ("reversal", 2)], seed=0)
    other.restore(json.loads(json.dumps(pool.state())))
    assert other.draw(1, 8) == pool.draw(1, 8)
    assert other.state() == pool.state()


def test_several_tasks_share_a_round() -> None:
    pool = Pool(PoolConfig(), [("addition", 2), ("reversal", 2), ("counting", 2)], seed=0)
    counts = [sum(p.task == "addition" for p in pool.draw(number, 16)) for number in range(3)]
    assert sorted(counts) == [5, 5, 6]
    assert all(len(pool.draw(number, 16)) == 16 for number in range(3))


def test_names_of_tasks() -> None:
    assert tasks_of(["addition:4", "tally"]) == [("addition", 4), ("tally", 1)]
    for wrong in ("adition", "addition:", "addition:x"):
        with pytest.raises(ConfigError):
            tasks_of([wrong])
