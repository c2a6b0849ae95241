"""A graph in the DOT language."""

from podid.render.formats import Drawing
from render.graph.sample import GRAPH, dot_strings, drawn


def test_dot() -> None:
    text = drawn(GRAPH, Drawing.DOT)
    assert '"role:orders-role" -> "service:s3";' in text
    assert '"role:orders-role" -> "target-role:reports" [style=dashed, label="can assume"];' in text
    assert 'label="? reports"' in text
    assert 'tooltip="not known: the role is in account 444455556666"' in text
    dot_strings(text)
