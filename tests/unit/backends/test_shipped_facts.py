"""What is shipped about the shipped graphs is what an inspection finds."""

import pytest

from saccade.backends.engines.inspection import GraphInspector
from saccade.models import embedded_folder

GRAPHS = sorted(embedded_folder().glob("*/onnx/*.onnx"))
FACTS = embedded_folder() / "_facts"


@pytest.mark.parametrize("graph", GRAPHS, ids=lambda graph: graph.parent.parent.name)
def test_shipped_facts_equal_a_fresh_inspection(graph):
    """A first start trusts these records instead of starting a child, so they must be true."""
    fresh = GraphInspector()

    assert (FACTS / fresh.record_name(graph)).is_file(), "run `make docs`"
    assert fresh(graph) == GraphInspector(shipped_dir=FACTS)(graph)


def test_there_is_a_record_for_each_shipped_graph_and_no_other():
    """Two graphs are shipped, and nothing is left of graphs that were."""
    assert {GraphInspector().record_name(graph) for graph in GRAPHS} == {path.name for path in FACTS.glob("*")}
    assert len(GRAPHS) == 2
