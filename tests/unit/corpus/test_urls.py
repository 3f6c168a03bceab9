"""What an address says: hosts, listed domains, words."""

from __future__ import annotations

from pathlib import Path

import pytest

from trivium.ground.errors import UsageError
from trivium.stages.corpus.urls import UrlLists, host_of, is_listed, list_fingerprints, url_scores


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


def test_lists_block_hosts_their_subdomains_and_single_addresses(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("# mine\nbad.example\nhttps://www.ok.example/spam/  # one page\n\n")
    lists = UrlLists((str(tmp_path / "mine.txt"),))

    def found(url: str) -> str:
        return lists.find(url, host_of(url))

    assert found("http://bad.example/") == found("https://a.b.bad.example/x?y") == "mine"
    assert found("http://ok.example/spam") == found("https://WWW.ok.example/spam/") == "mine"
    assert found("http://ok.example/spam/2") == found("http://notbad.example/") == found("file:x") == ""


def test_a_folder_of_lists_names_each_by_its_folder(tmp_path: Path) -> None:
    for name in ("adult", "malware"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "domains").write_text(f"{name}.example\n" + "".join(f"d{i}.{name}\n" for i in range(1000)))
    lists = UrlLists((str(tmp_path),))
    assert lists.find("http://d999.malware/", "d999.malware") == "malware"
    assert lists.find("http://adult.example/", "adult.example") == "adult"
    assert lists.find("http://d1000.adult/", "d1000.adult") == ""
    assert len(list_fingerprints((str(tmp_path),))) == 2


def test_lists_that_are_none_say_so(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("# nothing\n")
    with pytest.raises(UsageError, match="lists nothing"):
        UrlLists((str(tmp_path / "empty.txt"),))
    with pytest.raises(UsageError, match="no list"):
        UrlLists((str(tmp_path / "nowhere"),))
