"""Plans and results as text."""

from harness import members
from ops.change.support import ATTACHMENT, HEADER
from podid.domain.errors import AccessDenied
from podid.domain.plan import ChangeResult, Done, Plan, Status
from podid.ops.change.kinds import ROLE_SETTINGS
from podid.render.changes import plan_lines, plan_view, result_view
from podid.render.view import Line

STATE = {"roleName": "r", "description": "old", "maxSessionDuration": 3600, "tags": {}, "permissionsBoundary": ""}
UPDATE = ROLE_SETTINGS.action(STATE, {**STATE, "description": "new"})
HEAD = f"Plan as {HEADER.caller_arn} in account 111122223333, us-west-2, cluster demo"


def text(plan: Plan) -> list[str]:
    return [line.text if isinstance(line, Line) else line for line in plan_lines(plan)]


def test_a_plan() -> None:
    assert text(Plan(header=HEADER, actions=())) == [HEAD, "  nothing to change"]
    plan = Plan(header=HEADER, actions=(ATTACHMENT, UPDATE), unchanged=(ATTACHMENT,), notes=("the role is new",))
    assert text(plan) == [
        HEAD,
        "  + create managed policy p of role r",
        "  ~ update settings of role r",
        "      description: old -> new",
        "  = managed policy p of role r needs no change",
        "  note: the role is new",
    ]
    rows = plan_view(plan).tables[0].rows
    assert [row[2:4] for row in rows] == [("r/p", "planned"), ("r", "planned"), ("r/p", "unchanged")]


def test_a_result() -> None:
    error = AccessDenied("denied", permission="iam:AttachRolePolicy")
    failed = Done(ATTACHMENT, Status.FAILED, reason="denied", error=error)
    done = (Done(UPDATE, Status.DONE, UPDATE.after), failed, Done(ATTACHMENT, Status.BLOCKED, reason="not tried"))
    result = ChangeResult(
        plan=Plan(header=HEADER, actions=(UPDATE, ATTACHMENT, ATTACHMENT)), done=done, run_id="run", error=error
    )
    view = result_view(result)
    assert [action["status"] for action in members(view)["actions"]] == ["done", "failed", "blocked"]
    assert view.text.splitlines() == [
        "✓ settings of role r: updated",
        "✗ managed policy p of role r: failed: denied",
        "✗ managed policy p of role r: blocked: not tried",
    ]
