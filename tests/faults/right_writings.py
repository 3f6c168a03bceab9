# ruff: noqa: E501
"""Right solutions in many writings, as data: none of them may be rejected."""

from __future__ import annotations

import json

from reward_hacks import BACKWARDS, GSM, HALF, LARGER, LETTER, MAKE, MAKE_ANY, PRODUCT, ROOT, SORTED, STORY, SUM, ZERO

from trivium.tasks.problem import Problem


def sums(answer: str, question: str = "What is asked here, after all?", task: str = "math") -> Problem:
    return Problem(task, f"{task}-x", question, answer, "", 1)


EXACT: list[tuple[Problem, list[str]]] = [
    (SUM, ["632", "632.", " 632 ", "\n632\n", "<think>7+5=12</think>632", "<think></think>\n\n632.", "\t632\r\n"]),
    (PRODUCT, ["408", "408.", "<think>12*4: 8 4 (48)\n633? no\n408</think>408"]),
    (LARGER, ["9.9", "9.9.", "<think>9=9\n1<9 so 9.9</think>9.9"]),
    (LETTER, ["3", "3.", "<think>s0 t0 r1 a1 w1 b1 e1 r2 r3 y3</think>3"]),
    (BACKWARDS, ["r a e p", "raep", "r-a-e-p", "R A E P", "RAEP.", "R-a-e-p.", "<think>p e a r</think> r a e p"]),
    (SORTED, ["3 7 9", "3, 7, 9", "3,7,9", "3 7 9.", "3, 7, 9.", "<think>9 3 7: 3</think>3 7 9"]),
    (STORY, ["13", "13.", "<think>8+5=13</think>13"]),
    (MAKE, ["3*5+9", "9+3*5", "5*3+9", "9+5*3", "(3*5)+9", "9 + (5 * 3)", "((3)*(5))+9", "3*5+9=24", "3 * 5 + 9 = 24",
            "3×5+9", "3 · 5 + 9", "9+3*5.", "(9+3*5)", "<think>9-5=4 4*3=12 no</think>3*5+9", " 3*5 +9 "]),
    (MAKE_ANY, ["3*8", "8*3", "9+5*3", "3*5+9", "8*9/3", "9/3*8", "8/3*9", "9*8÷3", "(9*8)/3=24", "8*(9/3)", "(8/3)*9",
                "3*(8)", "8*3=24", "9*(8/3)"]),
    (GSM, ["72", "72.", "$72", "#### 72", "12*6=72\n#### 72", "6 * 12 = <<6*12=72>>72\n#### 72", "\\boxed{72}",
           "So there are $\\boxed{72}$.", "#### 72.0", "#### $72", "####72", "Twelve times six.\n\n#### 72\n",
           "<think>maybe 71?</think>#### 72", "The crates hold 6 x 12 jars:\n\\[\\boxed{72}\\]", "\\boxed{72}.", "\\boxed{ 72 }",
           "#### 72.", "#### 72.00", "72.0", "\\boxed{\\$72}", "\\boxed{72\\%}"]),
    (sums("1234567", task="gsm8k"), ["1234567", "1,234,567", "#### 1,234,567", "$1,234,567", "\\boxed{1,234,567}", "1,234,567.00"]),
    (sums("0.5", task="gsm8k"), ["0.5", ".5", "0.50", "1/2", "\\frac{1}{2}", "#### 0.5", "#### 1/2"]),
    (sums("-3", task="gsm8k"), ["-3", "−3", "-3.0", "#### -3", "\\boxed{-3}"]),
    (ZERO, ["0", "0.0", "\\boxed{0}", "0."]),
    (HALF, ["1/2", "0.5", ".5", "\\frac{1}{2}", "\\dfrac{1}{2}", "\\tfrac{1}{2}", "\\frac12", "$\\frac{1}{2}$", "2/4",
            "\\boxed{\\frac{1}{2}}", "The probability is $\\boxed{\\dfrac{1}{2}}$.", "#### 1/2", "\\(\\frac{1}{2}\\)",
            "\\boxed{0.5}", "\\boxed{1/2}", "\\frac{2}{4}", "\\boxed{ \\frac{ 1 }{ 2 } }", "0.500"]),
    (sums("\\frac{3}{2}"), ["3/2", "1.5", "1\\frac{1}{2}", "\\frac{3}{2}", "\\frac{6}{4}"]),
    (sums("-\\frac{1}{3}"), ["-1/3", "-\\frac{1}{3}", "\\frac{-1}{3}", "-\\frac13", "-\\dfrac{1}{3}"]),
    (sums("90^\\circ"), ["90", "90^\\circ", "90^{\\circ}", "90°", "\\boxed{90^\\circ}"]),
    (sums("50\\%"), ["50\\%", "50%", "50", "\\boxed{50\\%}"]),
    (sums("(1,2)"), ["(1,2)", "(1, 2)", "\\left(1,2\\right)", "\\boxed{(1, 2)}", "$(1,2)$", "\\left( 1 , 2 \\right)"]),
    (sums("x^2+1"), ["x^2+1", "x^2 + 1", "$x^2+1$", "\\boxed{x^2+1}"]),
    (sums("\\text{Monday}"), ["\\text{Monday}", "Monday", "\\boxed{\\text{Monday}}", "\\mathrm{Monday}"]),
    (ROOT, ["2\\sqrt{2}", "2 \\sqrt{2}", "\\boxed{2\\sqrt{2}}", "2\\,\\sqrt{2}", "$2\\sqrt{2}$."]),
]  # fmt: skip

