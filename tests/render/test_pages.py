"""Explanations of failure modes, and their list."""

import json

from podid.ops.explain import explain
from podid.pages.index import ENTRIES
from podid.render.formats import to_json
from podid.render.pages import explanation_view, failures_view, page_list_view
from podid.render.view import Line
from render.shown import texts


def test_a_page_without_markdown() -> None:
    lines = texts(explanation_view(explain("agent-not-installed")).lines)
    assert lines[1] == "agent-not-installed, error, link 6 agent"
    assert {"Why", "How to fix it", "Sources"} <= {*lines}
    prose = [line for line in lines if not line.startswith("    ")]
    assert not [line for line in prose if "`" in line or "**" in line or "](" in line or line.startswith("#")]
    assert [line for line in lines if line.startswith("    podid install-agent")]
    sources = lines[lines.index("Sources") + 1 :]
    assert [line for line in sources if line.strip() and not line.startswith("  https://")] == []


def test_counts_in_a_log_and_further_pages() -> None:
    log = "Rate limited! Will try to keep creds locally\n" * 5 + "PackedPolicyTooLarge\n"
    lines = texts(explanation_view(explain(log)).lines)
    assert "5 times  eks-auth-throttled" in lines[:2]
    assert "It could also be" in lines


def test_an_uncertain_text_names_pages_only() -> None:
    view = explanation_view(explain("connection refused"))
    first, *names = texts(view.lines)
    assert first.startswith("The text alone does not identify a failure.")
    assert [line.split()[-1] for line in names if line.startswith("    podid explain ")] == [*view.names[:5]]
    assert json.loads(to_json(view.document))["certainty"] == "possible"


def test_pages_are_a_table() -> None:
    view = page_list_view(ENTRIES[:2])
    (table,) = view.tables
    assert [row[0] for row in table.rows] == [entry.id for entry in ENTRIES[:2]] == [*view.names]
    assert [column.title for column in table.columns] == ["ID", "SEVERITY", "LINK", "TITLE", "FIX"]


def test_failures_of_the_sandbox_are_in_the_order_of_the_links() -> None:
    view = failures_view({"trust-wrong-principal": ("in place", "orders"), "agent-not-installed": ("possible", "")})
    assert [row[:1] + row[2:4] for row in view.tables[0].rows] == [
        ("agent-not-installed", "possible", ""),
        ("trust-wrong-principal", "in place", "orders"),
    ]
    assert [item["subject"] for item in json.loads(to_json(view.document))["items"]] == [None, "orders"]


def test_commands_of_a_page_can_be_copied() -> None:
    lines = explanation_view(explain("agent-not-installed")).lines
    assert all(line.code for line in lines if isinstance(line, Line) and line.text.startswith("    podid "))
