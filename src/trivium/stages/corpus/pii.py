"""Personal data rewritten: e-mail addresses, public IP addresses, card numbers and IBANs that pass their checksums.

FineWeb rewrites e-mails and public IPv4; the replacements here are names and networks reserved for documentation
(RFC 2606, RFC 5737), which nobody owns. A text without "@" and without digits costs two searches.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from ipaddress import AddressValueError, IPv4Address

EMAILS = ("email@example.com", "firstname.lastname@example.org")
ADDRESSES = tuple(f"{net}.{host}" for net in ("192.0.2", "198.51.100", "203.0.113") for host in (10, 20))
CARD = "0000 0000 0000 0000"
IBAN = "XX00 0000 0000 0000 0000"

_EMAIL = re.compile(
    r"(?<![\w.+-])[A-Za-z0-9][\w.+-]{0,63}@(?:[A-Za-z0-9][A-Za-z0-9-]{0,62}\.){1,8}[A-Za-z]{2,24}\b", re.ASCII
)
_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)", re.ASCII)
_CARD = re.compile(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-])", re.ASCII)
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b", re.ASCII)
_DIGIT = re.compile(r"\d")


def rewrite(text: str) -> tuple[str, Counter[str]]:
    """The text with personal data replaced (always by the same replacement for the same value), and counts by kind."""
    found: Counter[str] = Counter()

    def pick(kind: str, value: str, choices: tuple[str, ...]) -> str:
        found[kind] += 1
        return choices[zlib.crc32(value.encode()) % len(choices)]

    def email(match: re.Match[str]) -> str:
        if match[0].rpartition("@")[2].lower() in ("example.com", "example.org", "example.net"):
            return match[0]
        return pick("email", match[0], EMAILS)

    if "@" in text:
        text = _EMAIL.sub(email, text)
    if _DIGIT.search(text):
        text = _IPV4.sub(lambda m: pick("ip", m[0], ADDRESSES) if _public(m[0]) else m[0], text)
        text = _IBAN.sub(lambda m: pick("iban", m[0], (IBAN,)) if _iban(m[0]) else m[0], text)
        text = _CARD.sub(lambda m: pick("card", m[0], (CARD,)) if _card(m[0]) else m[0], text)
    return text, found


def _public(value: str) -> bool:
    try:
        return IPv4Address(value).is_global
    except AddressValueError:
        return False


def _card(value: str) -> bool:
    """Luhn's checksum, on numbers that begin like a card (3 to 6) and are not all one digit."""
    digits = [int(c) for c in value if c.isdigit()]
    doubled = [d if i % 2 == 0 else d * 2 - 9 * (d > 4) for i, d in enumerate(reversed(digits))]
    return digits[0] in (3, 4, 5, 6) and len(set(digits)) > 1 and sum(doubled) % 10 == 0


def _iban(value: str) -> bool:
    """ISO 13616: letters as two digits, country and check digits at the end, remainder 1 by 97."""
    compact = value.replace(" ", "")
    return 15 <= len(compact) <= 34 and int("".join(str(int(c, 36)) for c in compact[4:] + compact[:4])) % 97 == 1
