"""Two at once, and things that move between a plan and its undoing."""

import fcntl
import os
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness import Podid
from podid.domain.plan import Done, Header, Status
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import ROLE_ATTACHMENT
from podid.ops.change.records import Run
from podid.ops.change.settle import settle
from podid.sandbox.box import Sandbox
from podid.sandbox.http import HttpAnswer, HttpRequest

from .dying import Ended, Launcher
from .support import PLACE, account_state, attached, policy_file, runs, writes

HEADER = Header(
    caller_arn="arn:aws:iam::111122223333:user/x", account="111122223333", region="us-west-2", cluster="demo"
)
ATTACHMENT = ROLE_ATTACHMENT.action(None, {"roleName": "r", "policyArn": "p"})


def at_once(box: Sandbox, podid: Podid, operation: str, commands: list[tuple[str, ...]], tmp_path: Path) -> list[Ended]:
    """Processes that all have made their plans before the first of them makes the call `operation`."""
    answer = box.gateway.answer
    together = threading.Barrier(len(commands))
    waited: set[int] = set()

    def answering(request: HttpRequest) -> HttpAnswer:
        if box.gateway.name(request).operation == operation and threading.get_ident() not in waited:
            waited.add(threading.get_ident())
            together.wait(20)
        return answer(request)

    box.gateway.answer = answering  # type: ignore[method-assign]  # put back below
    launchers = []
    try:
        for number, command in enumerate(commands):
            (tmp_path / str(number)).mkdir()
            launchers.append(Launcher(tmp_path / str(number)))
            launchers[-1].start(command, dict(podid.env))
        return [launcher.wait() for launcher in launchers]
    finally:
        box.gateway.answer = answer  # type: ignore[method-assign]
        for launcher in launchers:
            launcher.stop()


def test_two_associate_the_same_account(box: Sandbox, podid: Podid, journal: Path, tmp_path: Path) -> None:
    command = ("associate", "shop/orders", "--role", "storefront", "--wait", "none", "-o", "json")
    ended = at_once(box, podid, "CreatePodIdentityAssociation", [command, command], tmp_path)

    assert [item.code for item in ended] == [0, 0], [item.stderr for item in ended]
    assert len(account_state(box)["associations"]) == 1
    steps = [action["status"] for item in runs(podid) for action in item["actions"]]
    assert sorted(steps) == ["done", "unchanged"]  # one of them made it, and only that one undoes it


def test_two_associate_with_different_roles(box: Sandbox, podid: Podid, journal: Path, tmp_path: Path) -> None:
    command = ("associate", "shop/orders", "--wait", "none", "--role")
    ended = at_once(
        box, podid, "CreatePodIdentityAssociation", [(*command, "storefront"), (*command, "orders-dynamodb")], tmp_path
    )
    assert sorted(item.code for item in ended) == [0, 6]
    refused = next(item for item in ended if item.code == 6)
    assert "exists already" in refused.stderr
    assert len(account_state(box)["associations"]) == 1


def test_two_create_the_same_role(box: Sandbox, podid: Podid, journal: Path, tmp_path: Path) -> None:
    command = ("role", "create", "shop-orders", "--for", "shop/orders", "--policy-file", policy_file(tmp_path))
    ended = at_once(box, podid, "CreateRole", [command, command], tmp_path)

    assert [item.code for item in ended] == [0, 0], [item.stderr for item in ended]
    assert account_state(box)["roles"]["shop-orders"]["inline"].keys() == {"read-table"}
    made = [action for item in runs(podid) for action in item["actions"] if action["kind"] == "role"]
    assert sorted(action["status"] for action in made) == ["done", "unchanged"]


