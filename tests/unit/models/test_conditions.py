"""Conditions of promotion: what they ask, when they hold, and that no text does anything but be refused."""

import random
import re

import pytest

from saccade.errors import ConditionInvalid
from saccade.models.conditions import MAX_CHARACTERS, MOST_COMPARISONS, MOST_NAMED, Comparison, hold, read_condition

READS = {
    "f1@0.5 >= 0.9": (Comparison("f1@0.5", ">=", 0.9),),
    "f1@0.5>=0.9": (Comparison("f1@0.5", ">=", 0.9),),
    "  top1\t>\n.5 ": (Comparison("top1", ">", 0.5),),
    "ece <= 1e-2": (Comparison("ece", "<=", 0.01),),
    "bias < -0.25": (Comparison("bias", "<", -0.25),),
    "bias > + 2": (Comparison("bias", ">", 2.0),),
    "images == 12": (Comparison("images", "==", 12.0),),
    "ap >= prod": (Comparison("ap", ">=", 0.0, of_prod=True),),
    "ap >= prod - 0.01": (Comparison("ap", ">=", -0.01, of_prod=True),),
    "ap>=prod+.5": (Comparison("ap", ">=", 0.5, of_prod=True),),
    "ap >= 0.6 and top1 > prod and ece < 0.1": (
        Comparison("ap", ">=", 0.6),
        Comparison("top1", ">", 0.0, of_prod=True),
        Comparison("ece", "<", 0.1),
    ),
}

#: Each is one thing that somebody may write, by mistake or on purpose.
FAULTS = {
    "nothing": "",
    "blanks": " \t\n\u2003",
    "figure alone": "ap",
    "no bound": "ap >=",
    "no figure": ">= 0.9",
    "two figures": "ap top1 0.9",
    "no comparison": "ap 0.9 0.9",
    "one equals sign": "ap = 0.9",
    "unequal": "ap != 0.9",
    "chained": "0.5 < ap < 0.9",
    "or": "ap > 0.5 or ap < 0.1",
    "and at the end": "ap > 0.5 and",
    "and at the beginning": "and ap > 0.5",
    "and twice": "ap > 0.5 and and ap > 0.1",
    "AND in capitals": "ap > 0.5 AND ap > 0.1",
    "comma": "ap > 0,5",
    "two numbers": "ap > 0.5 0.6",
    "figure as bound": "ap > top1",
    "prod as figure": "prod > 0.5",
    "and as figure": "and > 0.5 ",
    "prod without a number": "ap > prod -",
    "prod and a figure": "ap > prod - top1",
    "prod times two": "ap > prod * 2",
    "minus prod": "ap > - prod",
    "two signs": "ap > --1",
    "sign alone": "ap > -",
    "beyond floats": "ap > 1e400",
    "beyond floats, written out": f"ap > {'9' * 400}",
    "beyond floats, from prod": f"ap > prod - {'9' * 400}",
    "not a number": "ap > nan",
    "infinity": "ap > inf",
    "minus infinity": "ap > -inf",
    "hexadecimal": "ap > 0x10",
    "underscores in a number": "ap > 1_000",
    "digits that are not ours": "ap > \u0661\u0662",
    "letters that are not ours": "\u0430p > 0.5",
    "a sign that is not ours": "ap \u2265 0.9",
    "import": "__import__('os').system('id') > 0",
    "import as figure": "__import__ > 0",
    "attribute": "ap.__class__ > 0",
    "lambda": "(lambda: 1)() > 0",
    "walrus": "ap := 1",
    "comment": "ap > 0.5 # and more",
    "quote": "ap > '0.5'",
    "semicolon": "ap > 0.5; drop table evaluation",
    "format": "{ap} > %s",
    "NUL": "ap > 0.5\0",
    "lone surrogate": "ap > \ud800",
    "emoji": "\U0001f600 > 1",
    "bidi": "\u202eap > 1",
    "10 kB": "ap > 0.5 and " * 800 + "ap > 0.5",
    "10 kB of digits": "ap > " + "1" * 10_000,
    "10 kB of blanks": " " * 10_000,
    "one character too many": "ap > 0." + "5" * (MAX_CHARACTERS - 6),
    "a long name": "a" * 60 + " > 0.5",
    "too many comparisons": " and ".join(["a > 0"] * (MOST_COMPARISONS + 1)),
}


