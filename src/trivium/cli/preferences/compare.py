"""`trivium compare`: two answers in the terminal, and which is better; agreement between two people."""

from __future__ import annotations

import getpass
import json as json_module
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from trivium.cli.preferences.reward import FILES
from trivium.cli.talk import printable
from trivium.ground.errors import UsageError
from trivium.journey.record import resolve

if TYPE_CHECKING:
    from trivium.stages.reward.collecting import Ledger, Question

KEYS = {"l": "left", "r": "right", "t": "tie", "s": "skip", "1": "left", "2": "right", "=": "tie"}
ASK = "[l]eft, [r]ight, [t]ie, [s]kip or [q]uit? "
FLAG = Parameter(negative=())


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Drawing:
    """Whose answers are shown, and how they are drawn."""

    stage: str | None = None
    """Which of a run's models; the last one by default."""
    against: Path | None = None
    """Another model, with the same vocabulary, that gives the second answers."""
    against_stage: str | None = None
    """Which of that run's models."""
    prompts: Path | None = None
    """A file of prompts, one a line, or JSON lines with a prompt; everyday ones by default."""
    count: int = 100
    """How many comparisons."""
    seed: int = 0
    """Decides prompts and answers: the same seed asks a second person the same."""
    temperature: float = 1.0
    """Of the answers."""
    max_new: int = 128
    """Longest answer, in tokens."""
    device: str = "auto"
    """auto, cpu, cuda or mps."""


def compare(
    model: Path | None = None,
    /,
    *,
    out: Path = Path("comparisons.jsonl"),
    who: str = "",
    again: Path | None = None,
    agreement: FILES = (),
    json: Annotated[bool, FLAG] = False,
    drawing: Drawing = Drawing(),
) -> int:
    """Show two answers, take which is better, and write it down at once; the same command goes on where you stopped.

    trivium compare runs/nano · trivium compare --again comparisons.jsonl --out mine.jsonl ·
    trivium compare --agreement one.jsonl other.jsonl

    Parameters
    ----------
    model
        A run folder, or a sealed model folder, whose answers are compared.
    out
        The file of comparisons, to which lines are added.
    who
        Who judges; the login name by default.
    again
        A file of somebody else's comparisons: the same questions, without the verdicts.
    agreement
        Two files: how far two people agree (Cohen's kappa), and nothing is asked.
    json
        Print the agreement as JSON.
    drawing
        Whose answers are shown.
    """
    if agreement:
        return show_agreement(agreement, json)
    from trivium.ground.log import read_jsonl
    from trivium.stages.reward import collecting

    if again is None and model is None:
        raise UsageError("Whose answers are to be compared?", "`trivium compare MODEL`, or --again FILE.")
    questions = (
        drawn(model, drawing) if again is None and model is not None else collecting.again(read_jsonl(again or out))
    )
    ledger = collecting.Ledger(out, who or getpass.getuser())
    try:
        taken = ask_all(ledger, questions, _typed)
    finally:
        ledger.close()
    print(f"{taken:,} more, {len(ledger.done):,} by {ledger.who} in all → {out}")
    return 0


def drawn(model: Path, drawing: Drawing) -> list[Question]:
    """The questions, with the answers of one model or of two. Raises UsageError for two vocabularies."""
    from trivium.generate.engine import Engine
    from trivium.ground.how import How
    from trivium.model.device import pick_dtype, settle
    from trivium.model.folder import load_model
    from trivium.stages.reward.collecting import draw_questions
    from trivium.text.tokenizer import Tokenizer

    models = [resolve(model, drawing.stage)]
    if drawing.against is not None or drawing.against_stage is not None:
        models.append(resolve(drawing.against or model, drawing.against_stage))
    place = settle(How(device=drawing.device))
    tokenizers = [Tokenizer.open(one.path) for one in models]
    if len({tokenizer.fingerprint for tokenizer in tokenizers}) > 1:
        raise UsageError("The two models have different vocabularies.", "Compare models of one family.")
    engines = [(one.id, Engine(load_model(one.path, place, pick_dtype(place)))) for one in models]
    asked = asked_prompts(drawing.prompts, drawing.count, drawing.seed)
    return draw_questions(engines, tokenizers[0], asked, drawing.seed, drawing.temperature, drawing.max_new)


