"""What decides an assistant: which conversations it imitates, and how long."""

from __future__ import annotations

from dataclasses import dataclass, field

from trivium.ground.config import check
from trivium.model.config import LoraConfig, OptimizerConfig
from trivium.train.schedule import ScheduleConfig

STAGE = "sft"
FORMAT = 1
GATHER_STAGE, GATHER_FORMAT = "conversations", 1
WRITE_STAGE, WRITE_FORMAT = "written", 1
TEACH_STAGE, TEACH_FORMAT = "taught", 1
MANNERS_STAGE, MANNERS_FORMAT = "manners", 1
WRITERS = ("templates", "model", "url")
LONG, KEEP = ("drop", "turns"), ("best", "last")
REFUSALS = ("audit", "none", "shuffled")


@dataclass(frozen=True, kw_only=True)
class MixConfig:
    """How many conversations of each kind. The personality is in these numbers and in what they hold."""

    identity: int = 240
    """Who the assistant is, who made it."""
    style: int = 900
    """Everyday talk: brief, warm, and then it stops."""
    addition: tuple[int, ...] = (100, 300, 500)
    """Sums of one-digit, two-digit, ... numbers."""
    comparison: int = 100
    """Comparing decimals, of each level."""
    tally: int = 150
    """Counting letters in a word that is spelt out, of each level."""
    counting: int = 150
    """Counting letters in a word, of each level."""
    direct: float = 0.25
    """Share of the problems that are answered at once, with an empty thought."""


@dataclass(frozen=True, kw_only=True)
class SftConfig:
    """The conversations, the controls, and the training."""

    seed: int = 0
    """Decides the conversations and their order."""
    mix: MixConfig = field(default_factory=MixConfig)
    refusals: str = "audit"
    """audit: refuse what the base model does not know; none: no refusals, the same answers; shuffled: who is refused
    and who is answered is dealt out blindly (a control)."""
    epochs: int = 1
    """Passes over the conversations. More make a tiny model learn by heart whom it answered and whom not."""
    rows: int = 4
    """Packed rows in a step."""
    row_tokens: int = 256
    """Tokens in a packed row; a longer conversation is cut."""
    optimizer: OptimizerConfig = field(
        default_factory=lambda: OptimizerConfig(muon_lr=0.003, embed_lr=0.003, head_lr=0.001)
    )
    schedule: ScheduleConfig = field(default_factory=lambda: ScheduleConfig(warmup=0.05, decay=0.7, floor=0.02))
    heldout: float = 0.05
    """Share of the conversations that is kept to measure the loss on."""

    def __post_init__(self) -> None:
        check(self.refusals in REFUSALS, "refusals", self.refusals, f"Use one of {', '.join(REFUSALS)}.")
        check(self.epochs > 0, "epochs", self.epochs, "Read the conversations once or more.")
        check(0 <= self.heldout < 1, "heldout", self.heldout, "It is a share below 1.")


@dataclass(frozen=True, kw_only=True)
class GatherConfig:
    """Which conversations of one's own, and what of them goes."""

    data: tuple[str, ...] = ()
    """Files of conversations, each as PATH or PATH:WEIGHT; the weight is how many times an epoch reads it (1)."""
    test_sets: tuple[str, ...] = ()
    """Files of evaluations; a conversation that shares a run of words with one goes."""
    test_ngram: int = 13
    """Words in such a run."""
    duplicates: bool = False
    """Keep conversations of the same words as one before them."""
    heldout: float = 0.05
    """Share of each file, by its questions' hash, that is kept to measure the loss on."""
    bad: str = "drop"
    """Rows that are no conversation: drop (counted and named), or stop at the first."""

    def __post_init__(self) -> None:
        check(0 <= self.heldout < 1, "heldout", self.heldout, "It is a share below 1.")
        check(self.test_ngram > 2, "test_ngram", self.test_ngram, "Fewer than 3 words are shared by chance.")
        check(self.bad in ("drop", "stop"), "bad", self.bad, "Use drop or stop.")


