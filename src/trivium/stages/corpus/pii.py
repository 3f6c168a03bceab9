"""Personal data and secrets rewritten: mail and public IP addresses, phones, cards and IBANs (with checksums), keys.

FineWeb rewrites e-mails and public IPv4. The replacements here are names, networks and numbers that are reserved for
documentation and belong to nobody (RFC 2606, 5737, 3849; 555-01xx). Each kind has a sign that a text must show (an "@",
a digit, a key's prefix) before its pattern is tried, so that plain prose costs a few searches.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Callable
from ipaddress import AddressValueError, IPv4Address, IPv6Address

EMAILS = ("email@example.com", "firstname.lastname@example.org")
ADDRESSES = tuple(f"{net}.{host}" for net in ("192.0.2", "198.51.100", "203.0.113") for host in (10, 20))
ADDRESSES_6 = tuple(f"2001:db8::{host}" for host in (10, 20, 30))
PHONES = ("+1 202-555-0100", "+1 202-555-0199")
CARD = "0000 0000 0000 0000"
IBAN = "XX00 0000 0000 0000 0000"
KEY = "<key>"

_EMAIL = re.compile(
    r"(?<![\w.+-])[A-Za-z0-9][\w.+-]{0,63}@(?:[A-Za-z0-9][A-Za-z0-9-]{0,62}\.){1,8}[A-Za-z]{2,24}\b", re.ASCII
)
_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)", re.ASCII)
_IPV6 = re.compile(r"(?<![\w:.])[23][0-9a-f]{3}(?::[0-9a-f]{0,4}){2,7}(?![\w:])", re.ASCII | re.IGNORECASE)
_CARD = re.compile(r"(?<![\w.+-])[2-6]\d{3}(?:[ -]?\d){9,15}(?![\w-])", re.ASCII)
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}", re.ASCII)
_PHONE = re.compile(
    r"""
    (?<![\w+./-])
    (?: \+[1-9]\d{0,2} (?:[ .-]?\(0?\d{0,4}\))? (?:[ ./-]?\d{1,5}){2,6}          # +49 (0)30 1234567
      | (?:1[ .-])? (?:\([2-9]\d{2}\)[ ]?|[2-9]\d{2}[.-]) [2-9]\d{2}[ .-]\d{4}      # (212) 736-5000
      | (?<=[tT][eE][lL][.:][ ])0[\d ()/-]{6,16}\d                                 # Tel: 030 1234567
      | (?<=[pP]hone:[ ])0[\d ()/-]{6,16}\d
      | (?<=[mM]obile:[ ])0[\d ()/-]{6,16}\d
      | (?<=[fF][aA][xX]:[ ])0[\d ()/-]{6,16}\d
    ) (?![\w-]|\.\d)
