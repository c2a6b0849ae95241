"""Two at once, and things that move between a plan and its undoing."""

import fcntl
import json
import os
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from harness import Podid
from podid.domain.plan import Done, Header, Status
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import ROLE_ATTACHMENT
from podid.ops.change.kinds.trusts import RoleTrustKind
from podid.ops.change.records import Run
from podid.ops.change.settle import settle
from podid.sandbox.baseline import add_association, add_cluster, add_role, pods_trust
from podid.sandbox.box import Sandbox
from podid.sandbox.http import HttpAnswer, HttpRequest

from .dying import Ended, Launcher
from .support import PLACE, account_state, attached, policy_file, runs, writes

pytestmark = pytest.mark.sampled(3)

HEADER = Header(
    caller_arn="arn:aws:iam::111122223333:user/x", account="111122223333", region="us-west-2", cluster="demo"
)
Launchers = tuple[Launcher, Launcher]
ATTACHMENT = ROLE_ATTACHMENT.action(None, {"roleName": "r", "policyArn": "p"})


def at_once(
    box: Sandbox,
    podid: Podid,
    operation: str,
    commands: Sequence[tuple[str, ...]],
    launchers: Launchers,
    states: Sequence[str] = (),
) -> list[Ended]:
    """Processes that all have made their plans before the first of them makes the call `operation`; those with the same
    of `states`, directories, are on one machine."""
    answer = box.gateway.answer
    together = threading.Barrier(len(commands))
    waited: set[int] = set()

    def answering(request: HttpRequest) -> HttpAnswer:
        if box.gateway.name(request).operation == operation and threading.get_ident() not in waited:
            waited.add(threading.get_ident())
            together.wait(20)
        return answer(request)

    box.gateway.answer = answering  # type: ignore[method-assign]  # put back below
    try:
        for number, (launcher, command) in enumerate(zip(launchers, commands, strict=True)):
            more = {"XDG_STATE_HOME": states[number]} if states else {}
            launcher.start(command, {**podid.env, **more})
        return [launcher.wait() for launcher in launchers]
    finally:
        box.gateway.answer = answer  # type: ignore[method-assign]


UPDATE = ("role", "create", "shared", "--update-trust", "--adopt", "-o", "json", "--for")


def shared_role(box: Sandbox, name: str = "shared") -> None:
    add_role(box.world, box.iam, name, pods_trust(box.world.clusters["demo"], actions=("sts:AssumeRole",)))


def admitted(box: Sandbox, name: str = "shared") -> set[str]:
    """The service accounts that statements of the role name."""
    statements = account_state(box)["roles"][name]["trust"]["Statement"]
    tags = [item.get("Condition", {}).get("StringEquals", {}) for item in statements]
    return {item["aws:RequestTag/kubernetes-service-account"] for item in tags if len(item) == 3}


@pytest.mark.parametrize("machines", [1, 2])
def test_two_trust_changes_that_were_planned_on_the_same_policy(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path, launchers: Launchers, machines: int
) -> None:
    """On one machine they take turns. On two, the one writes over the other, which sees it at its end."""
    shared_role(box)
    commands = [(*UPDATE, f"shop/{name}") for name in ("one", "two")]
    states = [str(tmp_path / f"state-{number % machines}") for number in range(2)]
    together = "GetRole" if machines == 1 else "UpdateAssumeRolePolicy"

    ended = at_once(box, podid, together, commands, launchers, states)

    assert [item.code for item in ended] == [0, 0], [item.stderr for item in ended]
    assert admitted(box) == {"one", "two"}
    if machines == 2:
        notes = [note for item in ended for note in json.loads(item.stdout)["notes"]]
        assert any("someone else" in note for note in notes)
    before = {item["runId"]: item for item in runs(podid)}
    assert all(item["status"] == "done" for item in before.values())
    assert podid("undo", "last", "--yes").code in (0, 6)
    assert len(admitted(box)) >= 1  # never both: undo takes back its own


