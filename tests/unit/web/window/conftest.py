"""A browser for the tests of the pages, and what every one of them must hold: no complaint, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from webdriver import Browser, missing


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    why = missing()
    if why:
        pytest.skip(f"The pages are tested in Chromium: {why}.")
    browser = Browser(tmp_path_factory.mktemp("chromium") / "profile")
    yield browser
    browser.close()


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Callable[[Any], Browser]]:
    """Opens a server's chat page and waits for its models.

    Afterwards: the console has no complaint that a test did not take away, and only that server was asked.
    """
    urls: list[str] = []

    def opened(served: Any, seconds: float = 10) -> Browser:
        urls.append(served.url)
        chromium.open(f"{served.url}/")
        chromium.until(lambda: chromium.all_text(".chip"), seconds)
        return chromium

    chromium.size(1200, 900)
    chromium.scheme("light")
    chromium.complaints()
    chromium.asked()
    yield opened
    complaints, asked = chromium.complaints(), chromium.asked()
    chromium.open("about:blank")
    assert complaints == []
    assert asked and not [url for url in asked if not url.startswith(tuple(urls))]