""",
    re.ASCII | re.VERBOSE,
)
_DIGIT = re.compile(r"\d")
_PRIVATE_KEY = re.compile(
    r"-----BEGIN (?:[A-Z]{2,9} ){0,2}PRIVATE KEY-----.{1,20000}?-----END [A-Z ]{0,20}KEY-----", re.DOTALL
)
_KEYS: dict[str, str] = {
    "AKIA": r"\bAKIA[0-9A-Z]{16}\b",
    "ASIA": r"\bASIA[0-9A-Z]{16}\b",
    "AIza": r"\bAIza[\w-]{35}(?![\w-])",
    "ghp_": r"\bghp_[A-Za-z0-9]{36,251}\b",
    "gho_": r"\bgho_[A-Za-z0-9]{36,251}\b",
    "ghs_": r"\bghs_[A-Za-z0-9]{36,251}\b",
    "github_pat_": r"\bgithub_pat_\w{40,251}\b",
    "glpat-": r"\bglpat-[\w-]{20,64}(?![\w-])",
    "xox": r"\bxox[abeprs]-[A-Za-z0-9-]{10,250}",
    "_live_": r"\b[prsw][hk]?k?_live_[A-Za-z0-9]{16,247}\b",
    "sk-": r"\bsk-(?=[\w-]{0,60}\d)[\w-]{20,250}(?![\w-])",
    "hf_": r"\bhf_[A-Za-z0-9]{30,64}\b",
    "npm_": r"\bnpm_[A-Za-z0-9]{36}\b",
    "eyJ": r"\beyJ[\w-]{8,4000}\.eyJ[\w-]{8,8000}\.[\w-]{8,4000}",
}
"""Keys of services by the sign that they begin with, as their makers describe them. "eyJ" begins a signed web token."""
_KEY_PATTERNS = {sign: re.compile(pattern, re.ASCII) for sign, pattern in _KEYS.items()}
IBAN_LENGTHS = {
    country: length
    for length, countries in {
        15: "NO",
        16: "BE",
        18: "DK FI FO GL NL SD",
        19: "MK SI",
        20: "AT BA EE KZ LT LU XK",
        21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA",
        23: "AE GI IL IQ TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST",
        26: "IS TR",
        27: "FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HU LB PL SV",
        29: "BR EG PS QA UA",
        30: "JO KW MU",
        31: "MT SC",
    }.items()
    for country in countries.split()
}
"""Characters of an IBAN by country (the SWIFT registry)."""
_ISSUERS = re.compile(
    r"4\d{12}(?:\d{3}){0,2}|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|(?:6011|65\d\d|64[4-9]\d|35\d\d)\d{12}"
    r"|3(?:0[0-5]|[68]\d)\d{11}|(?:5[06-9]|6\d)\d{10,17}"
)
"""Digits of a card by issuer: Visa, Mastercard, American Express, Discover and JCB, Diners, Maestro and UnionPay."""


def rewrite(text: str) -> tuple[str, Counter[str]]:
    """The text with personal data replaced (always by the same replacement for the same value), and counts by kind:
    email, ip, ipv6, iban, card, phone, key.
    """
    found: Counter[str] = Counter()

    def put(pattern: re.Pattern[str], kind: str, choices: tuple[str, ...], real: Callable[[str], int]) -> None:
        """Replace the matches' beginnings of as many characters as `real` says; 0 leaves one alone."""
        nonlocal text

        def one(match: re.Match[str]) -> str:
            value = match[0]
            size = real(value)
            if not size or value in choices:
                return value
            found[kind] += 1
            return choices[zlib.crc32(value[:size].encode()) % len(choices)] + value[size:]

        text = pattern.sub(one, text)

    if "PRIVATE KEY-----" in text:
        put(_PRIVATE_KEY, "key", (KEY,), len)
    for sign, pattern in _KEY_PATTERNS.items():
        if sign in text:
            put(pattern, "key", (KEY,), len)
    if "@" in text:
        put(_EMAIL, "email", EMAILS, _email)
    if _DIGIT.search(text):
        put(_IPV4, "ip", ADDRESSES, _public)
        if ":" in text:
            put(_IPV6, "ipv6", ADDRESSES_6, _public_6)
        put(_IBAN, "iban", (IBAN,), _iban)
        put(_CARD, "card", (CARD,), _card)
        put(_PHONE, "phone", PHONES, _phone)
    return text, found


def _email(value: str) -> int:
    return 0 if value.rpartition("@")[2].lower() in ("example.com", "example.org", "example.net") else len(value)


def _public(value: str) -> int:
    try:
        return len(value) if IPv4Address(value).is_global else 0
    except AddressValueError:
        return 0


def _public_6(value: str) -> int:
    try:
        return len(value) if IPv6Address(value).is_global else 0
    except AddressValueError:
        return 0


def _card(value: str) -> int:
    """Luhn's checksum, on numbers of an issuer's length and beginning that are not all one digit."""
    plain = "".join(c for c in value if c.isdigit())
    if not _ISSUERS.fullmatch(plain) or len(set(plain)) == 1:
        return 0
    digits = [int(c) for c in plain]
    doubled = [d if i % 2 == 0 else d * 2 - 9 * (d > 4) for i, d in enumerate(reversed(digits))]
    return len(value) if sum(doubled) % 10 == 0 else 0


def _iban(value: str) -> int:
    """ISO 13616: the country's length, and remainder 1 by 97 of the digits (letters as two, the first four at the end).

    What follows an IBAN may look like more of it; the country says where it ends.
    """
    wanted = IBAN_LENGTHS.get(value[:2], 0)
    end = count = 0
    while count < wanted and end < len(value):
        count += value[end] not in " -"
        end += 1
    compact = value[:end].replace(" ", "").replace("-", "")
    if not wanted or len(compact) != wanted or value[end : end + 1].isalnum():
        return 0
    return end if int("".join(str(int(c, 36)) for c in compact[4:] + compact[:4])) % 97 == 1 else 0


def _phone(value: str) -> int:
    """7 to 15 digits (E.164) that are not all one digit."""
    digits = [c for c in value if c.isdigit()]
    return len(value) if 7 <= len(digits) <= 15 and len(set(digits)) > 1 else 0
