"""The words of the letter tasks: everyday English, three to eleven letters, none of them a name or a fact of the town.

They are few, fifty a level, so that a model which reads a few million tokens meets each of them several times.
"""

from __future__ import annotations

WORDS: tuple[str, ...] = tuple(
    """
add bag big end job leg man new nut old one pin sad ten bath calm card cold cost face fork gate girl glue gray head
hole home item joke lens luck milk mint nine nose open pain roof sand seat soap step stop swim test vase warm wing
yard beach bloom chest clean coast cream flour juice kneel laugh layer level model noise ocean phone plain point prize
reply right sheep shirt sport stage still sweet world yellow answer autumn button candle cherry flower ginger handle
letter listen marble mother narrow packet pepper potato ribbon shadow spider strong walnut airport blanket blossom
brother charity citizen curtain forever freedom general healthy holiday lantern message nothing popcorn rainbow
shelter station sunrise vanilla village whistle accident birthday building calendar chemical cupboard fountain
lemonade original paragraph railroad shoulder squirrel strawberry sunlight together vacation wonderful ambulance
blueberry character different fireplace knowledge satellite temperature toothbrush
""".split()
)