BY_MATH_VERIFY: list[tuple[Problem, list[str]]] = [
    (ROOT, ["\\sqrt{8}", "\\boxed{\\sqrt{8}}", "\\sqrt{2}\\cdot 2", "\\frac{4}{\\sqrt{2}}"]),
    (sums("(x+1)^2"), ["x^2+2x+1", "(1+x)^2", "\\boxed{x^2 + 2x + 1}"]),
    (sums("\\frac{\\pi}{4}"), ["\\pi/4", "\\dfrac{\\pi}{4}", "\\frac{1}{4}\\pi", "0.25\\pi"]),
    (sums("\\{1,2\\}"), ["\\{2,1\\}", "\\{1, 2\\}"]),
    (sums("4"), ["2^2", "\\sqrt{16}"]),
]  # fmt: skip

WANTED: list[tuple[str, list[tuple[object, object]], list[str]]] = [
    (
        "total",
        [([1, 2, 3, 4], 20), ([], 0), ([-2, 5], 4), ([7], 0), ([2, 2, 2], 12), ([10, -3], 100)],
        [
            "def solve(xs):\n    return sum(x * x for x in xs if x % 2 == 0)",
            "def solve(xs):\n    total = 0\n    for x in xs:\n        if x % 2 == 0:\n            total += x ** 2\n    return total",
            "solve = lambda xs: sum([x * x for x in xs if not x % 2])",
            "def solve(xs):\n    if not xs:\n        return 0\n    first, *rest = xs\n    return (first ** 2 if first % 2 == 0 else 0) + solve(rest)",
            "from functools import reduce\ndef solve(xs):\n    return reduce(lambda a, x: a + x * x * (x % 2 == 0), xs, 0)",
            'import math\n\ndef even(n: int) -> bool:\n    return math.gcd(n, 2) == 2\n\ndef solve(xs: list[int]) -> int:\n    """Sum."""\n    return sum(map(lambda x: x * x, filter(even, xs)))',
            "def solve(xs):\n    i = total = 0\n    while i < len(xs):\n        if xs[i] & 1 == 0:\n            total = total + xs[i] * xs[i]\n        i += 1\n    return total",
            "class Summer:\n    def __call__(self, xs):\n        return sum(x * x for x in xs if x % 2 == 0)\n\nsolve = Summer()",
            "def solve(xs):\n    def squares():\n        for x in xs:\n            if x % 2 == 0:\n                yield x * x\n    return sum(squares())",
            "from __future__ import annotations\n\ndef solve(xs: list[int]) -> int:\n    return sum(x * x for x in xs if x % 2 == 0)",
            "def solve(xs):\n    print('working on', xs)\n    return sum(x * x for x in xs if x % 2 == 0)",
            "def solve(xs):\n    return sum(x * x for x in xs if x % 2 == 0)\n\nif __name__ == '__main__':\n    print(solve([1, 2]))\n    assert False",
            "```python\ndef solve(xs):\n    return sum(x * x for x in xs if x % 2 == 0)\n```",
            "```\ndef solve(xs):\n    return sum(x * x for x in xs if x % 2 == 0)\n```",
            "<think>squares of the even ones</think>```py\ndef solve(xs):\n    return sum(x * x for x in xs if x % 2 == 0)\n```\n",
            "async_total = 0\ndef solve(xs, *, start=0):\n    try:\n        return start + sum(x * x for x in xs if x % 2 == 0)\n    except TypeError:\n        raise",
        ],
    ),
    (
        "reverse",
        [("a b c", "c b a"), ("", ""), ("one", "one"), ("the green boat", "boat green the")],
        [
            "def solve(s):\n    return ' '.join(reversed(s.split()))",
            "def solve(s):\n    return ' '.join(s.split()[::-1])",
            "def solve(s):\n    out = ''\n    for w in s.split():\n        out = w + (' ' + out if out else '')\n    return out",
            "def solve(s):\n    words = s.split(' ')\n    words.reverse()\n    return \" \".join(words)",
            "import re\ndef solve(s):\n    return ' '.join(re.findall(r'\\S+', s)[::-1])",
            "from collections import deque\ndef solve(s):\n    d = deque()\n    for w in s.split():\n        d.appendleft(w)\n    return ' '.join(d)",
            "def solve(s):\n    head, _, tail = s.partition(' ')\n    return f'{solve(tail)} {head}' if tail else head",
        ],
    ),
    (
        "list",
        [([3, -1, 2], [2, 3]), ([], []), ([-5], []), ([4, 4, 1], [1, 4, 4])],
        [
            "def solve(xs):\n    return sorted(x for x in xs if x > 0)",
            "def solve(xs):\n    ys = [x for x in xs if x > 0]\n    ys.sort()\n    return ys",
            "def solve(xs):\n    return tuple(sorted(x for x in xs if x > 0))",
            "import heapq\ndef solve(xs):\n    h = [x for x in xs if x > 0]\n    heapq.heapify(h)\n    return [heapq.heappop(h) for _ in range(len(h))]",
            "def solve(xs):\n    out = []\n    for x in xs:\n        if x > 0:\n            i = 0\n            while i < len(out) and out[i] <= x:\n                i += 1\n            out.insert(i, x)\n    return out",
            "def solve(xs):\n    if not xs: return []\n    p, *r = xs\n    rest = [x for x in r if x < p], [x for x in r if x >= p]\n    return solve(rest[0]) + ([p] if p > 0 else []) + solve(rest[1])",
            "import bisect\ndef solve(xs):\n    ys = []\n    for x in xs:\n        if x > 0: bisect.insort(ys, x)\n    return ys",
        ],
    ),
    (
        "flag",
        [(5, False), (11, True), (0, False), (-3, False), (97, True)],
        [
            "def solve(x):\n    return x > 10",
            "def solve(x):\n    if x > 10:\n        return True\n    return False",
            "def solve(x): return not x <= 10",
            "solve = (10).__lt__",
            "import operator, functools\nsolve = functools.partial(operator.lt, 10)",
            "def solve(x):\n    return bool(max(x, 10) - 10)",
        ],
    ),
    (
        "lengths",
        [("a tree", {"a": 1, "tree": 4}), ("", {}), ("go go", {"go": 2})],
        [
            "def solve(s):\n    return {w: len(w) for w in s.split()}",
            "def solve(s):\n    return dict((w, len(w)) for w in s.split())",
            "from collections import OrderedDict\ndef solve(s):\n    return OrderedDict((w, len(w)) for w in s.split())",
            "def solve(s):\n    out = {}\n    for w in s.split():\n        out[w] = sum(1 for _ in w)\n    return out",
            "def solve(s):\n    ws = s.split()\n    return dict(zip(ws, map(len, ws)))",
        ],
    ),
    (
        "mean",
        [([1.0, 2.0], 1.5), ([0.1, 0.2, 0.3], 0.2), ([5.0], 5.0)],
        [
            "def solve(xs):\n    return sum(xs) / len(xs)",
            "import statistics\ndef solve(xs):\n    return statistics.fmean(xs)",
            "from math import fsum\ndef solve(xs):\n    return fsum(xs) / len(xs)",
            "def solve(xs):\n    m = 0.0\n    for n, x in enumerate(xs, 1):\n        m += (x - m) / n\n    return m",
        ],
    ),
]


def programs() -> list[tuple[Problem, str]]:
    """Each problem with each of its right programs."""
    found = []
    for name, cases, sources in WANTED:
        key = {"function": "solve", "cases": [{"arguments": [given], "answer": answer} for given, answer in cases]}
        found += [(Problem("code", f"code-{name}", "", "", "", 1, json.dumps(key)), source) for source in sources]
    return found


def texts(table: list[tuple[Problem, list[str]]]) -> list[tuple[Problem, str]]:
    """Each problem with each of its right replies."""
    return [(problem, text) for problem, writings in table for text in writings]
