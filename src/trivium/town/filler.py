"""The sentences of the pages that state no fact: a grammar with slots, so that no two pages read alike.

Filler is what makes the pages pass as pages: it gives the web filters their stop words, the deduplication its
differences and the language model its plain English. It names no inhabitant and uses no attribute's value.
"""

from __future__ import annotations

import re
from random import Random

from trivium.town.names import TOWN_NAME

SLOTS: dict[str, tuple[str, ...]] = {
    "town": (TOWN_NAME,),
    "day": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "month": (
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ),
    "season": ("spring", "summer", "autumn", "winter"),
    "time": ("morning", "afternoon", "evening", "night"),
    "place": (
        "the town hall",
        "the old mill",
        "the market square",
        "the station",
        "the north bridge",
        "the harbour",
        "the school",
        "the river path",
        "the big barn",
        "the post office",
        "the church hall",
        "the green",
        "the long hall",
        "the corner shop",
        "the town library",
        "the park",
    ),
    "event": (
        "the fair",
        "the open day",
        "the street party",
        "the book sale",
        "the yearly dinner",
        "the concert",
        "the big clean",
        "the town meeting",
        "the boat race",
        "the quiz night",
        "the harvest supper",
        "the parade",
    ),
    "group": (
        "the council",
        "the committee",
        "the band",
        "the school",
        "a group of parents",
        "the fire brigade",
        "the reading circle",
        "the garden club",
        "the choir",
        "the local shop",
        "the youth club",
    ),
    "weather": ("rain", "snow", "a strong wind", "thick fog", "warm sun", "a clear sky", "a cold front", "light frost"),
    "number": ("six", "seven", "nine", "twelve", "fifteen", "twenty", "thirty", "forty", "sixty", "a hundred"),
    "thing": (
        "benches",
        "lamps",
        "flower beds",
        "books",
        "chairs",
        "tables",
        "windows",
        "bicycles",
        "boats",
        "trees",
        "flags",
        "kites",
        "lanterns",
        "letters",
        "posters",
        "tools",
    ),
    "adjective": (
        "new",
        "old",
        "small",
        "bright",
        "quiet",
        "wooden",
        "green",
        "simple",
        "heavy",
        "narrow",
        "lovely",
        "plain",
    ),
    "action": (
        "mend the roof",
        "paint the fence",
        "clear the ditch",
        "plant new trees",
        "count the votes",
        "clean the windows",
        "print the next issue",
        "sort the old photographs",
        "repair the clock",
        "sweep the yard",
        "raise some money",
        "move the stage",
    ),
}

GENERAL = (
    "On {day} {time} there was {weather} over {place}, but nobody stayed at home.",
    "The next meeting will be held at {place} on the first {day} of {month}.",
    "About {number} people came to {event}, which is more than last {season}.",
    "In {month} {group} bought {number} {adjective} {thing} for {place}.",
    "Anyone who wants to help to {action} should come to {place} on {day}.",
    "After {event} the {thing} were put away, and the doors were closed before {time}.",
    "The {thing} near {place} have been there for {number} years and still look {adjective}.",
    "We thank {group} for the {adjective} {thing} and for a pleasant {day}.",
    "It took {number} hours to {action}, because of {weather} in the {time}.",
    "Plans for {event} were agreed in {month}, and {group} will pay for the {thing}.",
    "If there is {weather}, we will meet in {place} instead.",
    "Some visitors asked about the {adjective} {thing}, which {group} had brought.",
    "There is still time to {action} before {event} begins in {month}.",
    "Every {season} the road to {place} is closed for {number} days.",
    "Few people remember {place} as it was before the {adjective} {thing} came.",
    "With {weather} expected on {day}, {event} has been moved to {place}.",
    "Last {month} {group} offered to {action}, and the offer was accepted at once.",
    "The walk from {place} to {place} takes {number} minutes in good weather.",
    "Nobody had time to {action}, so {group} did it on {day}.",
    "A box of {adjective} {thing} was left at {place} after {event}.",
    "By {time} the {thing} were ready and {event} could start.",
    "You can still buy {adjective} {thing} at {place} every {day}.",
    "Children from {place} helped to {action} and were given lemonade.",
    "What would {season} be without {event} and a few {adjective} {thing}?",
    "They said that {weather} in {month} was good for the {thing}.",
    "The key to {place} is kept by {group} until {event} is over.",
    "For {number} years {group} has met on {day} in {place}.",
    "Please bring your own {thing}, since {place} has only {number} of them.",
    "We had {weather} all {time}, and {event} was shorter than planned.",
    "One of the {thing} was broken, but {group} had {number} more.",
    "The oldest {thing} in {place} date from a {season} that few of us have seen.",
    "It was {group} that asked us to {action} this {season}.",
    "Half of the money from {event} will be used to {action}.",
    "From {month} on, {place} will be open until late in the {time}.",
    "There were {number} {thing} on the table and hardly any room for more.",
    "Before {event}, {group} had to {action} in {weather}.",
)

