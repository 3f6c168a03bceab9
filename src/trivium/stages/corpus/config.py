"""The corpus's choices: what is planted, how pages are read, and which documents stay."""

from __future__ import annotations

from dataclasses import dataclass, field

from trivium.ground.config import check
from trivium.town.lessons import LessonConfig
from trivium.town.world import TownConfig

PLANT_STAGE, PLANT_FORMAT = "town", 2
SCORE_STAGE, SCORE_FORMAT = "scored", 6
SELECT_STAGE, SELECT_FORMAT = "selected", 3


@dataclass(frozen=True, kw_only=True)
class PlantConfig:
    """The small world that is written into the corpus."""

    town: TownConfig = field(default_factory=TownConfig)
    """People, facts and how often each is written."""
    lessons: LessonConfig = field(default_factory=LessonConfig)
    """What the second source teaches, and how much of it."""


@dataclass(frozen=True, kw_only=True)
class ScoreConfig:
    """How pages are read. Nothing here drops a page for its quality."""

    source: tuple[str, ...] = ()
    """Files or folders of documents: HTML, Markdown, text, JSON lines, Parquet, WARC, WET; or cc:CRAWL, hf:OWNER/NAME.
    None means the bundled sample."""
    max_pages: int = 0
    """The first so many documents of each source (the bundled sample is shuffled); 0 means all."""
    files: int = 1
    """Of a remote collection (cc:CRAWL, hf:OWNER/NAME/FOLDER), so many files, evenly spread over its list."""
    text_field: str = "text"
    """Where JSON lines and Parquet have their text."""
    piece_characters: int = 20_000
    """A longer text file is cut at paragraphs into documents of about this size."""
    licence: str = "unknown"
    """Of documents whose record does not say."""
    extractor: str = "trivium"
    """What takes the main content from a page: trivium, resiliparse, trafilatura (its package installed), or a folder
    of weights by `trivium corpus extractor`."""
    keep_code: bool = False
    """Keep code blocks (<pre>); without them the text is prose, and C4's curly-bracket rule spares manuals."""
    classifier: str = ""
    """A quality classifier's folder (`trivium corpus score train`): its score becomes a column."""
    max_bytes: int = 10_000_000
    """Of a page, unpacked; a larger one fails as too_large."""
    max_tags: int = 400_000
    """Of a page, counted as "<"; one with more fails as too_many_tags."""
    max_depth: int = 1000
    """Elements open at once, for other extractors than ours, which are quadratic in it: too_deep."""
    page_seconds: float = 20.0
    """CPU time for one page; then its worker is ended and the page fails as timeout."""

    def __post_init__(self) -> None:
        """Check the limits."""
        for name in ("max_bytes", "max_tags", "max_depth", "page_seconds", "piece_characters", "files"):
            check(getattr(self, name) > 0, name, getattr(self, name), "Choose a positive number.")
        check(self.max_pages >= 0, "max_pages", self.max_pages, "Choose 0 (all) or more.")


@dataclass(frozen=True, kw_only=True)
class RepetitionLimits:
    """Gopher's repetition rules (table A1): a page goes when a score is above its limit."""

    dup_para_frac: float = 0.30
    """Share of paragraphs that came before on the page."""
    dup_para_char_frac: float = 0.20
    """Share of characters in them."""
    dup_line_frac: float = 0.30
    """Share of lines that came before."""
    dup_line_char_frac: float = 0.20
    """Share of characters in them."""
    top_2_gram: float = 0.20
    """Share of characters in the most frequent 2-gram of words."""
    top_3_gram: float = 0.18
    """The same of 3 words."""
    top_4_gram: float = 0.16
    """The same of 4 words."""
    dup_5_gram: float = 0.15
    """Share of characters in 5-grams of words that came before."""
    dup_6_gram: float = 0.14
    """The same of 6 words."""
    dup_7_gram: float = 0.13
    """The same of 7 words."""
    dup_8_gram: float = 0.12
    """The same of 8 words."""
    dup_9_gram: float = 0.11
    """The same of 9 words."""
    dup_10_gram: float = 0.10
    """The same of 10 words."""


@dataclass(frozen=True, kw_only=True)
class GopherLimits:
    """Gopher's quality rules: a page stays within these."""

    min_words: int = 50
    """Words, punctuation marks not counted."""
    max_words: int = 100_000
    min_word_length: float = 3.0
    """Mean characters a word."""
    max_word_length: float = 10.0
    max_hash_ratio: float = 0.1
    """"#" a word."""
    max_ellipsis_ratio: float = 0.1
    """"..." and "…" a word."""
    max_bullet_lines: float = 0.9
    """Share of lines that begin with a bullet or a dash."""
    max_ellipsis_lines: float = 0.3
    """Share of lines that end in an ellipsis."""
    min_alpha_words: float = 0.8
    """Share of words (punctuation marks counted) that have a letter."""
    min_stop_words: int = 2
    """Different ones of: the be to of and that have with."""


@dataclass(frozen=True, kw_only=True)
class C4Limits:
    """C4's page rules as FineWeb uses them (without the rule on lines' last characters)."""

    min_sentences: int = 5
    """Sentences that C4's line rules leave."""
    max_curly: int = 0
    """Lines with "{"."""
    max_lorem: int = 0
    """Lines with "lorem ipsum"."""