@dataclass(frozen=True, kw_only=True)
class TeachConfig:
    """From which model, how long and how fast to learn conversations of one's own."""

    start: str = ""
    """The folder of the sealed model that is taught."""
    seed: int = 0
    """Decides the order, the adapters and the noise."""
    epochs: int = 2
    """Passes over the conversations, each file's weight aside."""
    rows: int = 8
    """Packed rows in a step."""
    row_tokens: int = 1024
    """Tokens in a packed row."""
    long: str = "drop"
    """Conversations longer than a row: drop, or turns (keep the first whole exchanges that fit). Both are counted."""
    optimizer: OptimizerConfig = field(
        default_factory=lambda: OptimizerConfig(muon_lr=0.002, embed_lr=0.0005, head_lr=0.0005)
    )
    schedule: ScheduleConfig = field(default_factory=lambda: ScheduleConfig(warmup=0.05, decay=0.7, floor=0.02))
    lora: LoraConfig = field(default_factory=LoraConfig)
    neftune: float = 0.0
    """Noise on the embeddings while learning (NEFTune's alpha: 5 to 15 is usual); 0 means none."""
    evaluations: int = 4
    """How many times along the way the loss on held-out conversations is measured."""
    keep: str = "best"
    """The weights that are sealed: best (least held-out loss) or last."""
    samples: int = 6
    """Held-out questions that the model answers before and after."""

    def __post_init__(self) -> None:
        check(self.epochs > 0, "epochs", self.epochs, "Read the conversations once or more.")
        check(self.rows > 0, "rows", self.rows, "A step needs a row.")
        check(self.row_tokens > 1, "row_tokens", self.row_tokens, "A row needs 2 tokens or more.")
        check(self.long in LONG, "long", self.long, f"Use one of {', '.join(LONG)}.")
        check(self.keep in KEEP, "keep", self.keep, f"Use one of {', '.join(KEEP)}.")
        check(self.neftune >= 0, "neftune", self.neftune, "0 (none) or above.")
        check(self.evaluations > 0, "evaluations", self.evaluations, "Measure once or more.")
        check(self.samples >= 0, "samples", self.samples, "0 or more.")


@dataclass(frozen=True, kw_only=True)
class WriteConfig:
    """Which guideline, who writes, and how much."""

    guideline: str = ""
    """A Markdown file, or a bundled one's name: engineer, teacher."""
    seed: int = 0
    """Decides what is asked, in which wording it is answered, and a writing model's draws."""
    conversations: int = 1200
    """Conversations an epoch reads."""
    identity: float = 0.2
    """Of them, the share about the assistant itself."""
    everyday: float = 0.4
    answer: float = 0.15
    refusal: float = 0.12
    unsure: float = 0.13
    """The shares of everyday talk, of known answers, of what is refused and of what nobody knows."""
    facts: tuple[str, ...] = ()
    """Where known answers come from: files of question and answer, documents (JSONL or Parquet with a text, whose
    definitions are asked about), a sealed town. Without any, there are none."""
    writer: str = "templates"
    """Who writes replies: templates (the guideline's own wordings), model (a local one), url (one behind a server)."""
    writer_model: str = ""
    """The folder of the local model, or the model's name at the server."""
    url: str = ""
    """The server's address, up to and with /v1."""
    temperature: float = 0.8
    """Of a writing model."""
    heldout: float = 0.05
    """Share of each kind that is kept to measure the loss on."""

    def __post_init__(self) -> None:
        check(self.conversations > 0, "conversations", self.conversations, "Write one or more.")
        check(self.writer in WRITERS, "writer", self.writer, f"Use one of {', '.join(WRITERS)}.")
        check(self.writer != "url" or bool(self.url), "url", self.url, "Give the server's address.")
        check(self.writer == "templates" or bool(self.writer_model), "writer_model", "", "Name the writing model.")
        check(all(share >= 0 for share in self.shares.values()), "shares", self.shares, "0 or above.")
        check(0 <= self.heldout < 1, "heldout", self.heldout, "It is a share below 1.")

    @property
    def shares(self) -> dict[str, float]:
        """The share of each kind."""
        return {kind: getattr(self, kind) for kind in ("identity", "everyday", "answer", "refusal", "unsure")}


@dataclass(frozen=True, kw_only=True)
class MannersConfig:
    """Which assistants are compared, and on how much."""

    guidelines: tuple[str, ...] = ()
    """The guideline of each model, in their order."""
    seed: int = 0
    """Which questions are asked."""
    questions: int = 200
    """Everyday questions, and questions about invented people, at most."""
    longest: int = 96
    """Tokens of a reply, at most."""

    def __post_init__(self) -> None:
        check(self.questions > 1, "questions", self.questions, "Ask two or more.")
        check(self.longest > 0, "longest", self.longest, "A reply needs a token.")
