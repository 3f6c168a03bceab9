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
