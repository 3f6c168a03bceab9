"""What an address says: hosts, listed domains, words."""

from __future__ import annotations

import pytest

from trivium.stages.corpus.urls import host_of, is_listed, url_scores


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Docs.Example.org:8080/a", "docs.example.org"),
        ("http://user@host.net/x", "host.net"),
        ("ftp://host.net/x", ""),
        ("/relative", ""),
        ("", ""),
        ("http://[broken", ""),
        ("https://", ""),
    ],
)
def test_host(url: str, host: str) -> None:
    assert host_of(url) == host


def test_a_listed_domain_covers_its_subdomains_only() -> None:
    listed = {"bad.example"}
    assert is_listed("bad.example", listed)
    assert is_listed("www.bad.example", listed)
    assert not is_listed("notbad.example", listed)
    assert not is_listed("", listed)


def test_words_are_whole_and_different() -> None:
    assert url_scores("http://a.net/poker-casino/casino")["url_soft_words"] == 2
    assert url_scores("http://middlesex.ac.uk/adulthood")["url_soft_words"] == 0
    assert url_scores("http://a.net/%70orn")["url_hard_words"] == 1
