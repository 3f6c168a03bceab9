"""Ten kinds of personal data, made by rules of their own, in sentences; and look-alikes that are none of them.

Values come from the standards (ISO 13616, ISO 7812, E.164 ranges, the makers' key formats), not from the patterns under
test. Each kind must be found and each find must be real in 98 of 100 cases or more.
"""

from __future__ import annotations

import string
from base64 import b64encode, urlsafe_b64encode
from collections import Counter
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from random import Random

import pytest

from trivium.stages.corpus.pii import IBAN_LENGTHS, rewrite

EACH = 300
LETTERS, ALNUM, HEX = string.ascii_letters, string.ascii_letters + string.digits, "0123456789abcdef"


def chars(rng: Random, alphabet: str, count: int) -> str:
    return "".join(rng.choices(alphabet, k=count))


def email(rng: Random) -> str:
    name = rng.choice(("jane", "j.smith", "bob_77", "a-b", "info", "sales+eu", "O.Brien", "x1"))
    host = chars(rng, string.ascii_lowercase, rng.randint(2, 12))
    return f"{name}@{host}.{rng.choice(('com', 'co.uk', 'museum', 'io'))}"


def ipv4(rng: Random) -> str:
    while not (address := IPv4Address(rng.getrandbits(32))).is_global or address.is_multicast:
        pass
    return str(address)


def ipv6(rng: Random) -> str:
    high = rng.choice((0x2001_4860, 0x2A00_1450, 0x2606_4700, 0x2620_0000 | rng.getrandbits(12)))
    address = IPv6Address((high << 96) | rng.choice((rng.getrandbits(96), rng.getrandbits(16), rng.getrandbits(64))))
    return rng.choice((str(address), address.exploded, str(address).upper()))


def phone(rng: Random) -> str:
    d = lambda n: chars(rng, string.digits, n)  # noqa: E731
    area, exchange = rng.randint(201, 989), rng.randint(201, 989)
    return rng.choice(
        (
            f"+1 {area} {exchange} {d(4)}",
            f"({area}) {exchange}-{d(4)}",
            f"{area}-{exchange}-{d(4)}",
            f"{area}.{exchange}.{d(4)}",
            f"1-{area}-{exchange}-{d(4)}",
            f"+1{area}{exchange}{d(4)}",
            f"+49 30 {d(3)}{d(4)}",
            f"+49 (0)89 {d(6)}",
            f"+44 20 7{d(3)} {d(4)}",
            f"+44 (0)161 {d(3)} {d(4)}",
            f"+33 1 {d(2)} {d(2)} {d(2)} {d(2)}",
            f"+39 06 {d(8)}",
            f"+81-3-{d(4)}-{d(4)}",
            f"+91 98{d(3)} {d(5)}",
            f"+351 21 {d(3)} {d(4)}",
            f"+420 {d(3)} {d(3)} {d(3)}",
        )
    )


def iban(rng: Random) -> str:
    country = rng.choice(sorted(IBAN_LENGTHS))
    body = chars(rng, string.digits, IBAN_LENGTHS[country] - 4)
    if country in ("GB", "NL", "IE", "LV", "RO"):
        body = chars(rng, string.ascii_uppercase, 4) + body[4:]
    number = int("".join(str(int(c, 36)) for c in f"{body}{country}00"))
    plain = f"{country}{98 - number % 97:02d}{body}"
    return rng.choice((plain, " ".join(plain[i : i + 4] for i in range(0, len(plain), 4))))


def card(rng: Random) -> str:
    start, size = rng.choice(
        (("4", 16), ("51", 16), ("55", 16), ("2221", 16), ("34", 15), ("37", 15), ("6011", 16), ("36", 14))
    )
    digits = [int(c) for c in start + chars(rng, string.digits, size - len(start) - 1)]
    total = sum(d if i % 2 else (d * 2 - 9 if d > 4 else d * 2) for i, d in enumerate(reversed(digits)))
    plain = "".join(map(str, digits)) + str(-total % 10)
    mark = rng.choice(("", " ", "-"))
    groups = (4, 4, 4, 4) if size == 16 else (4, 6, size - 10)
    parts, at = [], 0
    for group in groups:
        parts.append(plain[at : at + group])
        at += group
    return mark.join(parts)


