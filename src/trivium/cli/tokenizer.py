"""`trivium tokenizer`: the stage of a run; `show` cuts a text into tokens, `compare` sets two side by side."""

from __future__ import annotations

from collections.abc import Callable
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from trivium.cli.outcome import table
from trivium.cli.run import FLAG, stage_command
from trivium.ground.artifact import open_artifact
from trivium.ground.errors import ArtifactError, UsageError
from trivium.ground.how import How
from trivium.ground.signals import listening
from trivium.journey.record import JOURNEY, open_node, read_record

if TYPE_CHECKING:
    from trivium.text.tokenizer import Tokenizer

WHOLE_FILE = "tokenizer.json"
LISTED = 8
app = App(
    name="tokenizer", help="Learn the vocabulary and write token shards; look at tokens.", help_format="plaintext"
)
app.default(stage_command("tokenizer", "shards"))


@app.command
def show(
    text: str,
    /,
    *,
    from_: Annotated[Path, Parameter(name="--from")] = Path("runs/nano"),
    json: Annotated[bool, FLAG] = False,
) -> int:
    """Cut a text into tokens: their ids, their bytes, and the merges that made each.

    Bytes that are no whole character are shown as ⟨hex⟩, a space as ␣. Text never yields a special token.

    Parameters
    ----------
    text
        Any text.
    from_
        A run folder, or a folder with a tokenizer: a tokenizer's, a model's.
    json
        Print JSON: tokens with their trees of merges.
    """
    from trivium.stages.tokenizer.show import tokens_of
    from trivium.text.patterns import DIGITS
    from trivium.text.tokenizer import well_formed

    tokenizer = opened(from_)
    nodes, size = tokens_of(tokenizer, text), len(well_formed(text).encode())
    if json:
        about = {"text": well_formed(text), "pattern": tokenizer.pattern, "vocabulary": tokenizer.size}
        print(dumps({**about, "bytes": size, "tokens": nodes}, indent=1, ensure_ascii=False))
        return 0
    rows = [[str(node["id"]), spaced(node["hex"]), node["shown"], node["merges"]] for node in nodes]
    for line in table(("id", "bytes", "token", "merges"), rows):
        print(line)
    rate = f", {size / len(nodes):.2f} bytes a token" if nodes else ""
    most = DIGITS[tokenizer.pattern]
    digits = f"{most} digits" if most > 1 else "1 digit"
    print(f"\n{len(nodes)} tokens, {size} bytes{rate}; {tokenizer.pattern}: at most {digits} a token")
    return 0


@app.command
def compare(
    a: Path,
    b: Path,
    /,
    *,
    on: Annotated[tuple[Path, ...], Parameter(negative=())],
    shards: Annotated[tuple[Path, ...], Parameter(negative=())] = (),
    json: Annotated[bool, FLAG] = False,
    progress: bool = True,
) -> int:
    """Put two tokenizers side by side on the same documents: bytes per token by source, unused and untrained tokens.

    Unused tokens never came in these documents. Untrained ones never came in the shards of the run (or of --shards);
    for a model's folder they are told from its weights.

    Parameters
    ----------
    a
        A run folder, or a folder with a tokenizer: a tokenizer's, a model's.
    b
        Another.
    on
        Files of documents: JSON lines or Parquet with a `text` (and a `source`), plain text; .gz and .zst too.
    shards
        Sealed token shards of either tokenizer. May be repeated.
    json
        Print JSON.
    progress
        Show progress on stderr.
    """
    from trivium.ground.progress import tracked
    from trivium.stages.tokenizer.compare import profile
    from trivium.text.reading import read_files

    how, sides = How(progress=progress), [(path, opened(path)) for path in (a, b)]
    given = _assigned(shards, [tokenizer for _, tokenizer in sides])
    profiles = []
    with listening(how.stop):
        documents = sum(1 for _ in read_files(on))
        for i, (path, tokenizer) in enumerate(sides):
            texts = tracked(read_files(on), f"encode with {path.name}", documents, "documents", how)
            found = {"path": str(path), **profile(tokenizer, texts, how)}
            profiles.append(found | {"untrained": _untrained(path, tokenizer, given[i])})
    if json:
        print(dumps(profiles, indent=1, ensure_ascii=False))
        return 0
    for line in side_by_side(*profiles):
        print(line)
    return 0


