"""Which runs count as undone and continued, and which states an interrupted change of several calls explains."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from harness import table
from ops.change.support import HEADER
from podid.domain.plan import Action, State, Status
from podid.ops.change.kinds import ROLE_ATTACHMENT, ROLE_SETTINGS
from podid.ops.change.records import Run, Step
from podid.ops.change.undone import is_halfway, related, undone_by

ATTACHED = ROLE_ATTACHMENT.action(None, {"roleName": "r", "policyArn": "p"})
DETACHED = ROLE_ATTACHMENT.action({"roleName": "r", "policyArn": "p"}, None)
OTHER = ROLE_ATTACHMENT.action(None, {"roleName": "r", "policyArn": "q"})
OTHER_BACK = ROLE_ATTACHMENT.action({"roleName": "r", "policyArn": "q"}, None)


def run(
    name: str,
    *done: Action,
    undoes: str = "",
    ended: bool = True,
    untried: Sequence[Action] = (),
    status: Status | None = Status.DONE,
) -> Run:
    steps = tuple(Step(number, action, status, action.after) for number, action in enumerate(done))
    command = ("undo", undoes) if undoes else ("role", "attach")
    return Run(
        run_id=name,
        command=command,
        header=HEADER,
        started_at="",
        steps=steps,
        untried=tuple(untried),
        undoes=undoes,
        ended=ended,
    )


R = run("1", ATTACHED, OTHER)


@pytest.mark.parametrize(
    ("later", "undone"),
    [
        ((), {}),
        ((run("2", OTHER_BACK, DETACHED, undoes="1"),), {"1": "2"}),
        # killed after its last write, and between the two
        ((run("2", OTHER_BACK, DETACHED, undoes="1", ended=False),), {"1": "2"}),
        ((run("2", OTHER_BACK, undoes="1", ended=False, untried=[DETACHED]),), {}),
        ((run("2", OTHER_BACK, DETACHED, undoes="1", ended=False, status=None),), {}),
        ((run("2", OTHER_BACK, undoes="1", untried=[DETACHED]),), {}),
        # the other policy was detached already
        ((run("2", OTHER_BACK, undoes="1"),), {"1": "2"}),
        # continued
        (
            (run("2", OTHER_BACK, undoes="1", ended=False, untried=[DETACHED]), run("3", DETACHED, undoes="1")),
            {"1": "3"},
        ),
        # an undo that was undone, and one more
        ((run("2", OTHER_BACK, DETACHED, undoes="1"), run("3", ATTACHED, OTHER, undoes="2")), {"2": "3"}),
        (
            (
                run("2", OTHER_BACK, DETACHED, undoes="1"),
                run("3", ATTACHED, OTHER, undoes="2"),
                run("4", OTHER_BACK, DETACHED, undoes="1"),
            ),
            {"1": "4", "2": "3"},
        ),
        # an undo whose own run is not in the journal
        ((run("2", OTHER_BACK, undoes="0"),), {}),
    ],
)
def test_an_undone_run(later: tuple[Run, ...], undone: dict[str, str]) -> None:
    runs = (*reversed(later), R)
    assert undone_by(runs) == undone
    assert {item.run_id: item.undone_by for item in related(runs) if item.undone_by} == undone


def test_a_resource_that_a_run_changed_twice_is_back_only_when_its_first_state_is() -> None:
    first, second, third = ({"roleName": "r", "description": text} for text in ("a", "b", "c"))
    changed = run("1", ROLE_SETTINGS.action(first, second), ATTACHED, ROLE_SETTINGS.action(second, third))
    halfway = run("2", ROLE_SETTINGS.action(third, second), DETACHED, undoes="1", ended=False)
    assert undone_by((halfway, changed)) == {}
    whole = run("3", ROLE_SETTINGS.action(second, first), undoes="1", ended=False)
    assert undone_by((whole, halfway, changed)) == {"1": "3"}


def test_a_continued_run() -> None:
    cut = run("1", ATTACHED, ended=False, untried=[OTHER])
    elsewhere = replace(run("2", OTHER), header=replace(HEADER, cluster="blue"))
    runs = (run("4", OTHER), run("3", OTHER), elsewhere, cut)
    assert [item.continued_by for item in related(runs)] == ["", "", "", "3"]
    assert [item.continued_by for item in related((replace(cut, run_id="2", ended=True, untried=()), cut))] == ["", "2"]
    undo = run("5", DETACHED, undoes="1", ended=False, untried=[OTHER_BACK])
    assert [item.continued_by for item in related((run("6", OTHER_BACK, undoes="1"), undo, *runs))][:2] == ["", "6"]


BEFORE: State = {"roleName": "r", "description": "old", "tags": {"team": "old", "gone": "1"}, "boundary": None}
AFTER: State = {"roleName": "r", "description": "new", "tags": {"team": "new", "more": "2"}, "boundary": "b"}


@table(
    "current, explained",
    [
        (BEFORE, True),
        (AFTER, True),
        ({**BEFORE, "boundary": "b"}, True),
        ({**BEFORE, "tags": {"team": "new", "gone": "1"}}, True),
        ({**BEFORE, "tags": {}}, False),
        ({**BEFORE, "tags": {"team": "old"}}, True),
        ({**AFTER, "tags": {"team": "new"}, "maxSessionDuration": 1}, True),
        ({**BEFORE, "tags": {"team": "theirs"}}, False),
        ({**BEFORE, "tags": {"team": "new", "theirs": "x"}}, False),
        ({**BEFORE, "description": "theirs"}, False),
        ({**BEFORE, "boundary": "theirs"}, False),
        (None, False),
    ],
)
def test_a_state_between_two_calls_of_one_change(current: State | None, explained: bool) -> None:
    assert is_halfway(ROLE_SETTINGS.action(BEFORE, AFTER), current) is explained
    assert is_halfway(ROLE_SETTINGS.action(None, AFTER), current) is False