@pytest.mark.parametrize("text", READS)
def test_condition_is_read(text):
    """Blanks do not matter, numbers are as people write them, and prod may have something added."""
    assert read_condition(text) == READS[text]


@pytest.mark.parametrize("fault", FAULTS)
def test_what_cannot_be_read_is_refused_in_words_that_can_be_shown(fault):
    """Whatever is written, the answer is a short sentence of plain letters, and never another error."""
    with pytest.raises(ConditionInvalid) as refused:
        read_condition(FAULTS[fault])

    assert str(refused.value).isascii()
    assert len(str(refused.value)) < 300


def test_any_text_is_read_or_refused():
    """Texts thrown together from words of the language and others never end otherwise; what is read is finite."""
    dice = random.Random(20)
    words = [
        "ap",
        "f1@0.5",
        ">=",
        ">",
        "==",
        "0.9",
        "1e99",
        "and",
        "prod",
        "+",
        "-",
        " ",
        ".",
        "@",
        "e",
        "\0",
        "é",
        "_",
    ]
    read = 0
    for _ in range(20_000):
        begun = dice.choice(("", "ap >", "ap > 0.5 and ", "ap >= prod"))
        text = begun + dice.choice(("", " ")).join(dice.choices(words, k=dice.randint(0, 8)))
        try:
            asked = read_condition(text)
        except ConditionInvalid:
            continue
        read += 1
        assert all(re.fullmatch(r"[a-z0-9_@.]+", each.figure) for each in asked)
        assert all(abs(each.number) < 1e100 for each in asked)

    assert read > 100


def test_longest_condition_is_read():
    """What is just short enough and has just few enough comparisons passes."""
    assert len(read_condition(" and ".join(["a > 0"] * MOST_COMPARISONS))) == MOST_COMPARISONS
    assert len(read_condition("ap > 0." + "5" * (MAX_CHARACTERS - 7))) == 1


@pytest.mark.parametrize(
    ("condition", "met"),
    [
        ("ap >= 0.5", True),
        ("ap > 0.5", False),
        ("ap <= 0.5", True),
        ("ap < 0.5", False),
        ("ap == 0.5", True),
        ("ap == 0.25", False),
        ("ap >= prod", False),
        ("ap >= prod - 0.25", True),
        ("ap < prod", True),
        ("ap >= prod + 0.25", False),
        ("top1 >= 0.5", False),
        ("top1 <= 0.5", False),
        ("ece <= prod", False),
        ("ece >= prod", False),
    ],
)
def test_figures_are_held_against_bounds(condition, met):
    """Bounds count or do not count as the sign says; a figure that is missing on either side meets nothing."""
    held = hold(read_condition(condition), {"ap": 0.5, "ece": 0.1}, {"ap": 0.75, "top1": 0.9})

    assert [each.is_met for each in held] == [met]


def test_each_comparison_tells_what_it_is_and_what_was_asked():
    """Whoever is refused reads the figure and the bound, or what is missing."""
    asked = read_condition("ap >= 0.9 and ap >= prod - 0.25 and top1 > 0 and ece < prod")
    held = hold(asked, {"ap": 0.5, "ece": 0.1}, {"ap": 1.0})

    assert [each.sentence() for each in held] == [
        "ap is 0.5, asked >= 0.9",
        "ap is 0.5, asked, by the version in service, >= 0.75",
        "top1 is not among the evaluation's figures: ap, ece",
        "ece of the version in service is not known on this dataset",
    ]


def test_nothing_in_service_meets_no_bound_of_prod():
    """Where nothing is in service, prod is no bound that could be met, and that is what is said."""
    [held] = hold(read_condition("ap >= prod"), {"ap": 1.0}, None, is_in_service=False)

    assert not held.is_met
    assert held.sentence() == "ap is 1, and nothing is in service, so there is no figure to compare with"


def test_of_many_figures_the_first_are_named():
    """A refusal stays short, whatever was written down."""
    figures = {f"f{number}": 0.0 for number in range(MOST_NAMED + 3)}
    [held] = hold(read_condition("ap > 0"), figures, None)

    assert held.sentence().endswith(f": {', '.join(list(figures)[:MOST_NAMED])} and 3 more")
