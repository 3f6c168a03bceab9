"""`trivium rl MODEL --reward-model`: practice of any chat model with a reward model, on prompts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from trivium.cli.preferences.reward import settled
from trivium.cli.run import TrainingManner
from trivium.ground.artifact import Artifact, open_artifact
from trivium.journey.record import JOURNEY, open_node


def with_judge(
    start: Artifact, reward_model: Path, asked: list[Any], settings: tuple[str, ...], seed: int, out: Path,
    manner: TrainingManner,
) -> int:  # fmt: skip
    """Practise what the judge likes, and print score, distance and length before and after. The exit code."""
    from trivium.stages.rl.judged.run import JudgedConfig, run

    judge = (
        open_node(reward_model, "reward", "reward")
        if (reward_model / JOURNEY).is_file()
        else open_artifact(reward_model, "reward")
    )
    config = settled(JudgedConfig(seed=seed), "judged", settings)
    told = run(config, {"model": start, "reward": judge}, asked, out, manner.how()).json("evals.json")
    if manner.json:
        print(json.dumps(told, indent=1, ensure_ascii=False))
        return 0
    for name, figures in told.items():
        distance = figures["kl"]
        print(f"{name:<7} score {figures['score']:+.3f}  distance {distance['value']:.2f} "
              f"[{distance['low']:.2f}, {distance['high']:.2f}] nats  {figures['answer_tokens']['value']:.1f} tokens  "
              f"distinct pairs of words {100 * figures['distinct_2']:.0f} %")  # fmt: skip
    print(f"→ {out}   (trivium chat {out})")
    return 0