def asked_prompts(path: Path | None, count: int, seed: int) -> list[list[dict[str, str]]]:
    """The prompts as conversations: everyday ones, or those of a file (lines, or JSON lines). Raises UsageError."""
    if path is None:
        from trivium.town.conversations import prompts

        return [[{"role": "user", "content": text}] for text in prompts(count, seed)]
    try:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        rows = [json_module.loads(line)["prompt"] if path.suffix in (".jsonl", ".ndjson") else line for line in lines]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{path} cannot be read as prompts: {error!r}.", "One a line, or JSON with a prompt."
        ) from error
    return [[{"role": "user", "content": row}] if isinstance(row, str) else row for row in rows[:count]]


def ask_all(ledger: Ledger, questions: Sequence[Question], typed: Callable[[str], str | None]) -> int:
    """Ask until all is answered, or somebody says quit or goes away; how many verdicts were taken.

    `typed` shows its argument and gives what was typed, None at the end of the input.
    """
    waiting = list(ledger.open(questions))
    for number, question in enumerate(waiting):
        sides = (question.second, question.first) if question.swapped(ledger.who) else (question.first, question.second)
        _show(f"\n── {number + 1} of {len(waiting)} " + "─" * 40)
        for message in question.prompt:
            _show(f"{message['role']}: {message['content']}")
        for name, side in zip(("left", "right"), sides, strict=True):
            _show(f"\n[{name}]\n{side.text}")
        while True:
            said = typed("\n" + ASK)
            word = "q" if said is None else said.strip().lower()[:1]
            if word == "q":
                return number
            if word in KEYS:
                break
        ledger.take(question, KEYS[word])
    return len(waiting)


def show_agreement(files: Sequence[Path], as_json: bool) -> int:
    """Print how far two files' people agree. Raises UsageError for other than two files or none in common."""
    from trivium.evals.preferences.agreement import VERDICTS, agreement, verdicts
    from trivium.ground.log import read_jsonl

    if len(files) != 2:
        raise UsageError(f"{len(files)} files are given.", "Agreement is between two: --agreement A.jsonl B.jsonl.")
    for path in files:
        if not path.is_file():
            raise UsageError(f"{path} is not there.", "Give a file that `trivium compare` wrote.")
    one, other = (verdicts(list(read_jsonl(path))) for path in files)
    found = agreement(one, other)
    if not found["both"]:
        raise UsageError("The two files have no comparison in common.", "Ask the second person with --again.")
    if as_json:
        print(json_module.dumps(found, indent=1))
        return 0
    kappa, agreed = found["kappa"], found["agreed"]
    ends = "" if kappa["low"] is None else f" [{kappa['low']:+.2f}, {kappa['high']:+.2f}]"
    print(f"{found['both']:,} judged by both ({found['only_one']:,} and {found['only_other']:,} by one alone)")
    print(f"agreed  {100 * agreed['value']:.1f} % [{100 * agreed['low']:.1f}, {100 * agreed['high']:.1f}]")
    print(f"kappa   {'undefined' if kappa['value'] is None else format(kappa['value'], '+.2f')}{ends}")
    print("        " + "".join(f"{name:>8}" for name in VERDICTS))
    for name, counts in zip(VERDICTS, found["table"], strict=True):
        print(f"{name:<8}" + "".join(f"{count:>8,}" for count in counts))
    return 0


def _show(text: str) -> None:
    print(printable(text))


def _typed(question: str) -> str | None:
    print(question, end="", flush=True)
    line = sys.stdin.readline()
    return line if line else None
