"""Differences between files and a cluster: changed members, exit codes, and obstacles."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from harness import table
from podid.domain.declaration import Position
from podid.domain.errors import AccessDenied, Again, Conflict, ExitCode, PodidError, Unavailable
from podid.domain.fileplan import FieldChange, FileChange, FileConflict, FilePlan, check_all, together
from podid.domain.incomplete import NotRead, RefusedAccount
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Action, ChangeResult, Header, Plan, Verb

AT = Position("shop.yaml", 3, 5)
DENIED = AccessDenied("me is not authorized", permission="iam:GetRole")


def action(verb: Verb, name: str = "orders", before: Any = None, after: Any = None) -> Action:
    return Action("role", verb, {"name": name}, before, after)


def file_plan(*actions: Action, **more: Any) -> FilePlan:
    header = Header(caller_arn="", account="", region="", cluster="demo")
    return FilePlan(plan=Plan(header=header, actions=actions), **more)


CREATE = action(Verb.CREATE, after={"name": "orders", "path": "/"})
CONFLICT = FileConflict("role", "orders", AT, Conflict("role orders belongs to Terraform", lines=("a", "b")))
UNREAD = NotRead("role orders", DENIED)
REFUSED = RefusedAccount(ref=ServiceAccountRef("shop", "orders"), reason="the role is not allowed")


@table(
    ("before", "after", "expected"),
    [
        (None, {"name": "orders", "path": "/"}, [FieldChange("path", None, "/")]),
        ({"path": "/"}, None, [FieldChange("path", "/", None)]),
        ({"path": "/"}, {"path": "/"}, []),
        # a member without a value is as one that is omitted
        ({"boundary": ""}, {"boundary": None}, []),
        ({}, {"tags": {}}, []),
        (
            {"tags": {"a": "1", "b": "2"}},
            {"tags": {"b": "3", "a": "1", "c": "4"}},
            [FieldChange("tags.b", "2", "3"), FieldChange("tags.c", None, "4")],
        ),
        ({"trust": {"Id": "ä"}}, {"trust": None}, [FieldChange("trust", '{"Id":"ä"}', None)]),
        ({"sessionTags": True}, {"sessionTags": False}, [FieldChange("sessionTags", True, False)]),
    ],
)
def test_members_that_change(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, expected: list[FieldChange]
) -> None:
    change = FileChange.of(action(Verb.UPDATE, before=before, after=after))
    assert (change.target, list(change.fields)) == ("orders", expected)


def test_pruned_resources_are_listed_separately() -> None:
    deleted, pruned = action(Verb.DELETE, "old"), action(Verb.DELETE, "gone")
    update = action(Verb.UPDATE, "cart")
    plan = file_plan(CREATE, deleted, pruned, update, pruned_keys=frozenset({("role", "gone")}))
    targets = [[item.target for item in part] for part in (plan.created, plan.changed, plan.pruned)]
    assert targets == [["orders"], ["cart", "old"], ["gone"]]
    assert plan.consent is not None
    assert plan.consent.question == "Delete gone in cluster demo?"
    assert file_plan(CREATE, deleted).consent is None


@table(
    ("actions", "more", "exit_code", "incomplete"),
    [
        ((), {}, ExitCode.OK, ExitCode.OK),
        ((CREATE,), {}, ExitCode.ATTENTION, ExitCode.OK),
        ((CREATE,), {"unread": [UNREAD]}, ExitCode.UNDETERMINED, ExitCode.PARTIAL),
        ((), {"unread": [replace(UNREAD, declared=False)]}, ExitCode.UNDETERMINED, ExitCode.UNDETERMINED),
        ((CREATE,), {"unread": [UNREAD], "refused": [REFUSED]}, ExitCode.PARTIAL, ExitCode.PARTIAL),
        ((), {"refused": [REFUSED], "conflicts": [CONFLICT]}, ExitCode.CONFLICT, ExitCode.PARTIAL),
    ],
)
def test_exit_codes(
    actions: tuple[Action, ...], more: dict[str, Any], exit_code: ExitCode, incomplete: ExitCode
) -> None:
    plan = file_plan(*actions, **more)
    applied = ChangeResult(plan=plan.plan, refused=plan.refused, unread=plan.unread)
    assert (plan.exit_code, applied.exit_code) == (exit_code, incomplete)


def test_obstacles_in_words() -> None:
    plan = file_plan(conflicts=[CONFLICT], unread=[UNREAD])
    assert list(plan.obstacles) == [
        "shop.yaml:3:5: role orders belongs to Terraform",
        "role orders could not be read: me is not authorized",
    ]


def test_every_conflict_is_in_one_error() -> None:
    first = FileConflict("role", "orders", AT, Conflict("no", hint=Again(add=("--take-over",)), lines=("diff",)))
    with pytest.raises(Conflict) as raised:
        file_plan(CREATE, conflicts=[first, CONFLICT]).check()
    error = raised.value
    assert (error.message, error.subject) == ("shop.yaml:3:5: no", "orders")
    assert error.lines == ("diff", "shop.yaml:3:5: role orders belongs to Terraform")
    assert error.hint == Again(add=("--take-over",))


def error_of(*plans: FilePlan) -> PodidError | None:
    try:
        check_all(plans)
    except PodidError as error:
        return error
    return None


def test_nothing_is_applied_if_a_part_that_others_depend_on_was_not_read() -> None:
    decisive = NotRead("the associations", DENIED, decisive=True)
    assert error_of(file_plan(CREATE), file_plan(CREATE, unread=[decisive])) is DENIED
    # other parts are applied without the one that was not read
    assert error_of(file_plan(CREATE), file_plan(unread=[UNREAD])) is None
    assert error_of(file_plan(), file_plan(unread=[UNREAD])) is DENIED
    others = NotRead("others", Unavailable("x"), declared=False)
    assert error_of(file_plan(unread=[others])) is None


@table(
    ("codes", "expected"),
    [
        ([], ExitCode.OK),
        ([ExitCode.OK, ExitCode.ATTENTION], ExitCode.ATTENTION),
        ([ExitCode.ATTENTION, ExitCode.UNDETERMINED], ExitCode.UNDETERMINED),
        ([ExitCode.UNDETERMINED, ExitCode.PARTIAL, ExitCode.ATTENTION], ExitCode.PARTIAL),
        ([ExitCode.PARTIAL, ExitCode.CONFLICT], ExitCode.CONFLICT),
    ],
)
def test_the_exit_code_for_several_clusters(codes: list[ExitCode], expected: ExitCode) -> None:
    assert together(codes) is expected