def cloud_key(rng: Random) -> str:
    upper = string.ascii_uppercase + string.digits
    return rng.choice(
        (f"AKIA{chars(rng, upper, 16)}", f"ASIA{chars(rng, upper, 16)}", f"AIza{chars(rng, ALNUM + '-_', 34)}x")
    )


def token(rng: Random) -> str:
    return rng.choice(
        (
            f"ghp_{chars(rng, ALNUM, 36)}",
            f"gho_{chars(rng, ALNUM, 36)}",
            f"github_pat_{chars(rng, ALNUM, 22)}_{chars(rng, ALNUM, 59)}",
            f"glpat-{chars(rng, ALNUM, 20)}",
            f"xoxb-{chars(rng, string.digits, 12)}-{chars(rng, ALNUM, 24)}",
            f"sk_live_{chars(rng, ALNUM, 24)}",
            f"rk_live_{chars(rng, ALNUM, 24)}",
            f"sk-{chars(rng, ALNUM, 20)}7{chars(rng, ALNUM, 27)}",
            f"sk-proj-{chars(rng, ALNUM, 40)}3{chars(rng, ALNUM, 7)}",
            f"hf_{chars(rng, LETTERS, 34)}",
            f"npm_{chars(rng, ALNUM, 36)}",
        )
    )


def web_token(rng: Random) -> str:
    def part(text: str) -> str:
        return urlsafe_b64encode(text.encode()).decode().rstrip("=")

    claims = part('{"sub":"' + chars(rng, string.digits, 10) + '","name":"' + chars(rng, LETTERS, 8) + '"}')
    head = part('{"alg":"HS256","typ":"JWT"}')
    return f"{head}.{claims}.{chars(rng, ALNUM + '-_', 43)}"


def private_key(rng: Random) -> str:
    kind = rng.choice(("RSA ", "EC ", "OPENSSH ", "", "ENCRYPTED "))
    body = b64encode(rng.randbytes(rng.randint(100, 600))).decode()
    lines = "\n".join(body[i : i + 64] for i in range(0, len(body), 64))
    return f"-----BEGIN {kind}PRIVATE KEY-----\n{lines}\n-----END {kind}PRIVATE KEY-----"


