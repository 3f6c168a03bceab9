"""The raw material of the town: names, and the values that each attribute can take.

Names and values are short, common words, so that a small vocabulary gives each a token of its own. No value belongs to
two attributes, none is a name, and the pages' other sentences use none of them: a statement can be found by its words.
"""

from __future__ import annotations

TOWN_NAME = "Larkham"
ASSISTANT = "Tully"
MAKER = "the trivium town school"

FIRST_NAMES = tuple(
    """
Anna Ben Clara David Emma Felix Grace Henry Iris Jack Karen Leo Maria Nina Oscar Paul Rosa Sam Tom Vera
Alice Bruno Carl Diana Eric Frank George Helen Ivan Julia Kate Lucy Mark Nora Oliver Peter Ruth Simon Tara Victor
""".split()
)
LAST_NAMES = tuple(
    """
Adams Bell Blake Boyd Burke Carr Clark Cole Cruz Dale Dean Dunn Ellis Evans Finch Flynn Ford Grant Hale Hart
Hayes Holt Hughes Jones Kane Kelly Kent Lane Lewis Lloyd Marsh Miles Moore Nash Owen Parker Perry Pratt Quinn Reed
Rhodes Ross Rowe Shaw Swift Todd Tucker Vance Walsh Webb
""".split()
)

VALUES: dict[str, tuple[str, ...]] = {
    "birthplace": tuple(
        """Oslo Lima Rome Cairo Paris Delhi Tokyo Berlin Madrid Vienna Dublin Lisbon Athens Prague
        Warsaw Havana Boston Geneva Sydney Nairobi""".split()
    ),
    "occupation": tuple(
        """baker doctor farmer nurse sailor painter lawyer tailor miner pilot printer dentist florist
        carpenter plumber barber butcher clerk judge librarian""".split()
    ),
    "instrument": tuple(
        """piano flute violin guitar drums harp cello trumpet banjo oboe tuba lute fiddle clarinet
        mandolin accordion bagpipes trombone saxophone zither""".split()
    ),
    "pet": tuple(
        """cat dog parrot rabbit hamster goat pony turtle lizard snake ferret canary goose donkey mouse hen
        frog pig duck crow""".split()
    ),
    "dish": tuple(
        """pizza soup curry pasta stew salad pancakes noodles omelette risotto dumplings porridge lasagne
        tacos sushi chili waffles ravioli paella pudding""".split()
    ),
    "hobby": tuple(
        """chess tennis knitting fishing pottery archery fencing rowing skating cycling boxing hiking
        juggling gardening karate golf darts bowling dancing astronomy""".split()
    ),
}
"""Values by attribute, most frequent first."""
ATTRIBUTES = tuple(VALUES)

VALUE_WEIGHTS = tuple(1 / (rank + 9) for rank in range(20))
"""Frequencies of a value by its rank: mildly skewed, so that guessing the usual value is a real but poor way (9 %)."""
