"""Plans and results of several clusters, or of several fixes, in one view."""

import json
from dataclasses import replace

from harness import members
from ops.change.support import ATTACHMENT, HEADER
from podid.domain.errors import AccessDenied
from podid.domain.findings import FixClass
from podid.domain.plan import Header, Plan
from podid.ops.doctor.fixes import AutoFix
from podid.render.changes import plan_view
from podid.render.formats import to_json
from podid.render.multicluster import PlannedFix, fixes_view, results_view
from render.reports.sample import report_of
from render.shown import texts


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


COMMAND = ("podid", "associate", "shop/orders")
SOURCE = AutoFix(report_of().verdicts[0], FixClass.GRANT, (COMMAND,))
EMPTY = Plan(
    header=Header(caller_arn="arn:aws:iam::111122223333:user/me", account="111122223333", region="eu-west-1"),
    actions=(),
)
ERROR = {"code": "NotFound", "message": "cluster blue does not exist", "exitCode": 5, "hint": None}


def test_a_fix_with_its_plan_and_one_without() -> None:
    view = fixes_view(
        [PlannedFix(SOURCE, COMMAND, plan_view(EMPTY), {}), PlannedFix(SOURCE, COMMAND, None, ERROR)], "demo"
    )
    planned, failed = json.loads(to_json(view.document))["items"]
    assert (planned["id"], planned["class"], planned["command"]) == ("association-missing", "GRANT", [*COMMAND])
    assert (planned["plan"]["actions"], planned["error"]) == ([], None)
    assert (failed["plan"], failed["error"]) == (None, {key: ERROR[key] for key in ("code", "message", "exitCode")})
    lines = texts(view.lines)
    assert lines[:2] == [
        "association-missing, ServiceAccount shop/orders: orders",
        "  fix (gives a role): podid associate shop/orders",
    ]
    assert lines[-1] == "  no plan: cluster blue does not exist"
    assert view.names == ("association-missing", "association-missing")