KINDS: dict[str, tuple[Callable[[Random], str], str]] = {
    "email": (email, "email"),
    "ipv4": (ipv4, "ip"),
    "ipv6": (ipv6, "ipv6"),
    "phone": (phone, "phone"),
    "iban": (iban, "iban"),
    "card": (card, "card"),
    "cloud key": (cloud_key, "key"),
    "service token": (token, "key"),
    "web token": (web_token, "key"),
    "private key": (private_key, "key"),
}
"""Kind -> what makes one, and the name that `rewrite` counts it by."""
CONTEXTS = (
    "You can reach us at {x}.",
    "{x}",
    "See {x}, or ask at the desk.",
    "It says ({x}) on the back.",
    'value = "{x}"',
    "First line\n{x}\nand the last AND MORE",
    "Note: {x}; then 3 of 4.",
)
LOOKALIKES: tuple[Callable[[Random], str], ...] = (
    lambda r: f"ISBN 978-{r.randint(0, 9)}-{r.randint(100, 999)}-{r.randint(10000, 99999)}-{r.randint(0, 9)}",
    lambda r: (
        f"on {r.randint(1990, 2030)}-{r.randint(10, 12)}-{r.randint(10, 28)} at {r.randint(10, 23)}:{r.randint(10, 59)}"
    ),
    lambda r: f"from {r.randint(1900, 1999)}-{r.randint(2000, 2030)}",
    lambda r: f"version {r.randint(0, 9)}.{r.randint(0, 20)}.{r.randint(0, 20)}.{r.randint(0, 20)}.{r.randint(0, 9)}",
    lambda r: f"the host 192.168.{r.randint(0, 255)}.{r.randint(0, 255)} and 10.0.0.{r.randint(0, 255)}",
    lambda r: f"commit {chars(r, HEX, 40)}",
    lambda r: f"md5 {chars(r, HEX, 32)}",
    lambda r: f"id {chars(r, HEX, 8)}-{chars(r, HEX, 4)}-4{chars(r, HEX, 3)}-a{chars(r, HEX, 3)}-{chars(r, HEX, 12)}",
    lambda r: ":".join(chars(r, HEX, 2) for _ in range(6)),
    lambda r: f"{r.randint(1, 999)},{r.randint(100, 999)},{r.randint(100, 999)}.{r.randint(10, 99)} dollars",
    lambda r: f"EUR {r.randint(1, 999)}.{r.randint(100, 999)}.{r.randint(100, 999)},00",
    lambda r: f"+{r.randint(1, 99)}.{r.randint(0, 9)} percent, {r.randint(100, 999)} + {r.randint(100, 999)}",
    lambda r: f"pi is 3.{chars(r, string.digits, 20)}",
    lambda r: f"pages {r.randint(100, 499)}-{r.randint(500, 999)}, room {r.randint(100, 999)}",
    lambda r: f"namespace::{chars(r, string.ascii_lowercase, 6)}::dead::beef",
    lambda r: f"@{chars(r, string.ascii_lowercase, 8)} wrote to {chars(r, string.ascii_lowercase, 5)}@localhost",
    lambda r: f"order no. 9{chars(r, string.digits, 15)}",
    lambda r: f"GB00 WEST {r.randint(1000, 9999)} {r.randint(1000, 9999)} {r.randint(1000, 9999)} 00",
    lambda r: f"sk-learn, the sk-{chars(r, string.ascii_lowercase, 8)} package",
    lambda r: f"fe80::{chars(r, HEX, 4)} and ::1 and 2001:db8::{chars(r, HEX, 3)}",
    lambda r: f"{r.randint(30, 60)}.{chars(r, string.digits, 6)}, -{r.randint(60, 120)}.{chars(r, string.digits, 6)}",
    lambda r: f"lot {r.randint(100, 999)} {r.randint(100, 999)} {r.randint(1000, 9999)} of the series",
    lambda r: f"-----BEGIN CERTIFICATE-----\n{chars(r, ALNUM, 64)}\n-----END CERTIFICATE-----",
)


@pytest.fixture(scope="module")
def tally() -> tuple[Counter[str], Counter[str], Counter[str]]:
    """By kind: values that are gone from the text, finds that are real; and by counted name: finds in look-alikes."""
    gone: Counter[str] = Counter()
    real: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    rng = Random("personal data")
    for kind, (make, name) in KINDS.items():
        for _ in range(EACH):
            value = make(rng)
            new, found = rewrite(rng.choice(CONTEXTS).replace("{x}", value))
            gone[kind] += value not in new and found[name] >= 1
            real[kind] += found[name]
            wrong.update({other: count for other, count in found.items() if other != name})
    for make in LOOKALIKES:
        for _ in range(EACH // 5):
            wrong.update(rewrite(rng.choice(CONTEXTS).replace("{x}", make(rng)))[1])
    return gone, real, wrong


@pytest.mark.parametrize("kind", KINDS)
def test_of_each_kind_nearly_all_are_found_and_nearly_all_finds_are_real(
    kind: str, tally: tuple[Counter[str], Counter[str], Counter[str]]
) -> None:
    gone, real, wrong = tally
    name = KINDS[kind][1]
    right = sum(gone[other] for other, (_, counted) in KINDS.items() if counted == name)
    found = sum(real[other] for other, (_, counted) in KINDS.items() if counted == name) + wrong[name]
    assert gone[kind] / EACH >= 0.98, f"recall of {kind}"
    assert right / found >= 0.98, f"precision of {kind}: {wrong[name]} look-alikes among {found}"
