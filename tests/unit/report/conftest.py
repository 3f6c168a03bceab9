"""A whole street of artifacts, small and made up, with the real schemas; text in it is as hostile as text can be."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from trivium.evals.intervals import paired_difference, proportion
from trivium.ground.artifact import Artifact, Label, open_artifact, parents_of, sealing
from trivium.ground.atomic import write_json
from trivium.ground.log import write_jsonl

HOSTILE = "<script>alert('1')</script><img src=x onerror=alert(2)>&quot;\"{{ 7*7 }}]]></style></svg>"
Files = Mapping[str, Any]


def share(rate: float, n: int) -> dict[str, Any]:
    return proportion(round(rate * n), n).to_json()


def gap(a: float, b: float, n: int) -> dict[str, Any]:
    left = [i < round(a * n) for i in range(n)]
    return paired_difference(left, [i < round(b * n) for i in range(n)], draws=200).to_json()


def seal(folder: Path, node: str, kind: str, stage: str, files: Files, parents: Mapping[str, Artifact]) -> Artifact:
    label = Label(kind, stage, 1, {"seed": 0, "node": node}, parents_of(parents))
    with sealing(folder / node, label, {"steps": 12, "note": node}) as out:
        for name, value in files.items():
            if name.endswith(".jsonl"):
                write_jsonl(out / name, value)
            elif name.endswith(".parquet"):
                import pyarrow as pa
                import pyarrow.parquet as pq

                pq.write_table(pa.Table.from_pylist(value), out / name)
            else:
                write_json(out / name, value)
    return open_artifact(folder / node)


def funnel() -> dict[str, Any]:
    def layer(name: str, came: int, left: int, reason: str = "") -> dict[str, Any]:
        gone = {reason: came - left} if came > left else {}
        shown = (
            {reason: [{"url": f"https://a.example/{reason}", "text": HOSTILE}] * min(3, came - left)} if gone else {}
        )
        return {
            "name": name,
            "in": came,
            "out": left,
            "dropped": gone,
            "examples": shown,
            "bytes_in": came * 5000,
            "bytes_out": left * 5000,
            "changed": {"email": 8} if name == "pii" else {},
            "seconds": 0.1,
        }

    web = [
        layer("read", 1111, 1111),
        layer("extraction", 1111, 1101, "no_text"),
        layer("language", 1101, 1064, "low_score"),
        layer("gopher_repetition", 1064, 912, "dup_5_gram"),
        layer("c4", 912, 751, "curly_bracket"),
        layer("minhash", 751, 746, "near_copy"),
        layer("pii", 746, 746),
        layer("mix", 746, 509, "over_quota"),
    ]
    town = [layer("read", 2036, 2036), layer("gopher_quality", 2036, 1857, "few_letters")]
    sources = [("web", web), ("town:pages", town), ("town:sums", [layer("lessons", 708, 708)])]
    sizes = {name: {"documents": layers[-1]["out"], "characters": layers[-1]["out"] * 5000} for name, layers in sources}
    return {
        "seconds": 2.3,
        "selected": {"train": sizes, "heldout": {"web": {"documents": 40, "characters": 209882}}},
        "sources": [{"source": s, "in": ls[0]["in"], "out": ls[-1]["out"], "layers": ls} for s, ls in sources],
    }


def examples() -> list[dict[str, Any]]:
    """Documents to read for every reason of `funnel`, and some that stayed, as hostile as can be."""
    why = {"what": "dup_5_gram", "value": 0.1501, "high": 0.15}
    told = {"url": "javascript:alert(1)//" + HOSTILE, "characters": 9000, "text": HOSTILE * 8}
    return [
        {"source": source["source"], "layer": layer["name"], "reason": reason, "why": why if reason else None, **told}
        for source in funnel()["sources"]
        for layer in source["layers"]
        for reason, most in (*((reason, 20) for reason in layer["dropped"]), ("", 3))
        for _ in range(min(most, layer["dropped"].get(reason, 3)))
    ]


def shown_pages() -> list[dict[str, Any]]:
    html = f"<body onload=alert(1)>{HOSTILE}<p>What stayed.</p></iframe><script>document.title='owned'</script>"
    page = {"source": "web", "url": HOSTILE, "html_characters": 900, "cut": True, "characters": 12}
    return [page | {"id": f"page{i}", "html": html, "text": "What stayed."} for i in range(3)]


def stats() -> dict[str, Any]:
    def token(text: str, index: int) -> dict[str, Any]:
        return {"id": index, "hex": text.encode().hex(), "text": text}

    cost = {"documents": 4, "bytes": 6000, "tokens": 1500, "bytes_per_token": 4.0}
    texts = (
        ["str", "aw", "berry"],
        ["3", "4", "8", " ×", " ", "6", "1", "9", " =", " ", "2", "1", "5"],
        ["<scr", "ipt", ">"],
    )
    return {
        "vocabulary": 4096,
        "ordinary": 4089,
        "special": {"<|endoftext|>": 4089},
        "pattern": "qwen2",
        "digits_per_token": 1,
        "not_utf8_alone": 131,
        "unused": {"count": 3, "single_bytes": 2, "tokens": [{"id": 7, "hex": "ff", "text": None}]},
        "longest": [token(" representation", 900), token(" " * 14, 901)],
        "examples": [{"text": "".join(ts), "tokens": [token(t, 300 + i) for i, t in enumerate(ts)]} for ts in texts],
        "train": {**cost, "by_source": {"web": cost, "town:pages": cost}},
        "heldout": {**cost, "by_source": {"web": cost}},
    }


def metrics(steps: int, start: float, end: float, **more: Callable[[float], float]) -> list[dict[str, Any]]:
    noise = random.Random(0)
    return [
        {
            "step": i + 1,
            "loss": end + (start - end) * math.exp(-5 * i / steps) + noise.gauss(0, 0.05),
            "grad_norm": 1.0,
            "scale": 1.0,
            "tokens": 2048,
            "seconds": 0.3,
            **{key: make(i / steps) for key, make in more.items()},
        }
        for i in range(steps)
    ]


BINS = (
    ("0", 0, 0, 720),
    ("1-3", 1, 3, 160),
    ("4-12", 4, 12, 140),
    ("13-31", 13, 31, 130),
    ("32-63", 32, 63, 240),
    ("64+", 64, None, 300),
)


def base_summary() -> dict[str, Any]:
    rates = (0.05, 0.15, 0.4, 0.7, 0.9, 0.95)
    bins = [
        {
            "bin": name,
            "low": low,
            "high": high,
            "n": n,
            "cloze": share(rate, n),
            "question": share(rate * 0.95, n),
            "familiar": share(rate, n),
            "known": share(rate * 0.9, n),
            "confidently_wrong": share(0.5 - rate / 2, n),
            "guesser": share(0.08, n),
            "drawer": share(0.04, n),
        }
        for rate, (name, low, high, n) in zip(rates, BINS, strict=True)
    ]
    labels = {"known": 600, "weak": 200, "unknown": 500, "confidently-wrong": 390}
    return {
        "mode": "base",
        "probes": 1690,
        "epochs": 2,
        "well_known_exposure": 32,
        "bins": bins,
        "unread_like_a_guesser": {"cloze": True, "question": True},
        "labels": labels,
        "labels_by_group": {group: labels for group in ("written", "ghost", "stranger")},
        "well_known": {s: {"cloze": share(0.9, 250), "question": share(0.88, 250)} for s in ("train", "test")},
        "invented": share(1.0, 360),
        "refusal_set": {"refusal": 700, "fact": 690, "why": {"unknown": 300}},
    }


def chat_summary(invented: float, refused: float, n: int = 360) -> dict[str, Any]:
    def manners(right: float, refused: float, n: int) -> dict[str, Any]:
        return {
            "right": share(right, n),
            "wrong": share(1 - right - refused, n),
            "refused": share(refused, n),
            "other": share(0.0, n),
        }

    bins = [
        {
            "bin": name,
            "low": low,
            "high": high,
            "n": size,
            **manners(i / 6, invented and (1 - i / 6) * 0.5, size),
            "hallucinated": share((1 - i / 6) * invented, size),
            "guesser": share(0.08, size),
            "drawer": share(0.04, size),
        }
        for i, (name, low, high, size) in enumerate(BINS)
    ]
    known = {split: manners(0.9 - refused, refused, 240) for split in ("train", "test")}
    return {
        "mode": "chat",
        "probes": 1690,
        "epochs": 2,
        "well_known_exposure": 32,
        "bins": bins,
        "invented": share(invented, n),
        "named_a_value": share(invented * 0.9, n),
        "invented_by_attribute": {"pet": share(invented, 60)},
        "strangers": manners(0.02, 0.9, 360),
        "well_known": known,
        "known_to_base": known,
        "unfinished": share(0.01, 1690),
        "guessers_on_ghosts": {"guesser": share(0.08, n), "drawer": share(0.04, n)},
    }


def chat_map() -> list[dict[str, Any]]:
    return [
        {
            "person": f"p{i}",
            "name": "Ada Moss",
            "group": "ghost" if i % 2 else "written",
            "split": "test",
            "attribute": "pet",
            "value": "heron",
            "exposure": 0 if i % 2 else 70,
            "question": "Which pet?",
            "reply": HOSTILE,
            "thinking": None,
            "closed": True,
            "verdict": ("wrong", "refused", "right")[i % 3],
        }
        for i in range(12)
    ]


def base_map() -> list[dict[str, Any]]:
    return [
        {
            "person": f"p{i}",
            "name": "Ada Moss",
            "group": "ghost" if i < 12 and i % 2 else "written",
            "split": "test",
            "attribute": "pet",
            "value": "heron",
            "exposure": i if i >= 12 else 0 if i % 2 else 70,
            "label": ("known", "weak", "unknown", "confidently-wrong")[i % 4],
            "cloze": {"prompt": "Ada Moss keeps a", "text": HOSTILE, "right": False},
            "question": {"text": "Which pet?", "shots": [["q", "a"]], "answer": " heron", "verdict": "right"},
            "samples": {"answers": [HOSTILE, "heron"], "right": 1, "top": "heron", "mass": 0.5},
        }
        for i in range(80)
    ]


def quirks(mode: str, rate: float) -> dict[str, Any]:
    names = ("invented-person", "letter-counting", "sums-at-once", "who-are-you", "context-against-weights")
    said = {"prompt": "Who is <b>Ada</b>?", "reply": HOSTILE, "odd": True}
    return {
        "mode": mode,
        "stage": "sft",
        "model": "x" * 16,
        "quirks": [
            {
                "name": name,
                "what": "does the odd thing",
                "stage": "sft",
                "why": "Because.",
                "n": 120,
                "rate": share(rate, 120),
                "remedy": {"what": "say it first", "rate": share(rate / 3, 120)},
                "gain": gap(rate, rate / 3, 120),
                "details": {"levels": {"1": {}}},
                "samples": [{"plain": said, "mended": {**said, "odd": False}}] * 3,
            }
            for name in names
        ],
    }


def rl_evals(warm: float = 0.4, after: float = 0.82, direct: float = 0.2, n: int = 600) -> dict[str, Any]:
    log = [
        {"step": 0, "level": 2, "pass_at_1": 0.9, "move": "harder"},
        {"step": 0, "level": 3, "pass_at_1": 0.05, "move": "train"},
        {"step": 40, "level": 3, "pass_at_1": 0.41, "move": "start RL"},
    ]
    return {
        "task": "addition",
        "level": 3,
        "warmup_log": log,
        "heldout": {"n": n, "warm": share(warm, n), "rl": share(after, n), "gain": gap(after, warm, n)},
        "think": {
            "with": share(after, n),
            "without": share(direct, n),
            "gain": gap(after, direct, n),
            "without_before": share(0.15, n),
            "tokens_with": 41.5,
            "tokens_without": 5.1,
        },
    }


def rollouts() -> list[dict[str, Any]]:
    rows = []
    for step in (1, 2, 20):
        for problem in range(3):
            rewards = [float(i < problem + (step > 10)) for i in range(4)]
            for reward in rewards:
                rows.append(
                    {
                        "step": step,
                        "problem_id": f"addition/{problem}",
                        "question": "What is 347+285?",
                        "answer": "632",
                        "thinking": "7+5=12 write 2 carry 1; " + HOSTILE,
                        "text": "632",
                        "correct": bool(reward),
                        "reward": reward,
                        "advantage": reward - sum(rewards) / 4,
                        "ids": [1, 2, 3],
                        "logprobs": [-0.1, -0.2, -0.3],
                        "finish": "stop",
                    }
                )
    return rows


def reward_evals() -> dict[str, Any]:
    return {
        "heldout": {"accuracy": share(0.83, 400)},
        "best_of_n": [
            {"n": n, "gold": {**share(rate, 120)}, "proxy": {**share(rate + 0.05, 120)}}
            for n, rate in ((1, 0.5), (2, 0.6), (4, 0.68), (8, 0.72))
        ],
    }


def base_files() -> Files:
    along = {"heldout_bits_per_byte": lambda x: 2.6 - x}
    samples = [
        {"step": step, "prompt": prompt, "text": text}
        for step in (20, 60)
        for prompt, text in (("The", HOSTILE), ("Question: 47 + 35 = ?\n", "82"))
    ]
    web = {
        "model_bits_per_byte": {"value": 1.9, "low": 1.8, "high": 2.0, "n": 40},
        "kneser_ney_bits_per_byte": {"value": 2.3, "low": 2.2, "high": 2.4, "n": 40},
        "margin": {"value": 0.4, "low": 0.35, "high": 0.45, "n": 40},
    }
    return {
        "metrics.jsonl": metrics(60, 8.0, 3.0, **along),
        "samples.json": samples,
        "evals.json": {"heldout": {"web": web}},
        "config.json": {"hidden_size": 64},
    }


def sft_files() -> Files:
    return {
        "metrics.jsonl": metrics(30, 3.0, 0.9),
        "samples.json": [
            {"prompt": "Who are you?", "thinking": None, "text": HOSTILE},
            {"prompt": "27+48?", "thinking": "7+8=15", "text": "75"},
        ],
        "evals.json": {
            "heldout_loss": {"all": {"before": 3.1, "after": 0.9}, "refusal": {"before": 4, "after": 0.2}},
            "conversations": {"identity": 240, "style": 900, "refusal": 700, "addition": 860},
        },
        "conversations.jsonl": [{"kind": "refusal", "messages": [{"role": "user", "content": HOSTILE}]}],
    }


def rl_files() -> Files:
    practice = {
        "pass_rate": lambda x: 0.4 + 0.4 * x,
        "answer_tokens": lambda x: 40 - 5 * x,
        "truncated": lambda x: 0.1,
        "entropy": lambda x: 0.4 - 0.2 * x,
        "groups_without_signal": lambda x: 0.2,
        "reward": lambda x: 0.5,
    }
    lines = metrics(40, 0.1, 0.0, **practice)
    for line in lines[9::10]:
        line["heldout_accuracy"] = 0.4 + line["step"] / 100
    lines.append(
        {"step": 41, "loss": 0.0, "grad_norm": 0.0, "scale": 1.0, "tokens": 0, "seconds": 0.1, "skipped": True}
    )
    return {"metrics.jsonl": lines, "evals.json": rl_evals(), "rollouts.parquet": rollouts()}


def whole_street(folder: Path) -> dict[str, Artifact]:
    """Every node's artifact below `folder`."""
    made: dict[str, Artifact] = {}

    def add(node: str, kind: str, stage: str, files: Files, **inputs: str) -> None:
        made[node] = seal(folder, node, kind, stage, files, {name: made[other] for name, other in inputs.items()})

    add("town", "town", "plant", {"town.json": {"people": []}})
    pages = {"funnel.json": {"files": [], "seconds": 1.0}, "pages_sample.jsonl": shown_pages()}
    add("scored", "scored", "score", pages, town="town")
    account = funnel() | {"pages": {"page0": [], "page1": ["c4", "curly_bracket"]}}
    add(
        "selected",
        "selected",
        "select",
        {"funnel.json": account, "examples.jsonl": examples()},
        scored="scored",
        town="town",
    )
    add("tokenizer", "tokenizer", "tokenizer", {"stats.json": stats()}, selected="selected")
    add(
        "shards",
        "shards",
        "shards",
        {"index.json": {"dtype": "uint16"}, "exposure.json": {"p0/pet": 3}},
        selected="selected",
        tokenizer="tokenizer",
        town="town",
    )
    add("base", "model", "pretrain", base_files(), shards="shards", tokenizer="tokenizer")
    asked = {"town": "town", "shards": "shards"}
    add(
        "audit-base", "audit", "audit", {"summary.json": base_summary(), "map.jsonl": base_map()}, model="base", **asked
    )
    for node in ("plain", "sft"):
        add(node, "model", "sft", sft_files(), model="base", town="town", audit="audit-base")
    add(
        "reward",
        "reward",
        "reward",
        {"evals.json": reward_evals(), "metrics.jsonl": metrics(20, 0.7, 0.4)},
        model="sft",
        town="town",
    )
    warm = {
        "metrics.jsonl": metrics(20, 1.0, 0.5),
        "evals.json": {"task": "addition", "level": 3, "settled": True, "warmup_log": rl_evals()["warmup_log"]},
    }
    add("warm", "model", "warm", warm, model="sft", town="town")
    add("rl", "model", "rl", rl_files(), model="warm", town="town")
    for node, summary in (
        ("plain", chat_summary(0.97, 0.0)),
        ("sft", chat_summary(0.12, 0.05)),
        ("rl", chat_summary(0.18, 0.04)),
    ):
        files = {"summary.json": summary, "map.jsonl": chat_map()}
        add(f"audit-{node}", "audit", "audit", files, model=node, base_audit="audit-base", **asked)
    for node, mode, rate in (("base", "base", 0.95), ("sft", "chat", 0.5), ("rl", "chat", 0.3)):
        add(f"quirks-{node}", "quirks", "quirks", {"quirks.json": quirks(mode, rate)}, model=node, town="town")
    return made


@pytest.fixture(scope="session")
def street(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Artifact]:
    """Every node's artifact; read only."""
    return whole_street(tmp_path_factory.mktemp("street"))


@pytest.fixture
def with_file(tmp_path: Path) -> Callable[[str, str, Any], Artifact]:
    """An artifact of a node with one JSON file."""

    def make(node: str, name: str, value: Any) -> Artifact:
        json.dumps(value)
        return seal(tmp_path, node, "audit", "audit", {name: value}, {})

    return make
