"""Two at once, and things that move between a plan and its undoing."""

import json
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness import Podid
from ops.change.dying import Ended, Launcher
from ops.change.support import ATTACHMENT, HEADER, UPDATE, account_state, policy_file, runs, shared_role, writes
from podid.domain.plan import Done, Status
from podid.ops.change.journal import Journal
from podid.sandbox.baseline import add_association, add_cluster
from podid.sandbox.box import Sandbox
from podid.sandbox.http import HttpAnswer, HttpRequest

pytestmark = pytest.mark.sampled(3)


Launchers = tuple[Launcher, Launcher]


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
    accounts = [item[1] for item in (*state["associations"], *state["elsewhere"]["blue"])]
    assert accounts == {"disassociate": [], "move": ["cart"], "copy": ["orders", "orders"]}[argv[0]]
    steps = [
        (action["verb"], action["target"]) for item in runs(podid) for action in item["actions"] if is_done(action)
    ]
    assert len(steps) == len(set(steps))
    before = writes(box)
    again = podid(*argv)
    assert (again.code, writes(box), account_state(box)) == (0, before, state), again
    assert not any(is_done(action) for action in again.json["actions"])


def is_done(action: Mapping[str, object]) -> bool:
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
    roles = [action for item in runs(podid) for action in item["actions"] if action["kind"] == "role"]
    assert sorted(action["status"] for action in roles) == ["done", "unchanged"]


CHANGES: Mapping[str, tuple[str, ...]] = {
    "role-policy": ("role", "create", "shop-orders", "--for", "shop/orders", "--policy-file", "OTHER", "--replace"),
    "role-trust": ("role", "create", "shop-orders", "--for", "shop/cart", "--update-trust"),
    "attachment": (
        *("role", "create", "shop-orders", "--for", "shop/orders", "--managed-policy", "AmazonS3FullAccess"),
        "--replace",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_undo_of_a_resource_that_changed_since_changes_nothing(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path, change: str
) -> None:
    create = ("role", "create", "shop-orders", "--for", "shop/orders", "--policy-file", policy_file(tmp_path))
    assert podid(*create).code == 0
    run_id = runs(podid)[0]["runId"]
    second_file = policy_file(tmp_path, name="other.json")
    assert podid(*(second_file if part == "OTHER" else part for part in CHANGES[change])).code == 0
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
    runs_of_all = Journal(journal).runs()
    assert len(runs_of_all) == 20
    assert {step.status for run in runs_of_all for step in run.steps} == {Status.DONE}
