"""Reading the final answer out of a reply that may show its working: after `####`, in one box, or the reply itself.

One answer only. A second box, a second `####`, both of them, or anything after the answer makes it none.
"""

from __future__ import annotations

import re

from trivium.tasks.forms import BLANKS, after_thinking

LONGEST_WORKED = 8000
"""Characters of a reply with its working, thinking not counted."""
LONGEST_ANSWER = 200
ECHO = 24
"""Characters from which on a question that stands in the reply counts as an echo of the prompt."""
BOX = re.compile(r"\\f?boxed(?![A-Za-z])")
MARK = "####"
NUMBER = re.compile(r"(?<![0-9A-Za-z.])-?[$]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?")


def final(text: str, question: str) -> str | None:
    """The one final answer of a reply; None where there is none or more than one, or where the prompt is echoed."""
    content = after_thinking(text, LONGEST_WORKED)
    if content is None or echoes(content, question):
        return None
    boxes, marks = list(BOX.finditer(content)), content.count(MARK)
    if len(boxes) + marks > 1:
        return None
    if boxes:
        answer, after = boxed(content, boxes[0].end())
        answer = answer if not after.strip(" \t\r\n.$)]\\") else None
    elif marks:
        answer = content.partition(MARK)[2]
    else:
        answer = content
    if answer is None or len(answer) > LONGEST_ANSWER or "\n" in answer.strip(BLANKS):
        return None
    return answer.strip(BLANKS) or None


def boxed(content: str, start: int) -> tuple[str | None, str]:
    """What a box holds, whose command ends at `start`, and what follows it; None where its braces do not close."""
    rest = content[start:].lstrip(" ")
    if not rest.startswith("{"):
        return None, ""
    depth = 0
    for place, letter in enumerate(rest):
        depth += (letter == "{") - (letter == "}")
        if depth == 0:
            return rest[1:place], rest[place + 1 :]
    return None, ""


def echoes(content: str, question: str) -> bool:
    """Whether the reply says the question again, whatever its blanks and case."""
    asked = " ".join(question.casefold().split())
    return len(asked) >= ECHO and asked in " ".join(content.casefold().split())


def last_number(text: str) -> str | None:
    """The last number of a reply, as lenient readers take it. For measuring only: it invites spam."""
    content = after_thinking(text, LONGEST_WORKED)
    found = NUMBER.findall(content) if content is not None else []
    return found[-1] if found else None