@pytest.mark.parametrize("machines", [1, 2])
@pytest.mark.parametrize("pairs", [2, pytest.param(200, marks=pytest.mark.rare)])
def test_pairs_of_trust_changes_lose_nothing(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path, launchers: Launchers, pairs: int, machines: int
) -> None:
    for pair in range(pairs):
        shared_role(box, f"shared-{pair}")
        for number, launcher in enumerate(launchers):
            command = ("role", "create", f"shared-{pair}", *UPDATE[3:], f"shop/{['one', 'two'][number]}")
            state = str(tmp_path / f"state-{number % machines}")
            launcher.start(command, {**podid.env, "XDG_STATE_HOME": state})
            time.sleep(pair % 10 * 0.02)
        ended = [launcher.wait() for launcher in launchers]
        assert [item.code for item in ended] == [0, 0], [item.stderr for item in ended]
        assert admitted(box, f"shared-{pair}") == {"one", "two"}, pair


def test_a_writer_who_never_lets_up_is_said(
    box: Sandbox, podid: Podid, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is written is written over: no success is claimed."""
    shared_role(box)
    answer = box.gateway.answer
    (role,) = [item for item in box.iam.backend("111122223333").roles.values() if item.name == "shared"]
    theirs = role.assume_role_policy_document
    looks = 0

    def answering(request: HttpRequest) -> HttpAnswer:
        nonlocal looks
        done = answer(request)
        if box.gateway.name(request).operation == "GetRole" and role.assume_role_policy_document != theirs:
            looks += 1
            role.assume_role_policy_document = theirs
        return done

    box.gateway.answer = answering  # type: ignore[method-assign]
    outcome = podid(*UPDATE, "shop/orders")
    assert outcome.code == 6, outcome
    assert outcome.stdout == ""
    assert (
        outcome.error["message"]
        == "The trust policy of role shared was changed, but someone else has overwritten it since"
    )
    assert outcome.error["hint"].startswith("podid role create shared")
    assert 3 <= looks <= 10
    assert runs(podid)[0]["status"] == "failed"


def test_a_trust_that_may_not_be_read_again_is_not_told_as_lost(
    box: Sandbox, podid: Podid, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The right to read it goes when it has been read back."""
    shared_role(box)
    lost = RoleTrustKind.lost

    def denied(*given: Any) -> bool:
        box.world.credentials.deny("iam:GetRole")
        return lost(*given)

    monkeypatch.setattr(RoleTrustKind, "lost", denied)
    outcome = podid(*UPDATE, "shop/orders")
    assert outcome.code == 0, outcome
    (note,) = [note for note in outcome.json["notes"] if "could not be read again" in note]
    assert "is not authorized to perform iam:GetRole" in note
    assert runs(podid)[0]["status"] == "done"


def test_a_role_that_somebody_deletes_meanwhile_is_said(box: Sandbox, podid: Podid, journal: Path) -> None:
    shared_role(box)
    answer, roles = box.gateway.answer, box.iam.backend("111122223333").roles
    (key,) = [key for key, role in roles.items() if role.name == "shared"]
    written = False

    def answering(request: HttpRequest) -> HttpAnswer:
        nonlocal written
        done, name = answer(request), box.gateway.name(request).operation
        written = written or name == "UpdateAssumeRolePolicy"
        if written and name == "GetRole":
            roles.pop(key, None)
        return done

    box.gateway.answer = answering  # type: ignore[method-assign]
    outcome = podid(*UPDATE, "shop/orders")
    assert (outcome.code, outcome.stdout) == (6, "")
    assert outcome.error["message"].endswith("was changed, but someone else has deleted it since")


def test_a_trust_that_somebody_changes_after_the_plan_is_planned_anew(
    box: Sandbox, podid: Podid, journal: Path
) -> None:
    shared_role(box)
    answer = box.gateway.answer
    (role,) = [item for item in box.iam.backend("111122223333").roles.values() if item.name == "shared"]
    theirs = pods_trust(box.world.clusters["demo"], actions=("sts:AssumeRole",))
    theirs["Statement"].insert(
        0, {"Sid": "New", "Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    )
    changed = False

    def answering(request: HttpRequest) -> HttpAnswer:
        nonlocal changed
        done = answer(request)
        if box.gateway.name(request).operation == "ListRolePolicies" and not changed:
            changed = True  # the planner has read the trust by now
            role.assume_role_policy_document = json.dumps(theirs)
        return done

    box.gateway.answer = answering  # type: ignore[method-assign]
    outcome = podid(*UPDATE, "shop/orders")
    assert outcome.code == 0, outcome
    (action,) = [item for item in outcome.json["actions"] if item["kind"] == "role-trust"]
    assert action["before"]["policyDocument"] == theirs
    assert action["after"]["policyDocument"]["Statement"][:2] == theirs["Statement"]
    assert "planned again" in outcome.json["notes"][-1]
    assert podid("undo", "last", "--yes").code == 0
    assert account_state(box)["roles"]["shared"]["trust"] == theirs


def test_two_associate_the_same_account(box: Sandbox, podid: Podid, journal: Path, launchers: Launchers) -> None:
    command = ("associate", "shop/orders", "--role", "storefront", "--wait", "none", "-o", "json")
    ended = at_once(box, podid, "CreatePodIdentityAssociation", [command, command], launchers)

    assert [item.code for item in ended] == [0, 0], [item.stderr for item in ended]
    assert len(account_state(box)["associations"]) == 1
    steps = [action["status"] for item in runs(podid) for action in item["actions"]]
    assert sorted(steps) == ["done", "unchanged"]  # one of them made it, and only that one undoes it


CREATING, DELETING = "CreatePodIdentityAssociation", "DeletePodIdentityAssociation"


@pytest.mark.parametrize(
    ("command", "operation"),
    [
        ("disassociate shop/orders --yes --ignore-not-found", DELETING),
        ("move shop/orders shop/cart --yes", DELETING),
        pytest.param("move shop/orders shop/cart --yes", CREATING, marks=pytest.mark.rare),
        pytest.param("copy --from-cluster demo --to-cluster blue", CREATING, marks=pytest.mark.rare),
    ],
)
def test_two_that_do_the_same_at_once(
    box: Sandbox, podid: Podid, journal: Path, launchers: Launchers, command: str, operation: str
) -> None:
    """Both find it done, whoever did it: each change is one run's, and a rerun finds nothing to do."""
    add_cluster(box.world, "blue")
    add_association(box.world, "shop", "orders", "orders-dynamodb")
    argv = (*command.split(), "--wait", "none", "-o", "json")
    ended = at_once(box, podid, operation, [argv, argv], launchers)

    assert [item.code for item in ended] == [0, 0], [item.stderr for item in ended]
    state = account_state(box)
    there = [item[1] for item in (*state["associations"], *state["elsewhere"]["blue"])]
    assert there == {"disassociate": [], "move": ["cart"], "copy": ["orders", "orders"]}[argv[0]]
    steps = [(action["verb"], action["target"]) for item in runs(podid) for action in item["actions"] if made(action)]
    assert len(steps) == len(set(steps))
    before = writes(box)
    again = podid(*argv)
    assert (again.code, writes(box), account_state(box)) == (0, before, state), again
    assert not any(made(action) for action in again.json["actions"])


def made(action: Mapping[str, object]) -> bool:
    return action["status"] == "done"


def test_two_associate_with_different_roles(box: Sandbox, podid: Podid, journal: Path, launchers: Launchers) -> None:
    command = ("associate", "shop/orders", "--wait", "none", "--role")
    ended = at_once(
        box, podid, "CreatePodIdentityAssociation", [(*command, "storefront"), (*command, "orders-dynamodb")], launchers
    )
    assert sorted(item.code for item in ended) == [0, 6]
    refused = next(item for item in ended if item.code == 6)
    assert "already exists" in refused.stderr
    assert len(account_state(box)["associations"]) == 1


def test_two_create_the_same_role(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path, launchers: Launchers
) -> None:
    command = ("role", "create", "shop-orders", "--for", "shop/orders", "--policy-file", policy_file(tmp_path))
    ended = at_once(box, podid, "CreateRole", [command, command], launchers)

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
    assert f"Association shop/orders has changed since run {run_id}" in outcome.stderr
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
    assert (undo.code, "is still in progress" in undo.stderr) == (6, True)
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

        def runs(self, since: datetime | None = None) -> tuple[Run, ...]:
            seen = super().runs(since)
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
