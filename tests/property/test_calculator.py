"""The calculator against fractions worked out from the same tree; and whatever is typed gives a result or a reason."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from trivium.tools.calculator import COMPARISONS, CannotCalculate, calculate

EXAMPLES = settings(max_examples=300, deadline=None)


@dataclass(frozen=True)
class Tree:
    sign: str
    left: Tree | str
    right: Tree | str


numbers = st.one_of(
    st.integers(0, 10**6).map(str), st.decimals(0, 1000, places=3).map(str), st.sampled_from(["0", "1", "2", "0.5"])
)
trees = st.recursive(
    numbers,
    lambda inner: st.builds(Tree, st.sampled_from(["+", "-", "*", "/", "//", "%", "mod", "neg"]), inner, inner),
    max_leaves=12,
)
STRENGTH = {"+": 1, "-": 1, "*": 2, "/": 2, "//": 2, "%": 2, "mod": 2, "neg": 3}


def written(tree: Tree | str) -> str:
    """The tree with no more brackets than its operators need."""
    if isinstance(tree, str):
        return tree
    if tree.sign == "neg":
        return f"-{inside(tree.left, 3)}"
    strength = STRENGTH[tree.sign]
    right = inside(tree.right, strength + 1)
    right = f"({right})" if right.startswith("-") else right  # `7 % -3` could be percent, minus
    return f"{inside(tree.left, strength)} {tree.sign} {right}"


def inside(tree: Tree | str, strength: int) -> str:
    text = written(tree)
    return text if isinstance(tree, str) or STRENGTH[tree.sign] >= strength else f"({text})"


def worth(tree: Tree | str) -> Fraction:
    if isinstance(tree, str):
        return Fraction(tree)
    a, b = worth(tree.left), Fraction(0) if tree.sign == "neg" else worth(tree.right)
    work = {
        "+": lambda: a + b,
        "-": lambda: a - b,
        "*": lambda: a * b,
        "/": lambda: a / b,
        "//": lambda: Fraction(a // b),
        "%": lambda: a % b,
        "mod": lambda: a % b,
        "neg": lambda: -a,
    }
    return work[tree.sign]()


@EXAMPLES
@given(trees)
def test_it_is_exact(tree: Tree | str) -> None:
    try:
        expected = worth(tree)
    except ZeroDivisionError:
        try:
            calculate(written(tree))
        except CannotCalculate as error:
            assert "Division by zero" in str(error)
            return
        raise AssertionError(written(tree)) from None
    found = calculate(written(tree))
    assert found.value == expected and found.exact
    if "rounded" not in found.text:
        assert Fraction(found.text) == expected
    else:
        near = Fraction(found.text.split()[0])
        assert abs(near - expected) <= abs(expected) / 10**14
        assert expected.denominator > 1


@EXAMPLES
@given(st.decimals(-100, 100, places=2), st.decimals(-100, 100, places=2), st.sampled_from(sorted(COMPARISONS)))
def test_comparisons_are_those_of_the_numbers(left: object, right: object, sign: str) -> None:
    a, b = Fraction(str(left)), Fraction(str(right))
    assert calculate(f"{left} {sign} {right}").value is COMPARISONS[sign](a, b)


@EXAMPLES
@given(st.integers(0, 10**40), st.integers(1, 10**20))
def test_roots_are_exact_or_as_near_as_said(top: int, bottom: int) -> None:
    found = calculate(f"sqrt({top}/{bottom})")
    assert not isinstance(found.value, bool)
    value = Fraction(top, bottom)
    if found.exact:
        assert found.value**2 == value
    else:
        assert found.value**2 <= value < (found.value * (1 + Fraction(1, 10**30))) ** 2
    assert calculate(f"sqrt(({top}/{bottom})**2)").value == value


typed = st.lists(
    st.sampled_from("0 1 9 9.9 . 1e9 ( ) + - * / // ** ^ % ! , < = > sqrt round min pi x _ é √ ² e9".split())
)


@EXAMPLES
@given(st.one_of(st.text(max_size=60), typed.map("".join), typed.map(" ".join)))
def test_whatever_is_typed_gives_a_result_or_a_reason(text: str) -> None:
    try:
        assert calculate(text).text
    except CannotCalculate as error:
        assert str(error)
