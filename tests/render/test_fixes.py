"""The plans of the fixes of `podid doctor --fix --dry-run`."""

import json

from podid.domain.findings import FixClass
from podid.domain.plan import Header, Plan
from podid.ops.doctor.fixes import AutoFix
from podid.render.changes import plan_view
from podid.render.fixes import PlannedFix, fixes_view
from podid.render.formats import to_json
from render.reports.sample import report_of
from render.shown import texts

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
