"""The checklist tells the truth: every row is there once and says something, and every test that it names exists."""

import ast
import re
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "checklist.md").read_text(encoding="utf-8")
#: Row id, what it is, and by what it is shown.
ROWS = re.findall(r"^\| ([A-K]\d+) \| (.+) \| (.+) \|$", PAGE, re.MULTILINE)
#: By letter, how many rows its section has.
SIZES = {"A": 14, "B": 16, "C": 12, "D": 16, "E": 10, "F": 3, "G": 8, "H": 8, "I": 5, "J": 13, "K": 10}
ONE_TEST = re.compile(r"`(tests/[\w/]+/test_\w+\.py)::(test_\w+)`")
NOT_YET = re.compile(r"not yet: \S.{5,}")
MOST_TESTS = 3


def parts(shown_by):
    """Return what a row is shown by, and what it lacks, each as written."""
    found = shown_by.split("<br>")
    lacks = [part for part in found if part.startswith("not yet")]
    return [part for part in found if part not in lacks], lacks


def names_in(path):
    """Return the names of a file's tests, in classes too."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_row_is_there_once_and_in_order():
    """None is lost, none stands twice, and no line of a table is passed over because it looks different."""
    lines = re.findall(r"^\| (?!row |---)", PAGE, re.MULTILINE)

    assert [row for row, _, _ in ROWS] == [f"{letter}{n + 1}" for letter, size in SIZES.items() for n in range(size)]
    assert (len(ROWS), len(lines)) == (115, 115)


def test_every_row_names_tests_or_says_what_is_missing():
    """One to three tests, then at most one thing that is missing; without a test there must be one."""
    wrong = []
    for row, _, shown_by in ROWS:
        tests, lacks = parts(shown_by)
        is_sound = (
            len(tests) <= MOST_TESTS
            and len(lacks) <= 1
            and tests + lacks == shown_by.split("<br>")
            and len(set(tests)) == len(tests)
            and all(ONE_TEST.fullmatch(test) for test in tests)
            and all(NOT_YET.fullmatch(lack) for lack in lacks)
        )
        if not is_sound or not tests + lacks:
            wrong.append((row, shown_by))

    assert wrong == []


def test_every_named_test_exists():
    """A test that was renamed or removed proves nothing any more."""
    named = [(row, ROOT / path, test) for row, _, shown_by in ROWS for path, test in ONE_TEST.findall(shown_by)]

    assert len(named) > len(ROWS)
    assert [(row, str(path)) for row, path, _ in named if not path.is_file()] == []
    assert [(row, test) for row, path, test in named if path.is_file() and test not in names_in(path)] == []


def test_no_two_rows_are_the_same():
    """Each feature is told apart in words."""
    said = sorted(what for _, what, _ in ROWS)

    assert [first for first, second in pairwise(said) if first == second] == []
