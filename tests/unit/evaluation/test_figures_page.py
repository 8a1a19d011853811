"""docs/how-to/promote-a-model.md lists every figure that an evaluation writes down, and no other."""

import re
from pathlib import Path

import pytest

from saccade.evaluation.figures import evaluated
from saccade.models.evaluations import checked_figures
from unit.evaluation.drawn import album, drawn_scene, said

PAGE = (Path(__file__).parents[3] / "docs" / "how-to" / "promote-a-model.md").read_text()
SCENES = {
    "detectors": drawn_scene(3),
    "classifiers": album(said("a", ("a", 0.9), ("b", 0.1)), said("b", ("b", 0.7)), labels=("a", "b")),
}


def listed(of):
    """Return the names in the rows of the table that are of these models."""
    rows = re.findall(r"^\| (`.+?`) \| (\w+) \|", PAGE, re.MULTILINE)
    return [name for names, models in rows if models in {of, "both"} for name in re.findall("`(.+?)`", names)]


@pytest.mark.parametrize("of", SCENES)
def test_page_lists_the_figures_that_are_written_down(of):
    """Where everything can be computed, the names are those of the table, each once."""
    dataset, seen = SCENES[of]
    figures = evaluated(dataset, seen, model="m@1", digest="d", engine="e", threshold=0.4, resamples=0).figures

    assert sorted(listed(of)) == sorted(figures)
    assert checked_figures(figures) == figures
