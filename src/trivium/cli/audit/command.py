"""`trivium audit`: of any model (with one named), or as a stage of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from trivium.cli.audit.options import PATHS, Elsewhere, Questions
from trivium.cli.evaluate import model_folder
from trivium.cli.outcome import table
from trivium.cli.run import SETTINGS, TrainingManner, stage_command
from trivium.ground.artifact import MANIFEST, open_artifact
from trivium.ground.config import digest
from trivium.ground.errors import UsageError
from trivium.ground.how import How
from trivium.ground.signals import listening
from trivium.journey.record import JOURNEY, open_node, read_record

if TYPE_CHECKING:
    from trivium.evals.knowledge.remote import Remote
    from trivium.stages.audit.bank import Sources

of_a_run = stage_command("audit", "audit-base")


def audit(
    model: str | None = None,
    /,
    *,
    stage: str | None = None,
    out: Path | None = None,
    base: Path | None = None,
    against: PATHS = (),
    asked: Questions = Questions(),
    elsewhere: Elsewhere = Elsewhere(),
    from_: Annotated[Path, Parameter(name="--from")] = Path("runs/nano"),
    node: str = "audit-base",
    recipe: str | None = None,
    seed: int | None = None,
    set: SETTINGS = (),
    manner: TrainingManner = TrainingManner(),
) -> int:
    """Map what a model knows, and write refusal conversations. Without MODEL: the audit stage of a run.

    Parameters
    ----------
    model
        A model's folder or a run; with --url a name for the model behind it.
    stage
        Which of a run's models: base, sft, rl, …; base by default.
    out
        The audit's folder; runs/audit/<model> by default.
    base
        An earlier audit of the same questions (its --out): what counts as known is read from it.
    against
        Other earlier audits, to be shown beside.
    asked
        What is asked.
    elsewhere
        Servers, where any are asked.
    from_
        Without MODEL: the run folder. Its recipe, seed and settings are used again.
    node
        Without MODEL: which of the stage's nodes to run.
    recipe
        Without MODEL: the recipe, where the folder does not know one; nano by default.
    seed
        Decides what is drawn; without MODEL another seed than the folder's.
    set
        Without MODEL: a config field, as <stage>.<field>=<value>.
    manner
        How it is carried out.
    """
    if model is None and not elsewhere.url:
        if asked != Questions() or base or against or stage or out:
            raise UsageError("No model is named.", "trivium audit MODEL …, or --url URL; a run's stage has --from.")
        return of_a_run(from_=from_, node=node, recipe=recipe, seed=seed, set=set, manner=manner)
    how = manner.how()
    with listening(how.stop):
        return of_model(model or "server", stage, out, base, against, asked, elsewhere, seed or 0, how)


def of_model(
    model: str, stage: str | None, out: Path | None, base: Path | None, against: tuple[Path, ...], asked: Questions,
    elsewhere: Elsewhere, seed: int, how: How,
) -> int:  # fmt: skip
    """Audit a model, or the one behind a URL. Gives the exit code 0."""
    from trivium.stages.audit.bank import gather
    from trivium.stages.audit.sitting import Audited, is_there, label_of, read_other, sit

    config = asked.config(seed, elsewhere.written)
    remote = remote_of(elsewhere.url, elsewhere.url_model, elsewhere.parallel, asked.mode != "base", how)
    folder = model_folder(Path(model), stage) if remote is None else None
    first = read_other(base) if base is not None else None
    others = [read_other(path) for path in against]
    bank = gather(config, sources_of(asked, elsewhere, folder, how), how)
    if folder is not None:
        id = open_artifact(folder).id if (folder / MANIFEST).is_file() else digest([str(folder.resolve())])
        who = Audited(folder.name, id)
    else:
        assert remote is not None
        who = Audited(model if model != "server" else remote.model, digest([elsewhere.url, remote.model]))
    place = out or Path("runs/audit") / Path(who.name).name
    if is_there(place, label_of(config, who, bank.asked, first)):
        print(f"Everything is up to date; {place}")
        return 0
    if folder is not None:
        from trivium.stages.audit.speaker import speaker_of

        artifact = sit(config, who, speaker_of(folder, config.mode, how), bank, place, how, first, others)
    else:
        assert remote is not None
        artifact = sit(config, who, remote, bank, place, how, first, others)
    print("\n".join([*told(artifact.json("summary.json")), "", f"Map, figures, conversations and a page: {place}"]))
    return 0


def remote_of(url: str, model: str, parallel: int, chat: bool, how: How) -> Remote | None:
    """A server as a speaker; None without a URL."""
    if not url:
        return None
    from trivium.evals.knowledge.remote import Remote, Server

    return Remote(Server(url=url, model=model, parallel=parallel, chat=chat), how)


def sources_of(asked: Questions, elsewhere: Elsewhere, folder: Path | None, how: How) -> Sources:
    """Where the questions come from. Raises UsageError for people without a run."""
    from trivium.stages.audit.bank import Sources

    corpus = tuple(open_node(path, "selected").path if (path / JOURNEY).is_file() else path for path in asked.corpus)
    for path in (*corpus, *asked.probes):
        if not path.exists():
            raise UsageError(f"{path} is not there.", "Give a file or folder that is.")
    writer = remote_of(elsewhere.writer_url, elsewhere.writer_model, 1, True, how)
    if elsewhere.written and (writer is None or not corpus):
        raise UsageError(
            f"Who should write {elsewhere.written} questions, and from what?", "Give --writer-url, --corpus."
        )
    given: dict[str, Any] = {"corpus": corpus, "files": tuple(asked.probes), "writer": writer}
    if asked.people:
        run = folder.resolve().parent if folder is not None else None
        if run is None or not {"town", "shards"} <= set(read_record(run).entries):
            raise UsageError(f"{folder} is in no run with a town.", "Leave out --people, or name a run's model.")
        entries = read_record(run).entries
        epochs = open_node(run, "audit-base").config.get("epochs", 1) if "audit-base" in entries else 1
        given |= {"town": open_node(run, "town"), "shards": open_node(run, "shards"), "epochs": int(epochs)}
    return Sources(**given)


def told(summary: dict[str, Any]) -> list[str]:
    """The figures for people, a line each."""
    from trivium.pages.audit import detector_rows, rate_rows
    from trivium.pages.figures import count, percent, plain

    labels = ", ".join(f"{count(number)} {name.replace('-', ' ')}" for name, number in summary["labels"].items())
    lines = [f"{summary['name']} ({summary['mode']}): {count(summary['probes'])} probes", labels, ""]
    lines += table(["all probes", *(one["name"] for one in summary["stages"])], rate_rows(summary["stages"]))
    names = ("n", "accuracy", "hallucination", "abstained", "refusal_index")
    rows = [
        [side, count(one["n"]), *(percent(one[name]) for name in names[1:-1]), plain(one[names[-1]])]
        for side, one in summary["columns"].items()
        if one["n"]
    ]
    lines += ["", *table(["side", "n", "right", "wrong", "abstained", "Refusal Index"], rows)]
    lines += ["", *table(["AUROC of a wrong answer", "answerable", "all"], detector_rows(summary))]
    error = plain(summary["calibration"]["error"])
    lines.append(f"A guesser by relation: {percent(summary['guesser'])}; calibration error {error}")
    if summary["dropped"]:
        lines.append("left out: " + ", ".join(f"{times:,} {why}" for why, times in sorted(summary["dropped"].items())))
    return lines
