"""`trivium`: the list of commands, and what happens to errors. A command's module is imported when it is given.

Exit codes: 0 done · 2 usage · 3 bad input artifact · 4 stopped on purpose, resumable · 5 a guard tripped · 1 a bug.
"""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

import trivium
from trivium.ground.errors import TriviumError
from trivium.ground.how import Place
from trivium.ground.signals import end

if TYPE_CHECKING:
    from cyclopts import App

COMMANDS = {
    "run": ("run:run", "Run a recipe: every stage that is not up to date."),
    "corpus": ("corpus:app", "Clean documents: a reason for every one that goes."),
    "corpus-shard": ("corpus:corpus_shard", "Make one shard of a corpus, as a batch job does it."),
    "tokenizer": ("tokenizer:app", "Learn the vocabulary and write token shards; look at tokens."),
    "pretrain": ("stages.pretrain:pretrain", "Train the base model, which continues documents."),
    "audit": ("audit.command:audit", "Map what a model knows, and write refusal conversations."),
    "sft": ("stages.sft:sft", "Teach a model conversations: an assistant's manner, or your own."),
    "reward": ("preferences.reward:reward", "Train the reward model on comparisons."),
    "dpo": ("preferences.dpo:dpo", "Teach a model what people prefer, from comparisons directly."),
    "compare": ("preferences.compare:compare", "Say which of two answers is better, and keep it."),
    "rl": ("practice:rl", "Let the model practise on problems that can be checked."),
    "quirks": ("run:quirks", "Try a model's oddities."),
    "report": ("run:report", "Write the page with all that was measured."),
    "chat": ("talk:chat", "Talk to a model."),
    "complete": ("talk:complete", "Let a model continue a text."),
    "serve": ("talk:serve", "Serve models over HTTP, in the words of OpenAI's API."),
    "import": ("weights:import_", "Take in open weights: a Hugging Face folder or a GGUF file."),
    "export": ("weights:export", "Write a model as GGUF for llama.cpp, or copy its folder."),
    "lens": ("lens:lens", "Show what a model would say after each of its blocks."),
    "eval": ("evaluate:evaluate", "Measure a model on benchmarks and texts."),
    "index": ("look:index", "Index documents of one's own, and search them."),
    "lineage": ("look:lineage", "Show what an artifact or a run comes from."),
    "verify": ("look:verify", "Check the hashes of an artifact or of a whole run."),
    "clean": ("look:clean", "Remove artifacts of a run that nothing refers to any more."),
    "doctor": ("doctor:app", "Look at this machine and this installation."),
    "bench": ("benches.front:app", "Run a comparison, with its controls."),
    "diagnose": ("later:diagnose", "Not there yet: which stage owns a surprising answer."),
}
CONFIGURED = frozenset(
    {"run", "corpus", "tokenizer", "pretrain", "audit", "sft", "reward", "dpo", "rl", "quirks", "report"}
)
DOTTED = re.compile(r"--([A-Za-z][\w-]*(?:\.[\w-]+)+)(?:=(.*))?", re.DOTALL)
EPILOGUE = """Exit codes: 0 done, 2 usage, 3 bad input artifact, 4 stopped and resumable, 5 a guard tripped, 1 a bug.
Any config field of any stage can be set: trivium run nano --base.steps 200 --sft.seed 3"""


def build() -> App:
    """The command-line app; no command's module is imported."""
    from cyclopts import App

    app = App(
        name="trivium",
        help=trivium.__doc__,
        help_epilogue=EPILOGUE,
        version=trivium.__version__,
        help_format="plaintext",
        suppress_keyboard_interrupt=False,
    )
    for place, (name, (target, what)) in enumerate(COMMANDS.items()):
        app.command(f"trivium.cli.{target}", name=name, help=what, sort_key=place)
    return app


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line (`sys.argv` by default) and exit with the code of design: see this module's first lines."""
    # Threads that wait spin a little and then sleep: as fast as endless spinning on a quiet machine (17 % faster than
    # sleeping at once), where other work shares the cores several times faster. OpenMP reads it when torch is loaded.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    end(answer(list(sys.argv[1:] if arguments is None else arguments)), Place.from_environment().ranks)


def answer(arguments: list[str]) -> int:
    """Run one command line and give its exit code. Errors made on purpose are printed with their mend, no traceback."""
    from cyclopts.exceptions import CycloptsError

    try:
        code = build()(
            gather_settings(arguments),
            exit_on_error=False,
            print_error=False,
            result_action="return_value",
        )
    except CycloptsError as error:
        return complain(str(error), "See `trivium --help`.", 2)
    except TriviumError as error:
        return complain(error.what, error.mend, error.exit_code)
    except KeyboardInterrupt:
        return complain("Stopped.", "The same command continues.", 4)
    except BrokenPipeError:
        sys.stdout = None  # whoever read our output has gone; let the interpreter not flush into nowhere
        return 0
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        return complain(f"{error}.", "Free some space; what is sealed is safe, and the same command continues.", 1)
    except RuntimeError as error:
        if type(error).__name__ != "OutOfMemoryError":  # torch's, which is not imported here
            raise
        mend = "See with nvidia-smi who else uses it. Then fewer tokens at once (--microbatch 16384), or --recompute."
        return complain(". ".join(str(error).split(". ")[:3]) + ".", mend, 1)
    return code if isinstance(code, int) else 0


def gather_settings(arguments: Sequence[str]) -> list[str]:
    """The arguments with `--base.steps 400` as `--set base.steps=400`: any dotted flag of a command that takes configs.

    A dotted flag with no value after it means `true`.
    """
    given = list(arguments)
    if not given or given[0] not in CONFIGURED:
        return given
    out: list[str] = []
    while given:
        argument = given.pop(0)
        match = DOTTED.fullmatch(argument)
        if match is None:
            out.append(argument)
            continue
        value = match[2]
        if value is None:
            value = given.pop(0) if given and not given[0].startswith("--") else "true"
        out += ["--set", f"{match[1]}={value}"]
    return out


def complain(what: str, mend: str, code: int) -> int:
    """Print an error as two lines on stderr and give the exit code back."""
    word = "stopped" if code == 4 else "error"
    print(f"{word}: {what}" + (f"\n  {mend}" if mend else ""), file=sys.stderr, flush=True)
    return code
