"""The dress of a page: five made-up sites with menus, side bars and footers, as a crawler would meet them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from random import Random

from trivium.town.names import TOWN_NAME

SITES: dict[str, tuple[str, str]] = {
    "gazette.larkham.example": ("The Larkham Gazette", "news"),
    "www.larkham.example": ("Town of Larkham", "people"),
    "clubs.larkham.example": ("Larkham Clubs", "members"),
    "school.larkham.example": ("Larkham School", "yearbook"),
    "archive.larkham.example": ("Larkham Archive", "book"),
}
"""Hosts with the site's name and the folder of its pages. The `.example` domain can never be anybody's."""

_MENU = (
    "Home",
    "News",
    "People",
    "Calendar",
    "Clubs",
    "School",
    "Archive",
    "Maps",
    "Weather",
    "Contact",
    "Shop",
    "Help",
)
_SIDE = (
    "Most read",
    "Opening hours",
    "Bus times",
    "Lost and found",
    "Photo gallery",
    "Subscribe",
    "Small ads",
    "Latest notices",
    "Search the archive",
    "Recent comments",
    "Our sponsors",
    "Older issues",
)
_FOOT = ("Imprint", "Terms of use", "Privacy policy", "Site map", "Accessibility", "Log in", "RSS", "Print this page")
_STYLE = "body{font:16px/1.5 serif;margin:0}nav a{padding:0 .6em}aside{float:right;width:12em}footer{font-size:small}"


def url_of(host: str, title: str, number: int) -> str:
    """The address of a page: readable words of its title and its number."""
    slug = "-".join("".join(c if c.isalnum() else " " for c in title.lower()).split())
    return f"https://{host}/{SITES[host][1]}/{slug}-{number}.html"


def html_of(rng: Random, host: str, title: str, paragraphs: Sequence[str]) -> str:
    """A whole HTML page around the paragraphs; `rng` picks the menu's, the side bar's and the footer's links."""
    site = SITES[host][0]
    body = "\n".join(f"<p>{escape(text, quote=False)}</p>" for text in paragraphs)
    menu, side, foot = (_links(rng, words, count) for words, count in ((_MENU, 7), (_SIDE, 5), (_FOOT, 5)))
    wrap = rng.choice(
        (
            '<main><article class="entry">{}</article></main>',
            '<main id="content">{}</main>',
            '<div id="main"><article>{}</article></div>',
            '<div class="content"><div class="post">{}</div></div>',
        )
    )
    main = wrap.replace("{}", f"<h1>{escape(title, quote=False)}</h1>\n{body}")
    aside = f'<aside class="sidebar"><h3>{rng.choice(_SIDE)}</h3>{side}</aside>'
    middle = f"{main}\n{aside}" if rng.random() < 0.5 else f"{aside}\n{main}"
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)} | {site}</title>\n'
        f'<meta name="generator" content="trivium town"><style>{_STYLE}</style></head>\n<body>\n'
        f'<header><div class="logo"><a href="/">{site}</a></div><nav class="menu">{menu}</nav></header>\n'
        f"{middle}\n"
        f"<footer><nav>{foot}</nav><small>© {site}, {TOWN_NAME}. All rights reserved.</small></footer>\n"
        "</body></html>\n"
    )


def _links(rng: Random, words: Sequence[str], count: int) -> str:
    picked = rng.sample(words, count)
    items = "".join(f'<li><a href="/{word.lower().replace(" ", "-")}">{word}</a></li>' for word in picked)
    return f"<ul>{items}</ul>"
