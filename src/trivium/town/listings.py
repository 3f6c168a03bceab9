"""Lists of small questions about nothing in the town: what teaches a base model to go on with a list it is shown."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

PAIRS: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {}
"""Families of little questions: the wording, with {x} for what is asked about, and the pairs of x and answer."""


def _family(name: str, wording: str, pairs: str) -> tuple[str, tuple[str, tuple[tuple[str, str], ...]]]:
    return name, (wording, tuple((x, y) for x, _, y in (pair.strip().partition(" = ") for pair in pairs.split(","))))


PAIRS.update(
    [
        _family(
            "opposites",
            "What is the opposite of {x}?",
            """hot = cold, big = small, up = down, day = night, old = new,
        wet = dry, fast = slow, hard = soft, full = empty, light = dark, high = low, good = bad, open = shut,
        left = right, early = late, rich = poor, long = short, loud = quiet, happy = sad, first = last,
        near = far, in = out""",
        ),
        _family(
            "plurals",
            "What is the plural of {x}?",
            """child = children, foot = feet, man = men, leaf = leaves,
        box = boxes, tooth = teeth, city = cities, book = books, knife = knives, bus = buses, woman = women,
        story = stories, tree = trees, glass = glasses, day = days, wolf = wolves, lady = ladies, shelf = shelves""",
        ),
        _family(
            "past",
            "What is the past of {x}?",
            """go = went, see = saw, eat = ate, run = ran, take = took, give = gave,
        write = wrote, sing = sang, come = came, make = made, find = found, buy = bought, think = thought, know = knew,
        walk = walked, swim = swam, fall = fell, begin = began, speak = spoke""",
        ),
        _family(
            "colours",
            "What colour is {x}?",
            """grass = green, snow = white, coal = black, the sky = blue, blood = red,
        a lemon = yellow, milk = white, a ripe tomato = red, chocolate = brown, the sun = yellow, night = black,
        a leaf = green, an orange = orange, butter = yellow, smoke = gray""",
        ),
        _family(
            "days",
            "Which day comes after {x}?",
            """Monday = Tuesday, Tuesday = Wednesday, Wednesday = Thursday,
        Thursday = Friday, Friday = Saturday, Saturday = Sunday, Sunday = Monday""",
        ),
        _family(
            "months",
            "Which month comes after {x}?",
            """January = February, February = March, March = April,
        April = May, May = June, June = July, July = August, August = September, September = October,
        October = November, November = December, December = January""",
        ),
        _family(
            "numbers",
            "Which number comes after {x}?",
            """one = two, two = three, three = four, four = five,
        five = six, six = seven, seven = eight, eight = nine, nine = ten, ten = eleven, eleven = twelve,
        twelve = thirteen""",
        ),
        _family(
            "digits",
            "How do you write {x} as a digit?",
            """one = 1, two = 2, three = 3, four = 4, five = 5, six = 6,
        seven = 7, eight = 8, nine = 9, zero = 0""",
        ),
        _family(
            "kinds",
            "What kind of thing is {x}?",
            """a rose = flower, an oak = tree, iron = metal, a chair = furniture,
        red = colour, June = month, an apple = fruit, a hammer = tool, an eagle = bird, a bus = vehicle, rain = weather,
        gold = metal, a coat = clothing, a pine = tree, a spoon = tool, Sunday = day, a tulip = flower,
        a plum = fruit""",
        ),
        _family(
            "places",
            "Where do you find {x}?",
            """a bed = bedroom, a stove = kitchen, books = library, stars = sky,
        fish = water, sand = beach, trees = forest, a stage = theatre, cars = road, ships = harbour, milk = fridge,
        letters = mailbox, money = bank, pupils = school""",
        ),
        _family(
            "first letters",
            "With which letter does {x} begin?",
            """apple = a, bread = b, cloud = c, dream = d,
        earth = e, forest = f, garden = g, house = h, island = i, juice = j, king = k, lamp = l, moon = m, night = n,
        ocean = o, paper = p, river = r, stone = s, tree = t, water = w, year = y""",
        ),
        _family(
            "parts",
            "What has {x}?",
            """wheels = cart, pages = book, leaves = tree, wings = bird, windows = house,
        strings = kite, hands = clock, keys = lock, teeth = comb, legs = table, sails = ship, fins = fish,
        buttons = shirt""",
        ),
    ]
)


def question_list(rng: Random) -> str:
    """A list of five to nine answered questions of one family (sometimes of several), in one of four styles."""
    families = [rng.choice(list(PAIRS))] if rng.random() < 0.7 else rng.sample(list(PAIRS), 3)
    pool = [(PAIRS[name][0].replace("{x}", x), x, y) for name in families for x, y in PAIRS[name][1]]
    rows = rng.sample(pool, min(len(pool), rng.randint(5, 9)))
    style = rng.choice(_STYLES if len(families) == 1 else _STYLES[:3])
    return "\n".join(style(q, x, y) for q, x, y in rows)


_STYLES: tuple[Callable[[str, str, str], str], ...] = (
    lambda q, x, y: f"Question: {q} Answer: {y}.",
    lambda q, x, y: f"Question: {q} Answer: {y}.",
    lambda q, x, y: f"Q: {q} A: {y}.",
    lambda q, x, y: f"{x} -> {y}",
)
