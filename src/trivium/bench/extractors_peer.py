"""Run by the peers' Python, not by ours: other extractors on pages given on stdin as JSON.

Prints one line of JSON: by extractor its version, the CPU seconds and the texts.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from importlib.metadata import version


def main() -> None:
    """Extract and print."""
    import trafilatura
    from resiliparse.extract.html2text import extract_plain_text

    def fineweb(html: str) -> str | None:
        return trafilatura.extract(html, favor_precision=True, include_comments=False, deduplicate=True)

    def resiliparse(html: str) -> str | None:
        return extract_plain_text(html, main_content=True, alt_texts=False)

    pages = json.load(sys.stdin)
    extractors: dict[str, Callable[[str], str | None]] = {"trafilatura": fineweb, "resiliparse": resiliparse}
    answer = {}
    for name, extract in extractors.items():
        extract(pages[0])  # imports and tables, outside the clock
        started = time.process_time()
        texts = [extract(page) or "" for page in pages]
        answer[name] = {"version": version(name), "seconds": time.process_time() - started, "texts": texts}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
