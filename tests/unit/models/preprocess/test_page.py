from __future__ import annotations

import re
from pathlib import Path

import yaml

from saccade.models.preprocess.canvas import MAX_RESIZED_PIXELS
from saccade.models.preprocess.processors import PROCESSORS, REFUSED, Processor
from saccade.models.preprocess.transformers import HONOURED
from saccade.models.preprocess.written import STEPS, plan_from_steps

PAGE = Path(__file__).parents[4].joinpath("docs", "reference", "preprocessing.md").read_text(encoding="utf-8")


def rows_under(heading: str) -> list[list[str]]:
    """The body of the first table under a heading, cell by cell."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def described(name: str, row: Processor) -> list[str]:
    """How the page shows a processor."""
    crop = "ignored" if row.crops is None else str(row.crop_px) if row.crops else "off"
    return [
        f"{name}ImageProcessor",
        ", ".join(f"{key} {length}" for key, length in row.size.items()),
        row.resample.name.lower(),
        crop,
        {None: "ignored", True: "on", False: "off"}[row.normalizes],
        row.padding.value + (", on" if row.pads else ""),
        row.resizing.value,
        row.used_by or "-",
    ]


def test_page_lists_the_classes_when_compared_with_the_table():
    """Every class that is read, with its defaults, and none that is not."""
    assert [described(name, row) for name, row in PROCESSORS.items()] == rows_under("transformers classes")


def test_page_lists_the_refusals_when_compared_with_the_table():
    """Every class that is refused by name, with the reason."""
    assert [[f"{name}ImageProcessor", reason] for name, reason in REFUSED.items()] == rows_under("Refused")


def test_page_lists_the_steps_when_compared_with_the_table():
    """Every step that can be written, with its settings."""
    expected = [[f"`{name}`", ", ".join(f"`{one}`" for one in step.settings) or "-"] for name, step in STEPS.items()]

    assert expected == rows_under("Steps of a `saccade.yaml`")


def test_page_names_the_keys_when_compared_with_the_code():
    """Every key that changes a pixel is named."""
    sentence = re.search(r"The keys that count are (.*?), each where", PAGE, re.DOTALL)

    assert set(HONOURED) == set(re.findall(r"`(\w+)`", sentence[1]))


def test_example_is_read_when_it_is_copied_from_the_page():
    """The YAML on the page is a working file."""
    example = yaml.safe_load(PAGE.split("```yaml\n")[1].split("```")[0])

    assert len(example["preprocess"]["steps"]) == len(plan_from_steps(example["preprocess"]["steps"]).steps)


def test_page_names_the_limit_when_compared_with_the_code():
    """The largest picture that a step may make is the one in the text."""
    assert f"more than {MAX_RESIZED_PIXELS // 1_000_000} million px" in " ".join(PAGE.split())
