"""Conditions of promotion: ``f1@0.5 >= 0.9 and ap >= prod - 0.01``. Read by hand; nothing of it is ever executed.

    condition  = comparison { "and" comparison }
    comparison = figure operator bound
    operator   = ">=" | ">" | "<=" | "<" | "=="
    bound      = number | "prod" [ ("+" | "-") number ]

``prod`` as a bound is the same figure of the version that is in service, on the same dataset.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from saccade.errors import ConditionInvalid
from saccade.models.evaluations import is_figure

MAX_CHARACTERS = 500
MOST_COMPARISONS = 20
#: Names of figures that a refusal tells.
MOST_NAMED = 20
#: Means the same figure of the version in service.
PROD = "prod"

_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
    "==": operator.eq,
}
_WORD = re.compile(r"\s*(>=|<=|==|>|<|[+-](?=\s|[0-9.])|[a-z_][a-z0-9_@.]*|[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]{1,2})?)")
_NUMBER = re.compile(r"[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]{1,2})?")


@dataclass(frozen=True, slots=True)
class Comparison:
    """One figure that is held against a bound.

    Attributes:
        figure: Its name.
        operator: ``>=``, ``>``, ``<=``, ``<`` or ``==``.
        number: The bound, or what is added to the figure of the version in service.
        of_prod: Whether the bound is that figure, with ``number`` added.
    """

    figure: str
    operator: str
    number: float
    of_prod: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """A comparison after it was looked at.

    Attributes:
        value: The figure; None if the evaluation has none of this name.
        bound: What it was held against; None if the version in service has no such figure.
        is_met: Whether the comparison holds; it does not where one of both is missing.
        known: The names of all figures of the evaluation, in its order.
        is_in_service: Whether there is a version in service at all.
    """

    comparison: Comparison
    value: float | None
    bound: float | None
    is_met: bool
    known: tuple[str, ...] = ()
    is_in_service: bool = True

    def sentence(self) -> str:
        """Return what was asked and what it is."""
        asked = self.comparison
        if self.value is None:
            return f"{asked.figure} is not among the evaluation's figures{self._names()}"
        if self.bound is None and not self.is_in_service:
            return (
                f"{asked.figure} is {self.value:.6g}, and nothing is in service, so there is no figure to compare with"
            )
        if self.bound is None:
            return f"{asked.figure} of the version in service is not known on this dataset"
        verb = "asked" if not asked.of_prod else "asked, by the version in service,"
        return f"{asked.figure} is {self.value:.6g}, {verb} {asked.operator} {self.bound:.6g}"

    def _names(self) -> str:
        more = len(self.known) - MOST_NAMED
        told = ", ".join(self.known[:MOST_NAMED])
        return f": {told}{f' and {more} more' if more > 0 else ''}" if told else ""


def read_condition(text: str) -> tuple[Comparison, ...]:
    """Return what a condition asks.

    Raises:
        ConditionInvalid: It cannot be read; the text says where.

    Example:
        >>> read_condition("f1@0.5 >= 0.9")
        (Comparison(figure='f1@0.5', operator='>=', number=0.9, of_prod=False),)
    """
    if len(text) > MAX_CHARACTERS:
        raise ConditionInvalid(f"The condition has more than {MAX_CHARACTERS} characters.")
    words = _words(text)
    found = [_comparison(words)]
    while words:
        word = words.pop(0)
        if word != "and":
            raise ConditionInvalid(f"The condition goes on with {word[:40]!a} where 'and' or its end is expected.")
        found.append(_comparison(words))
        if len(found) > MOST_COMPARISONS:
            raise ConditionInvalid(f"The condition has more than {MOST_COMPARISONS} comparisons.")
    return tuple(found)


def hold(
    asked: tuple[Comparison, ...],
    figures: Mapping[str, float],
    of_prod: Mapping[str, float] | None,
    *,
    is_in_service: bool = True,
) -> tuple[Held, ...]:
    """Hold figures against a condition.

    Args:
        asked: The condition.
        figures: Of the version that is to be promoted.
        of_prod: Of the version in service, on the same dataset; None if they are not known.
        is_in_service: Whether there is a version in service at all.
    """
    held = []
    for each in asked:
        value, bound = figures.get(each.figure), each.number
        known = (of_prod or {}).get(each.figure) if each.of_prod else 0.0
        limit = None if known is None else known + bound
        is_met = value is not None and limit is not None and _COMPARE[each.operator](value, limit)
        held.append(Held(each, value, limit, is_met, tuple(figures), is_in_service))
    return tuple(held)


def _words(text: str) -> list[str]:
    words, at = [], 0
    while text[at:].strip():
        match = _WORD.match(text, at)
        if match is None:
            raise ConditionInvalid(f"The condition cannot be read from {text[at:].strip()[:40]!a} on.")
        words.append(match[1])
        at = match.end()
    return words


def _comparison(words: list[str]) -> Comparison:
    if len(words) < 3:  # noqa: PLR2004 - a figure, an operator, a bound
        raise ConditionInvalid("The condition ends where a figure, a comparison and a number are expected.")
    figure, compared, bound = words[:3]
    del words[:3]
    if not is_figure(figure) or figure in {PROD, "and"}:
        raise ConditionInvalid(f"{figure[:60]!a} is no figure.")
    if compared not in _COMPARE:
        raise ConditionInvalid(f"{compared[:40]!a} stands where one of {', '.join(_COMPARE)} is expected.")
    if bound == PROD:
        return Comparison(figure, compared, _offset(words), of_prod=True)
    sign = 1.0
    if bound in {"+", "-"} and words:
        sign, bound = (-1.0 if bound == "-" else 1.0), words.pop(0)
    if not _NUMBER.fullmatch(bound):
        raise ConditionInvalid(f"{bound[:40]!a} stands where a number or 'prod' is expected.")
    return Comparison(figure, compared, sign * _number(bound))


def _offset(words: list[str]) -> float:
    """Return what is added to the figure of the version in service."""
    if not words or words[0] not in {"+", "-"}:
        return 0.0
    sign = -1.0 if words.pop(0) == "-" else 1.0
    if not words or not _NUMBER.fullmatch(words[0]):
        raise ConditionInvalid("A number is expected behind 'prod +' or 'prod -'.")
    return sign * _number(words.pop(0))


def _number(word: str) -> float:
    """Return a number; one of hundreds of digits is infinite as a float, and a bound that all meet is none."""
    number = float(word)
    if not math.isfinite(number):
        raise ConditionInvalid(f"{word[:40]!a} is too large a number.")
    return number