def opened(path: Path) -> Tokenizer:
    """The tokenizer that a path means: the folder's own, or a run's. Raises ArtifactError and UsageError."""
    from trivium.text.tokenizer import Tokenizer

    if (path / WHOLE_FILE).is_file():
        return Tokenizer.open(path)
    if (path / JOURNEY).is_file():
        return Tokenizer.open(open_node(path, "tokenizer", "tokenizer").path)
    raise ArtifactError(f"{path} holds no tokenizer.", "Give a run folder, a tokenizer's folder or a model's folder.")


def _assigned(paths: tuple[Path, ...], tokenizers: list[Tokenizer]) -> list[Path | None]:
    """For each tokenizer the shards that it made. Raises UsageError for shards of neither."""
    found: list[Path | None] = [None] * len(tokenizers)
    for path in paths:
        maker = open_artifact(path, "shards").json("index.json")["tokenizer"]
        fitting = [i for i, tokenizer in enumerate(tokenizers) if tokenizer.fingerprint == maker]
        if not fitting:
            made = " and ".join(tokenizer.fingerprint for tokenizer in tokenizers)
            raise UsageError(
                f"{path} was made with tokenizer {maker}; these are {made}.", "Give shards of one of these tokenizers."
            )
        for i in fitting:
            found[i] = path
    return found


def _untrained(path: Path, tokenizer: Tokenizer, shards: Path | None) -> dict[str, Any] | None:
    """What a model never learned of the vocabulary, and from what that is told; None where nothing tells it."""
    from trivium.stages.tokenizer.compare import listed, untrained_by_shards
    from trivium.text.shards import open_shards

    if shards is None and (path / JOURNEY).is_file() and "shards" in read_record(path).entries:
        shards = open_node(path, "shards", "shards").path
    if shards is not None:
        opened_shards = open_shards(open_artifact(shards, "shards"), tokenizer)
        return {"by": f"shards {shards.name}", **untrained_by_shards(tokenizer, opened_shards)}
    if (path / "model.safetensors").is_file():
        from trivium.evals.untrained import suspects

        return {"by": "the model's weights", **listed(tokenizer, suspects(path, tokenizer))}
    return None


def side_by_side(a: dict[str, Any], b: dict[str, Any]) -> list[str]:
    """Two profiles as lines: what they are, bytes per token by source, what is unused or untrained."""
    facts: list[tuple[str, Callable[[dict[str, Any]], str]]] = [
        ("vocabulary", lambda p: f"{p['vocabulary']:,}"),
        ("split regex", lambda p: p["pattern"]),
        ("digits in a token, at most", lambda p: str(p["digits_per_token"])),
        ("1234567", lambda p: " ".join(p["number"])),
        ("tokens that are no whole characters", lambda p: f"{p['not_utf8_alone']:,}"),
        ("unused here (single bytes)", lambda p: f"{p['unused']['count']:,} ({p['unused']['single_bytes']:,})"),
        ("untrained", lambda p: f"{p['untrained']['count']:,}, by {p['untrained']['by']}" if p["untrained"] else "–"),
        ("one byte, of tokens here", lambda p: _percent(p["all"]["single_bytes"])),
        ("no whole characters, of tokens here", lambda p: _percent(p["all"]["broken_characters"])),
        ("documents that come back byte for byte", lambda p: f"{p['all']['documents'] - p['changed']:,}"),
    ]
    lines = table(("", a["path"], b["path"]), [[name, say(a), say(b)] for name, say in facts])
    rows = []
    for source in (*a["sources"], "all"):
        one, two = (p["all"] if source == "all" else p["sources"][source] for p in (a, b))
        x, y = one["bytes_per_token"], two["bytes_per_token"]
        change = f"{100 * (y / x - 1):+.1f} %" if x and y else "–"
        cells = [f"{value:.3f}" if value else "–" for value in (x, y)]
        rows.append([source, f"{one['documents']:,}", f"{one['bytes']:,}", *cells, change])
    lines += ["", "Bytes per token", *table(("source", "documents", "bytes", "A", "B", "B against A"), rows)]
    for letter, p in (("A", a), ("B", b)):
        for what in ("unused", "untrained"):
            some = [_token(token) for token in (p[what] or {"tokens": []})["tokens"][:LISTED]]
            lines += [f"{letter}, {what}: {'  '.join(some)}"] if some else []
    return lines


def _token(token: dict[str, Any]) -> str:
    from trivium.stages.tokenizer.show import visible

    return f"{token['id']} {visible(bytes.fromhex(token['hex']))}"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"


def spaced(digits: str) -> str:
    """Hex digits, a space between bytes."""
    return bytes.fromhex(digits).hex(" ").upper()
