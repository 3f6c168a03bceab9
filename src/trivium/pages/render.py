"""From a template and values to a page. Everything is escaped, unless it is Markup that `svg` made."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from trivium.pages import figures
from trivium.pages.colours import colour, stylesheet, switchable

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"


@cache
def environment() -> Environment:
    """The templates, with autoescape, undefined names as errors, and this house's figures as filters."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in ("percent", "points", "plain", "count", "short", "size"):
        made.filters[name] = getattr(figures, name)
    made.filters["colour"] = colour
    return made


def render(name: str, **values: Any) -> str:
    """The page of a template. Raises jinja2.UndefinedError when the template wants a value that is not given."""
    return environment().get_template(name).render(**values)


def style() -> Markup:
    """The report's stylesheet with all colours: our own text, so it goes in unescaped."""
    return Markup(stylesheet() + _sheet("base.css") + _sheet("style.css"))  # noqa: S704


def shared_style() -> str:
    """What a server's page has of it: colours that a switch may turn, letters, links, folds."""
    return switchable() + _sheet("base.css")


def _sheet(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")