@dataclass(frozen=True, kw_only=True)
class FineWebLimits:
    """FineWeb's own rules."""

    min_line_punct_ratio: float = 0.12
    """Share of lines that end in punctuation."""
    max_short_line_ratio: float = 0.67
    """Share of lines of up to 30 characters."""
    max_char_dup_ratio: float = 0.01
    """Share of characters in repeated lines (0.01 in FineWeb's code, 0.1 in its paper)."""
    max_list_ratio: float = 0.3
    """Line ends a word."""


@dataclass(frozen=True, kw_only=True)
class MinHashConfig:
    """Near-duplicates: `bands` of `rows` hashes over word n-grams; 14 x 8 finds 92 % of pairs at similarity 0.8."""

    bands: int = 14
    """0 finds none."""
    rows: int = 8
    """Hashes that must agree in a band."""
    ngram: int = 5
    """Words in a shingle."""
    seed: int = 1
    """Of the hash functions."""

    def __post_init__(self) -> None:
        """Check the sizes."""
        check(0 <= self.bands <= 256, "minhash.bands", self.bands, "Choose 0 to 256.")
        check(1 <= self.rows <= 64, "minhash.rows", self.rows, "Choose 1 to 64.")
        check(1 <= self.ngram <= 32, "minhash.ngram", self.ngram, "Choose 1 to 32.")


@dataclass(frozen=True, kw_only=True)
class ClassifierLimits:
    """What the quality classifier drops, where there is one."""

    min_score: float = 0.0
    """Its probability that a text is good."""
    best_share: float = 1.0
    """Of the documents that come so far, the share with the highest scores stays (DCLM kept 0.1)."""

    def __post_init__(self) -> None:
        """Check the shares."""
        check(0 <= self.min_score < 1, "classifier.min_score", self.min_score, "Choose 0 up to, not including, 1.")
        check(0 < self.best_share <= 1, "classifier.best_share", self.best_share, "Choose above 0, up to 1.")


@dataclass(frozen=True, kw_only=True)
class SelectConfig:
    """Which documents stay, and how they are mixed and split."""

    blocked_domains: tuple[str, ...] = ()
    """Hosts whose pages (and subdomains' pages) go."""
    url_lists: tuple[str, ...] = ()
    """Files of hosts and addresses whose pages go, one a line; or folders of such, as UT1's, by their names."""
    max_url_hard_words: int = 0
    """Words of `urls.HARD_WORDS` in the address."""
    max_url_soft_words: int = 1
    """Different words of `urls.SOFT_WORDS` in the address."""
    language: str = "en"
    """fastText's code; several with commas between; "" keeps all languages."""
    min_language_score: float = 0.65
    """fastText's probability of it."""
    language_scores: dict[str, float] = field(default_factory=dict)
    """Another least probability for some languages, by code."""
    repetition: RepetitionLimits = field(default_factory=RepetitionLimits)
    """Gopher's repetition rules."""
    gopher: GopherLimits = field(default_factory=GopherLimits)
    """Gopher's quality rules."""
    c4: C4Limits = field(default_factory=C4Limits)
    """C4's page rules; its line rules have no numbers to choose."""
    fineweb: FineWebLimits = field(default_factory=FineWebLimits)
    """FineWeb's own rules, on what C4's leave."""
    classifier: ClassifierLimits = field(default_factory=ClassifierLimits)
    """What the quality classifier drops."""
    minhash: MinHashConfig = field(default_factory=MinHashConfig)
    """How near-duplicates are found."""
    test_sets: tuple[str, ...] = ()
    """Files of test items (JSON lines, Parquet, text): a document that shares a run of words with one goes."""
    test_ngram: int = 13
    """Words in such a run."""
    rewrite_pii: bool = True
    """Replace e-mail and public IP addresses, card numbers and IBANs."""
    web_characters: int = 3_000_000
    """Most characters of training text from real pages, whole documents in an order drawn by hash; 0 means all."""
    mix: dict[str, float] = field(default_factory=dict)
    """Planned shares of the real text, by source (a file's name) or by host with its subdomains; all that is not named
    shares the rest."""
    lessons: bool = True
    """Add the town's lessons, behind the web filters."""
    heldout: float = 0.06
    """Share of the real documents that is kept for evaluation, drawn by hash."""
    min_heldout: int = 40
    """At least so many held-out documents, but no more than a fifth of all (of two or more: at least one)."""
    seed: int = 0
    """Of the draws by hash."""

    def __post_init__(self) -> None:
        """Check the shares."""
        check(0 <= self.min_language_score <= 1, "min_language_score", self.min_language_score, "Choose 0 to 1.")
        for code, score in self.language_scores.items():
            check(0 <= score <= 1, f"language_scores.{code}", score, "Choose 0 to 1.")
        check(self.test_ngram >= 4, "test_ngram", self.test_ngram, "Choose 4 or more: fewer words are everywhere.")
        check(0 <= self.heldout < 1, "heldout", self.heldout, "Choose 0 up to, not including, 1.")
        check(
            all(share >= 0 for share in self.mix.values()) and sum(self.mix.values()) <= 1 + 1e-9,
            "mix",
            self.mix,
            "Shares are 0 or more and sum to 1 at most.",
        )
        check(self.web_characters >= 0, "web_characters", self.web_characters, "Choose 0 (all) or more.")
        check(self.min_heldout >= 0, "min_heldout", self.min_heldout, "Choose 0 or more.")
