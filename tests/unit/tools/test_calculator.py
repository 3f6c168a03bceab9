"""The calculator's answers as people and models read them."""

from __future__ import annotations

import pytest

from trivium.tools.calculator import CannotCalculate, calculate


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("9.9 > 9.11", "true"),
        ("9.11 - 9.9", "-0.79"),
        ("0.1 + 0.2 == 0.3", "true"),
        ("348*619", "215412"),
        ("-2**2", "-4"),
        ("2**-1", "0.5"),
        ("2**3**2", "512"),
        ("0**0", "1"),
        ("(-1)**(10**20 + 1)", "-1"),
        ("10!", "3628800"),
        ("100!/98!", "9900"),
        ("7 % 3", "1"),
        ("-7 // 2", "-4"),
        ("7 mod -3", "-2"),
        ("15% * 80", "12"),
        ("200 + 10%", "200.1"),
        ("√(9/4) + sqrt 16", "5.5"),
        ("2^0.5", "1.41421356237310 (rounded to 15 digits)"),
        ("1/3", "0.333333333333333 (rounded to 15 digits; exactly 1/3)"),
        ("1 < 2 < 3 != 4", "true"),
        ("round(2.675, 2)", "2.68"),
        ("round(-2.5)", "-3"),
        ("max(1, 2.5, gcd(12, 18))", "6"),
        ("3×4 − 2²", "8"),
        ("1e3 * 1e-3", "1"),
        ("0.1**40", "0." + "0" * 39 + "1"),
        ("sqrt(2) < sqrt(3)", "true"),
        ("floor(-1.5) + ceil(1.2)", "0"),
    ],
)
def test_results(typed: str, text: str) -> None:
    assert calculate(typed).text == text


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("9**9**9", "369693099 digits"),
        ("9**9**9**9**9", "digits"),
        ("(9**9)!", "0 to 1000"),
        ("2**20000 * 2**20000", "6000 digits"),
        ("lcm(" + ",".join(f"{n}!+1" for n in range(900, 999)) + ")", "6000 digits"),
        ("1e1000000000000", "beyond"),
        ("1e1001", "beyond"),
        ("1/0", "Division by zero"),
        ("1 % 0", "where a number should be|Division"),
        ("1 mod 0", "Division by zero"),
        ("0**-1", "Division by zero"),
        ("7 % -3", "brackets, or mod"),
        ("1,234 + 1", "','"),
        ("max(1", "'the end'"),
        ("(" * 400 + "1" + ")" * 400, "brackets or signs"),
        ("-" * 900 + "1", "brackets or signs"),
        ("1 + " * 400, "characters"),
        ("__import__('os')", "not understood"),
        ("x + 1", "not known"),
        ("2 3", "operator"),
        ("(1 < 2) + 1", "'<'"),
        ("sqrt(-1)", "square root"),
        ("2**0.3", "whole numbers"),
        ("sqrt(2)**2 == 2", "as far as can be told"),
        ("", "ends where"),
        ("٣ + 1", "not understood"),
    ],
)
def test_reasons(typed: str, reason: str) -> None:
    with pytest.raises(CannotCalculate, match=reason):
        calculate(typed)
