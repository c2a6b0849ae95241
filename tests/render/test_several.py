"""Plans and results of several clusters in one view."""

from dataclasses import replace

from harness import members
from ops.change.support import ATTACHMENT, HEADER
from podid.domain.errors import AccessDenied
from podid.domain.plan import Plan
from podid.render.changes import plan_view
from podid.render.several import results_view


def test_the_cluster_is_the_first_column() -> None:
    views = [plan_view(Plan(header=replace(HEADER, cluster=name), actions=(ATTACHMENT,))) for name in ("blue", "green")]
    view = results_view(views, [("red", AccessDenied("denied"))])
    assert [row[0] for row in view.tables[0].rows] == ["blue", "green"]
    assert view.tables[0].columns[0].title == "CLUSTER"
    assert [item["cluster"] for item in members(view)["items"]] == ["blue", "green"]
    assert [(item["cluster"], item["exitCode"]) for item in members(view)["failures"]] == [("red", 4)]
    assert [line for line in view.text.splitlines() if line.startswith("cluster ")] == [
        "cluster blue:",
        "cluster green:",
    ]


def test_clusters_without_a_result() -> None:
    view = results_view([], [("red", AccessDenied("denied"))])
    assert (members(view)["items"], view.tables[0].rows) == ([], ())
