"""docs/reference/packages.md says what the code does."""

import re
from pathlib import Path

import pytest

from saccade.models.decoders.families import FAMILIES
from saccade.models.layouts import LAYOUTS
from saccade.models.layouts.plugins import NAME as PLUGIN
from saccade.models.layouts.remote import NAME as REMOTE
from saccade.models.manifest import FilePart, Manifest, PreprocessPart, ReferencePart, RemotePart, TorchvisionPart
from saccade.models.names import NAME_PATTERN, VERSION_PATTERN

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "packages.md").read_text()


def section(heading):
    """Return the rows of the table below a heading: first cell to second."""
    text = PAGE.split(f"\n{heading}\n", 1)[1]
    text = re.split(r"\n#+ ", text, maxsplit=1)[0]
    return dict(re.findall(r"^\| `([^`]+)` \| (.+?) \|", text, re.MULTILINE))


@pytest.mark.parametrize(
    ("heading", "model"),
    [
        ("## saccade.yaml", Manifest),
        ("### preprocess", PreprocessPart),
        ("### preprocess.torchvision", TorchvisionPart),
        ("### remote", RemotePart),
        ("### references", ReferencePart),
        ("### files", FilePart),
    ],
)
def test_page_lists_every_key_with_its_own_words(heading, model):
    """Keys and what they say are those of the model that checks the file."""
    assert section(heading) == {name: field.description for name, field in model.model_fields.items()}


def test_page_lists_the_layouts_in_the_order_in_which_they_are_tried():
    """The table is the table of the code."""
    assert list(section("## Layouts")) == [PLUGIN, REMOTE, *LAYOUTS]


def test_page_gives_the_patterns_of_names():
    """What a name may be is said as it is checked."""
    assert f"`{NAME_PATTERN}`" in PAGE
    assert f"`{VERSION_PATTERN}`" in PAGE


def test_page_lists_every_family_with_what_its_decoder_reads():
    """A family is found with its task, the outputs it needs and all of its options; every option is explained."""
    text = PAGE.split("\n### Families\n", 1)[1].split("\n### preprocess\n", 1)[0]
    rows = [tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in text.splitlines() if "| `" in line]
    families = [row for row in rows if len(row) == 4]

    assert [
        (
            f"`{family.name}`",
            family.task.value,
            family.outputs,
            ", ".join(f"`{name}`" for name in sorted(family.options)) or "none",
        )
        for family in FAMILIES.values()
    ] == [tuple(cell.strip() for cell in row) for row in families]
    assert {option for family in FAMILIES.values() for option in family.options} == {
        row[0].strip(" `") for row in rows if len(row) == 2
    }