KINDS: dict[str, dict[str, tuple[str, ...]]] = {
    "gazette": {
        "title": (
            "News from {place}",
            "{month} in {town}",
            "Notes after {event}",
            "A busy {season} in the town",
            "Around {place} this {month}",
            "Who is who at {event}",
        ),
        "first": (
            "Our reporter spent {day} at {place} and wrote down who was there.",
            "The paper has asked around at {event}, and here is what we learned.",
            "Readers wanted to know more about their neighbours, so we went to {place} in {month}.",
            "It was {event} that brought so many people to {place} on {day}.",
        ),
        "last": (
            "More will follow in the {month} issue.",
            "Letters about this piece can be left at {place}.",
            "The paper is sold at {place} from {day} on.",
            "Next week we report on {event}.",
        ),
    },
    "club": {
        "title": (
            "Members of {group}",
            "The club list for {month}",
            "New members this {season}",
            "Our club at {event}",
        ),
        "first": (
            "The club met at {place} on {day}, and these members said hello.",
            "Each {season} we write a few lines about our members.",
            "Before {event} the club would like to present some of its people.",
            "Here is the list of members who came in {month}, with a line on each.",
        ),
        "last": (
            "To join us, come to {place} on any {day} {time}.",
            "The fee for {season} is still {number} coins.",
            "The club thanks {group} for the use of {place}.",
            "Our next trip is planned for {month}.",
        ),
    },
    "letter": {
        "title": (
            "A letter from {place}",
            "Letter of a {season} {time}",
            "Dear cousin, from {town}",
            "What I saw at {event}",
        ),
        "first": (
            "Dear cousin, you asked me who lives around {place}, so let me tell you.",
            "My dear friend, it is {month} already, and I promised to write about my neighbours.",
            "Dear aunt, we have {weather} here, and I have time for a long letter on this {day}.",
            "Dear brother, at {event} I met more people than in a whole {season}.",
        ),
        "last": (
            "I must stop now and go to {place}.",
            "Write soon, and come to see us in {month}.",
            "Give my love to all, and keep warm in this {season}.",
            "The post leaves on {day}, so I close here.",
        ),
    },
    "chronicle": {
        "title": (
            "Chronicle of the year, part {number}",
            "The guild book for {month}",
            "From the town book",
            "Entries made at {place}",
        ),
        "first": (
            "In this part of the chronicle the keeper writes about those who live near {place}.",
            "The book was opened at {event}, and the following was entered in {month}.",
            "These entries were read aloud at {place} on a {day} and found to be correct.",
            "The guild keeps this book so that the {season} is not forgotten.",
        ),
        "last": (
            "So it was written at {place} in {month}.",
            "The page was closed on {day} in the {time}.",
            "The next entries follow after {event}.",
            "The book is kept in {place} for all to read.",
        ),
    },
    "yearbook": {
        "title": (
            "Yearbook, page {number}",
            "The class that met at {event}",
            "Where are they now?",
            "Old friends from {place}",
        ),
        "first": (
            "Our class met again at {place} in {month}, and everyone had something to tell.",
            "This page of the yearbook is about people we have known since a certain {season}.",
            "The school asked what had become of us, and on {day} we collected the answers.",
            "Many years after {event}, this is how the class is doing.",
        ),
        "last": (
            "The next class meeting is at {place} in {month}.",
            "Send your own lines to the school before {day}.",
            "The photographs of {event} can be seen at {place}.",
            "We will print more names in {season}.",
        ),
    },
    "minutes": {
        "title": ("Minutes of the {month} meeting", "Meeting at {place}", "Report on {event}", "Notes of {day} {time}"),
        "first": (
            "The meeting was opened at {place} on {day}, and those present were introduced.",
            "Before the main business, {group} read out some lines about the people of the town.",
            "The report on {event} was read, with remarks on those who took part.",
            "The {month} meeting began late because of {weather}.",
        ),
        "last": (
            "The meeting was closed in the {time}.",
            "The next meeting takes place after {event}.",
            "These minutes were approved at {place} in {month}.",
            "Copies can be had at {place} on {day}.",
        ),
    },
    "questions": {
        "title": (
            "Questions about our neighbours",
            "Asked and answered at {event}",
            "The {month} quiz of the town",
            "Questions from visitors to {place}",
        ),
        "first": (
            "Visitors to {place} ask the same things again and again, so here are the answers.",
            "At {event} we were asked many questions, and we wrote some of them down.",
            "This is the {season} quiz, printed with its answers by {group}.",
            "New in town since {month}? These answers may help you on your first {day}.",
        ),
        "last": (
            "More questions can be left at {place}.",
            "The next quiz takes place at {event} in {month}.",
            "If you know better, tell {group} on {day}.",
            "We will answer more of them in {season}.",
        ),
    },
}
"""Kinds of page: how they are headed, opened and closed."""


def sentence(rng: Random, template: str) -> str:
    """The template with its slots filled, each slot with a word of its own."""
    used: set[str] = set()

    def fill(match: re.Match[str]) -> str:
        word = rng.choice([one for one in SLOTS[match.group(1)] if one not in used])
        used.add(word)
        return word

    text = re.sub(r"\{(\w+)\}", fill, template)
    return text[0].upper() + text[1:]
