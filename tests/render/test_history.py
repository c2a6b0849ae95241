"""The view of the journal."""

from datetime import UTC, datetime, timedelta

from harness import members
from ops.change.support import ATTACHMENT, HEADER
from podid.domain.plan import Status
from podid.ops.change.records import Run, Step
from podid.render.history import history_view

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def run(end: str, **facts: object) -> Run:
    values = {"command": ("role", "attach", "r"), "header": HEADER, "started_at": "2026-01-01T00:00:00Z", "steps": ()}
    return Run(run_id=f"20260101T000000000Z-{end}", **{**values, **facts})  # type: ignore[arg-type]


def test_ids_are_short_on_a_terminal_if_they_are_unique() -> None:
    runs = (run("aaaaaa"), run("bbbbbb", undoes="x"), run("bbbbbb"))
    rows = history_view(runs, NOW, detail=False, short=True).tables[0].rows
    assert [row[0] for row in rows] == ["aaaaaa", runs[1].run_id, runs[2].run_id]
    assert [row[1] for row in rows] == ["1d ago"] * 3
    assert rows[1][2].endswith(" (undo)")
    full = history_view(runs, NOW + timedelta(days=1), detail=False, short=False).tables[0].rows
    assert full[0][:2] == (runs[0].run_id, "2026-01-01T00:00:00Z")


def test_the_steps_of_one_run() -> None:
    steps = (Step(0, ATTACHMENT, Status.FAILED, None, "denied"), Step(1, ATTACHMENT, None, None))
    view = history_view((run("aaaaaa", steps=steps),), NOW, detail=True, short=False)
    lines = view.text.splitlines()
    assert lines[1] == f"  as {HEADER.caller_arn} in account 111122223333, us-west-2, cluster demo"
    assert lines[2:] == [
        "  1. create managed policy p of role r: failed (denied)",
        "  2. create managed policy p of role r: open",
    ]
    (item,) = members(view)["items"]
    assert [action["status"] for action in item["actions"]] == ["failed", "open"]
