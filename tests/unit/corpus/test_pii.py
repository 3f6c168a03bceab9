"""Personal data is rewritten, look-alikes are not, and what replaces it belongs to nobody."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from trivium.stages.corpus.pii import ADDRESSES, rewrite


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Write to jane.doe+web@mail.corp.co.uk, please.", "email"),
        ("<bob@site.org>", "email"),
        ("The server is 8.8.8.8.", "ip"),
        ("Pay with 4111 1111 1111 1111 today.", "card"),
        ("Pay with 5500-0000-0000-0004 today.", "card"),
        ("To GB82 WEST 1234 5698 7654 32 please.", "iban"),
        ("To DE89370400440532013000.", "iban"),
        ("IBAN DE89 3704 0044 0532 0130 00 AND MORE", "iban"),
        ("From 2a00:1450:4001:81b::200e at night", "ipv6"),
        ("Call +49 (0)30 901820 now", "phone"),
        ("Call (212) 736-5000.", "phone"),
        ("Tel: 030 901820", "phone"),
        ("key = AKIAIOSFODNN7EXAMPLE", "key"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----", "key"),
    ],
)
def test_it_is_rewritten(text: str, kind: str) -> None:
    new, found = rewrite(text)
    assert dict(found) == {kind: 1}
    assert new != text
    assert rewrite(new)[0] == new, "what is rewritten stays as it is"


@pytest.mark.parametrize(
    "text",
    [
        "The decorator @property is old.",
        "user@localhost",
        "python -m x@y",
        "Version 1.2.3.4.5 of 10.0.0.1 and 192.168.1.1",
        "127.0.0.1 is home; 999.1.1.1 is nowhere; 2.4 is a number",
        "ISBN 978-0-13-468599-1",
        "4111 1111 1111 1112",
        "0000 0000 0000 0000",
        "1234567890123456",
        "GB00 WEST 1234 5698 7654 32",
        "email@example.com",
        "plain words only",
        "std::vector<int> and a::b::c and dead::beef",
        "It is 12:30:45 on 2024-11-24, MAC 00:1a:2b:3c:4d:5e",
        "fe80::1 and 2001:db8::1 and ::1",
        "From 1990-2010 and 2,000,000 and 1.234.567,89 and +1.5 and 555-1234",
        "sk-learn is not a key, nor is eyJust.eyJoking.aside",
        "uuid 123e4567-e89b-12d3-a456-426614174000",
    ],
)
def test_it_is_left_alone(text: str) -> None:
    assert rewrite(text) == (text, {})


def test_the_same_value_gets_the_same_replacement() -> None:
    new, found = rewrite("8.8.4.4 and 8.8.4.4 and a@b.org and a@b.org")
    one, two = new.split(" and ")[:2]
    assert one == two
    assert found == {"ip": 2, "email": 2}


def test_replacement_addresses_are_for_documentation() -> None:
    assert not any(ip_address(address).is_global for address in ADDRESSES)


def test_a_long_hostile_text_ends() -> None:
    rewrite("a@" * 200_000 + "a." * 200_000 + "1" * 200_000 + "1.1." * 100_000 + "A1 " * 100_000)
