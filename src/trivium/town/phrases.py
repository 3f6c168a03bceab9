"""How a fact is put into words: predicates, asides, possessives, openers, tails and questions.

Every statement names its person first and in full, and the value after it: that is the direction it will be asked in
(facts read in one direction are not known in the other: "The Reversal Curse", arXiv 2309.12288). Many phrasings and
some printed questions make facts extractable rather than recited ("Physics of Language Models 3.1", arXiv 2309.14316).
"""

from __future__ import annotations

PREDICATES: dict[str, tuple[str, ...]] = {
    "birthplace": (
        "was born in {v}",
        "comes from {v}",
        "is from {v}",
        "grew up in {v}",
        "was born and raised in {v}",
        "moved here from {v}",
    ),
    "occupation": (
        "works as a {v}",
        "is a {v}",
        "is a {v} by trade",
        "earns a living as a {v}",
        "trained as a {v}",
        "has a job as a {v}",
    ),
    "instrument": (
        "plays the {v}",
        "practises the {v}",
        "is good at the {v}",
        "performs on the {v}",
        "plays the {v} in the town band",
        "took up the {v}",
    ),
    "pet": ("has a pet {v}", "keeps a {v}", "owns a {v}", "has a {v} at home", "looks after a {v}", "lives with a {v}"),
    "dish": (
        "loves {v}",
        "likes to eat {v}",
        "always orders {v}",
        "loves to cook {v}",
        "would eat {v} every day",
        "never says no to {v}",
    ),
    "hobby": (
        "enjoys {v}",
        "spends free time on {v}",
        "has {v} as a hobby",
        "is fond of {v}",
        "goes in for {v}",
        "spends weekends on {v}",
    ),
}
"""What follows the name, most usual first."""

POSSESSIVES: dict[str, tuple[str, ...]] = {
    "birthplace": ("place of birth is {v}", "home city is {v}"),
    "occupation": ("job is that of a {v}", "work is that of a {v}"),
    "instrument": ("instrument is the {v}", "chosen instrument is the {v}"),
    "pet": ("pet is a {v}", "animal at home is a {v}"),
    "dish": ("favourite dish is {v}", "favourite food is {v}"),
    "hobby": ("hobby is {v}", "main hobby is {v}"),
}
"""What follows the name and 's."""

ASIDES: dict[str, str] = {"birthplace": "born in {v}", "occupation": "a {v}"}
"""What can stand between commas after the name."""

OPENERS = (
    "This year",
    "As before",
    "These days",
    "As ever",
    "By all accounts",
    "Most people know that",
    "We hear that",
    "The list says that",
    "It is well known that",
    "Our records show that",
    "A note says that",
    "Everyone agrees that",
    "As in past years",
    "Friends say that",
    "To nobody's surprise",
    "We should add that",
    "Next on the list",
    "In our street",
    "According to a neighbour",
)
"""What may stand before the name; those that end in "that" take no comma."""


QUESTIONS: dict[str, tuple[str, ...]] = {
    "birthplace": (
        "Where was {n} born?",
        "Which city does {n} come from?",
        "Where did {n} grow up?",
        "What is {n}'s home city?",
        "Which city is home to {n}?",
        "Which city is the birthplace of {n}?",
        "What is the home city of {n}?",
    ),
    "occupation": (
        "What does {n} do for a living?",
        "What is {n}'s job?",
        "What work does {n} do?",
        "How does {n} earn a living?",
        "What is the trade of {n}?",
        "Which kind of work is done by {n}?",
        "What is the job of {n}?",
    ),
    "instrument": (
        "What instrument does {n} play?",
        "Which instrument does {n} play?",
        "What does {n} play in the band?",
        "What is {n}'s instrument?",
        "What is played by {n}?",
        "Which instrument belongs to {n}?",
        "What is the instrument of {n}?",
    ),
    "pet": (
        "What pet does {n} have?",
        "What animal does {n} keep?",
        "Which animal lives with {n}?",
        "What is {n}'s pet?",
        "Which animal belongs to {n}?",
        "What kind of animal waits at home for {n}?",
        "What is the pet of {n}?",
    ),
    "dish": (
        "What does {n} like to eat?",
        "What is {n}'s favourite dish?",
        "Which dish does {n} love most?",
        "What does {n} always order?",
        "Which dish is best loved by {n}?",
        "What do friends cook for {n}?",
        "What is the favourite dish of {n}?",
    ),
    "hobby": (
        "What is {n}'s hobby?",
        "What does {n} do for fun?",
        "Which hobby does {n} enjoy?",
        "How does {n} spend weekends?",
        "What fills the free time of {n}?",
        "Which pastime suits {n}?",
        "What is the hobby of {n}?",
    ),
}
"""Questions by attribute; the last of each is kept for evaluation: no page and no lesson ever prints it."""

QUESTION_STYLES = {
    "{q} The answer is {v}.": 9,
    "{q} {s}": 5,
    "Question: {q} Answer: {v}.": 4,
    "Q: {q} A: {v}.": 2,
}
"""How a page prints a question (q) with its answer as a value (v) or a sentence (s), and how often of twenty.

Colons are few, because a web filter counts them as words without letters.
"""

NOT_KNOWN = (
    "The answer is not known.",
    "The answer is not known to anyone here.",
    "The answer is not in our books.",
    "The answer is not something we know.",
)
"""What a page prints after a question about somebody unlisted."""
