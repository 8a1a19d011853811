"""What the program says about itself is current in docs/reference."""

import importlib.util
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


def pages():
    """Return the table of generated pages."""
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.PAGES


@pytest.mark.parametrize("name", sorted(pages()))
def test_generated_page_is_current(name):
    """A page differs from what `make docs` writes only until somebody runs it."""
    written = (DOCS / "reference" / name).read_text(encoding="utf-8")

    assert pages()[name]() == written