CHANGES: Mapping[str, tuple[str, ...]] = {
    "role-policy": ("role", "create", "shop-orders", "--for", "shop/orders", "--policy-file", "OTHER", "--replace"),
    "role-trust": ("role", "create", "shop-orders", "--for", "shop/cart", "--update-trust"),
    "attachment": (
        *("role", "create", "shop-orders", "--for", "shop/orders", "--managed-policy", "AmazonS3FullAccess"),
        "--replace",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_undo_of_what_changed_in_between_touches_nothing(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path, change: str
) -> None:
    create = ("role", "create", "shop-orders", "--for", "shop/orders", "--policy-file", policy_file(tmp_path))
    assert podid(*create).code == 0
    run_id = runs(podid)[0]["runId"]
    other = policy_file(tmp_path, name="other.json")
    assert podid(*(other if part == "OTHER" else part for part in CHANGES[change])).code == 0
    before, count = account_state(box), writes(box)

    outcome = podid("undo", run_id, "--yes", "-o", "json")

    assert (outcome.code, outcome.stdout) == (6, "")
    assert outcome.error["code"] == "Conflict"
    assert "shop-orders" in outcome.error["message"]
    assert (account_state(box), writes(box)) == (before, count)
    assert podid("undo", "last", "--yes").code == 0
    assert podid("undo", run_id, "--yes").code == 0  # newest first works
    assert "shop-orders" not in account_state(box)["roles"]


def test_undo_of_an_association_that_was_changed_since(box: Sandbox, podid: Podid, journal: Path) -> None:
    command = ("associate", "shop/orders", "--wait", "none", "--role")
    assert podid(*command, "storefront").code == 0
    run_id = runs(podid)[0]["runId"]
    assert podid(*command, "orders-dynamodb", "--replace").code == 0
    before = account_state(box)

    outcome = podid("undo", run_id, "--yes")

    assert outcome.code == 6
    assert f"Association shop/orders is no longer as run {run_id} left it" in outcome.stderr
    assert account_state(box) == before


def test_a_policy_that_somebody_writes_after_the_plan_is_not_overwritten(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path
) -> None:
    """PutRolePolicy has no condition: the last moment to look is just before."""
    assert podid("role", "create", "shop-orders", "--for", "shop/orders").code == 0
    answer = box.gateway.answer
    theirs = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}'
    planned = False

    def answering(request: HttpRequest) -> HttpAnswer:
        nonlocal planned
        done = answer(request)
        if b"ListAttachedRolePolicies" in request.body and not planned:
            planned = True  # the planner has read everything now
            box.iam.backend("111122223333").put_role_policy("shop-orders", "read-table", theirs)
        return done

    box.gateway.answer = answering  # type: ignore[method-assign]
    command = ("role", "create", "shop-orders", "--for", "shop/orders", "--replace")
    outcome = podid(*command, "--policy-file", policy_file(tmp_path))

    assert outcome.code == 6
    assert "has changed since the plan was made" in outcome.stderr
    policies = box.iam.backend("111122223333").roles
    assert [role.policies["read-table"] for role in policies.values() if role.name == "shop-orders"] == [theirs]


def test_a_running_run_is_never_settled_nor_undone(box: Sandbox, podid: Podid, journal: Path) -> None:
    recorder = Journal(journal).begin(("role", "create"), HEADER, box.world.clock.datetime())
    recorder.intent(0, ATTACHMENT)
    box.world.clock.advance(1)

    assert podid("associate", "shop/orders", "--role", "storefront", "--wait", "none").code == 0

    running = runs(podid)[-1]
    assert (running["status"], running["actions"][0]["status"]) == ("running", "open")
    undo = podid("undo", recorder.run_id, "--yes")
    assert (undo.code, "is still going on" in undo.stderr) == (6, True)
    recorder.close()  # as the kernel does for a process that dies
    assert podid("associate", "shop/orders", "--role", "storefront", "--wait", "none").code == 0
    assert runs(podid)[-1]["actions"][0]["status"] == "failed"


def test_a_run_is_settled_once(journal: Path) -> None:
    """Both have seen it open; what the first found and then changed must not be judged again by the second."""
    recorder = Journal(journal).begin(("role", "create"), HEADER, datetime.now(UTC))
    recorder.intent(0, ATTACHMENT)
    recorder.close()
    settled = []

    class Slow(Journal):
        """Lets another process settle between its own look and its lock."""

        def runs(self) -> tuple[Run, ...]:
            seen = super().runs()
            settled.append(settle(attached("p"), PLACE, Journal(journal)))
            return seen

    assert settle(attached(), PLACE, Slow(journal)).items == ()
    assert [len(one.items) for one in settled] == [1]
    assert [step.status for run in Journal(journal).runs() for step in run.steps] == [Status.DONE]


def test_a_run_that_another_is_settling_is_left_to_it(journal: Path) -> None:
    recorder = Journal(journal).begin(("role", "create"), HEADER, datetime.now(UTC))
    recorder.intent(0, ATTACHMENT)
    recorder.close()
    descriptor = os.open(journal / f"{recorder.run_id}.jsonl", os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    assert settle(attached(), PLACE, Journal(journal)).items == ()
    os.close(descriptor)


def test_many_writers_at_once(journal: Path) -> None:
    def work() -> None:
        for _ in range(5):
            with Journal(journal).begin(("x",), HEADER, datetime.now(UTC)) as recorder:
                recorder.intent(0, ATTACHMENT)
                recorder.outcome(0, Done(ATTACHMENT, Status.DONE, ATTACHMENT.after))
            Journal(journal).runs()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = Journal(journal).runs()
    assert len(found) == 20
    assert {step.status for run in found for step in run.steps} == {Status.DONE}
