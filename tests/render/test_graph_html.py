"""A graph as one HTML file."""

import base64
import hashlib
import re

from podid.render import graph as page
from podid.render.formats import Drawing
from render.graph_sample import GRAPH, Page, drawn


def test_html_has_every_node_and_edge_and_runs_only_its_script() -> None:
    text = drawn(GRAPH, Drawing.HTML)
    read = Page(text)
    buttons = read.all("button")
    assert [item["class"] for item in buttons] == [item.kind for item in GRAPH.nodes]
    assert [item["tabindex"] for item in buttons] == ["0", "-1", "-1", "-1", "-1", "-1"]
    assert [item["data-ends"] for item in read.all("path")] == ["0 1", "1 2", "2 3", "2 4", "2 5"]
    assert buttons[1]["data-words"] == "service-account shop/orders  demo  "
    assert buttons[3]["data-facts"] == "not known: the role is in account 444455556666"
    script = re.search(r"<script>(.*)</script>", text, re.DOTALL)
    assert script is not None
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    policies = [item["content"] for item in read.all("meta") if "http-equiv" in item]
    assert policies == [f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"]
    assert not {"src", "href"} & {name for _, attributes in read.tags for name in attributes}


def test_script_and_style_use_the_layout_of_the_page() -> None:
    script = page._asset("graph.js")
    numbers = dict(re.findall(r"([A-Z]+) = (\d+)", script.splitlines()[1]))
    expected = {"ROW": page.ROW, "WIDTH": page.WIDTH, "STEP": page.STEP, "TOP": page.TOP, "MIDDLE": page.MIDDLE}
    assert numbers == {name: str(value) for name, value in expected.items()}
    style = page._asset("graph.css")
    assert f"li {{ height: {page.ROW}px; }}" in style
    assert f"width: {page.WIDTH}px" in style
    assert f"h2 {{ font-size: .9rem; height: {page.TOP}px;" in style
