"""The HTML of a graph in a browser: search, keyboard, dark mode, and no request besides the file."""

from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest

from browser import NEEDS_BROWSER, PROGRAM, Browser, browser
from podid.ops.audit.graph import Graph
from podid.render.graph import graph_view
from render.graph_sample import GRAPH, ORDERS, ROLE, edge, hostile, node

pytestmark = pytest.mark.skipif(PROGRAM is None, reason=NEEDS_BROWSER)
FOCUS = "document.activeElement.textContent"
VISIBLE = "[...document.querySelectorAll('#graph li')].filter(item => item.offsetParent).length"
COUNT = "document.getElementById('count').textContent"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("browser") / "profile") as window:
        window.resize(1280)
        yield window


def opened(page: Browser, graph: Graph, folder: Path) -> None:
    file = folder / "graph.html"
    file.write_text(graph_view(graph, "html", several=False).drawings["html"](), encoding="utf-8")
    page.requests.clear()
    page.open(file.as_uri())
    assert page.requests == [file.as_uri()]


def press(page: Browser, key: str) -> None:
    text = {"text": "\r"} if key == "Enter" else {}
    code = {"Enter": 13, "Escape": 27, "ArrowDown": 40, "ArrowRight": 39, "/": 191}[key]
    for kind in ("keyDown", "keyUp"):
        page.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **text)
        text = {}


def search(page: Browser, words: str) -> None:
    press(page, "/")
    page.call("Input.insertText", text=words)


def test_search_and_keys(page: Browser, tmp_path: Path) -> None:
    opened(page, GRAPH, tmp_path)
    assert page.evaluate(VISIBLE) == len(GRAPH.nodes)
    search(page, "s3")
    # the matching node and everything that is connected with it: cluster, service account, role
    assert page.holds(f"{COUNT} === '1 of 6 nodes match'")
    assert page.evaluate(VISIBLE) == 4
    press(page, "Escape")
    assert page.holds(f"{VISIBLE} === {len(GRAPH.nodes)}")
    page.evaluate("document.querySelector('#graph button.cluster').focus()")
    press(page, "ArrowRight")
    assert ORDERS.name in page.evaluate(FOCUS)
    press(page, "ArrowRight")
    assert ROLE.name in page.evaluate(FOCUS)
    assert "arn:aws:iam::111122223333:role/orders-role" in page.evaluate(
        "document.getElementById('details').textContent"
    )
    press(page, "Enter")
    assert page.holds(f"{COUNT} === '6 connected nodes'")


def test_light_and_dark(page: Browser, tmp_path: Path) -> None:
    opened(page, GRAPH, tmp_path)
    colours = []
    for scheme in ("light", "dark"):
        page.prefer(color_scheme=scheme)
        style = page.evaluate("(s => [s.color, s.backgroundColor])(getComputedStyle(document.body))")
        colours.append([sum(int(part) for part in text[4:-1].split(", ")) for text in style])
    (text, ground), (text_by_night, ground_by_night) = colours
    assert text < 200 < 600 < ground
    assert ground_by_night < 200 < 600 < text_by_night


def test_hostile_names_run_nothing(page: Browser, tmp_path: Path) -> None:
    opened(page, hostile(), tmp_path)
    assert page.evaluate("document.title").startswith("podid graph: ")
    assert page.evaluate(VISIBLE) == len(GRAPH.nodes)


@pytest.mark.rare
def test_two_thousand_nodes_are_searchable_within_two_seconds(page: Browser, tmp_path: Path) -> None:
    """500 service accounts with 500 roles, 995 services and the rest."""
    accounts = [node("service-account", f"account-{n}", namespace=f"n{n % 40}", exists=True) for n in range(500)]
    roles = [node("role", f"role-{n}", exists=True) for n in range(500)]
    services = [node("service", f"service-{n}") for n in range(999)]
    cluster = GRAPH.nodes[0]
    edges = [edge(cluster, account, "has") for account in accounts]
    edges += [edge(account, role, "assumes") for account, role in zip(accounts, roles, strict=True)]
    edges += [edge(roles[n % 500], service, "allows") for n, service in enumerate(services)]
    graph = Graph(nodes=(cluster, *accounts, *roles, *services), edges=tuple(edges))
    assert len(graph.nodes) == 2000
    file = tmp_path / "graph.html"
    file.write_text(graph_view(graph, "html", several=False).drawings["html"](), encoding="utf-8")
    begin = monotonic()
    page.open(file.as_uri())
    search(page, "role-499")
    assert page.holds(f"{COUNT} === '1 of 2000 nodes match'")
    assert monotonic() - begin < 2
