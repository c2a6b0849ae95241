"""Lost answers, throttles, 5xx and resets on every write: one run converges, or it says that it does not know."""

from collections.abc import Callable
from pathlib import Path

import pytest

from harness import Podid, one_in
from ops.change.support import account_state, policy_file, runs, undo_everything, writes
from podid.sandbox.box import Sandbox
from podid.sandbox.faults import Fault
from podid.sandbox.http import HttpAnswer, HttpRequest

# the same call for the role that another one goes on to
TARGET = "UpdateAssumeRolePolicy of a target role"
WRITES = (
    ("iam", "CreateRole"),
    ("iam", "PutRolePolicy"),
    ("iam", "AttachRolePolicy"),
    ("iam", "UpdateAssumeRolePolicy"),
    ("iam", TARGET),
    ("eks", "CreatePodIdentityAssociation"),
    ("eks", "UpdatePodIdentityAssociation"),
    ("eks", "DeletePodIdentityAssociation"),
    ("eks", "CreateAddon"),
)
# a bucket without a token refuses the first call
SHORT: dict[str, Callable[[str, str], Fault]] = {
    "answer lost": lambda service, name: Fault("lose-answer", service, name, times=1),
    "reset": lambda service, name: Fault("reset", service, name, times=1),
    "503 twice": lambda service, name: Fault("fail", service, name, times=2, status=503),
    "500": lambda service, name: Fault("fail", service, name, times=1, status=500),
    "throttled once": lambda service, name: Fault("throttle", service, name, times=1, rate=0.001, burst=0.0),
}


def commands(directory: Path) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """For each write what is run first, and the command that makes the call."""
    target = ("--target-role", "arn:aws:iam::111122223333:role/reports", "--update-trust")
    policies = ("--policy-file", policy_file(directory), "--managed-policy", "AmazonS3ReadOnlyAccess")
    create = ("role", "create", "shop-orders", "--for", "shop/orders", *policies)
    associate = ("associate", "shop/orders", "--wait", "none", "--role")
    return {
        "CreateRole": ((), create),
        "PutRolePolicy": ((), create),
        "AttachRolePolicy": ((), create),
        "UpdateAssumeRolePolicy": ((), (*associate, "article-2023", "--update-trust")),
        TARGET: (("role", "create", "reports", "--for", "shop/reports"), (*create[:5], *target)),
        "CreatePodIdentityAssociation": ((), (*associate, "storefront")),
        # the tags are a call of their own
        "UpdatePodIdentityAssociation": (
            (*associate, "orders-dynamodb"),
            (*associate, "storefront", "--replace", "--tag", "a=b"),
        ),
        "DeletePodIdentityAssociation": (
            (*associate, "storefront"),
            ("disassociate", "shop/orders", "--yes", "--ignore-not-found", "--wait", "none"),
        ),
        "CreateAddon": ((), ("install-agent", "--wait", "none")),
    }


def telling(number: int) -> list[str]:
    """What leaves a write undecided, for each; of the others one kind, each write another."""
    first, *others = SHORT
    return [first, others[number % len(others)]]


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("service", "name", "faults"),
    [
        *(pytest.param(*write, telling(number), id=f"{write[1]}-telling") for number, write in enumerate(WRITES)),
        *(pytest.param(*write, list(SHORT), id=f"{write[1]}-all", marks=pytest.mark.rare) for write in WRITES),
    ],
)
def test_one_run_gets_over_a_fault(
    box: Sandbox, podid: Podid, tmp_path: Path, service: str, name: str, faults: list[str]
) -> None:
    first, command = commands(tmp_path)[name]
    podid.env = {**podid.env, "PODID_JOURNAL_DIR": str(tmp_path / "calm")}
    start = account_state(box)
    assert not first or podid(*first).code == 0
    assert podid(*command).code == 0
    expected = account_state(box)
    for fault in faults:
        box.reset()
        podid.env = {**podid.env, "PODID_JOURNAL_DIR": str(tmp_path / fault)}
        assert not first or podid(*first).code == 0
        rule = box.faults.add(SHORT[fault](service, name.partition(" ")[0]))
        outcome = podid(*command, "-o", "json")

        assert outcome.code == 0, (fault, outcome.stderr)
        assert rule.times == 0
        assert account_state(box) == expected, fault
        assert {action["status"] for action in outcome.json["actions"]} == {"done"}, fault
        assert [item["status"] for item in runs(podid)] == ["done"] * (2 if first else 1)
        undo_everything(podid)
        assert account_state(box) == start, fault


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("service", "name", "kind"), one_in(3, [(*write, kind) for write in WRITES for kind in ("fail", "reset")])
)
def test_a_persistent_fault_is_reported_and_settled_by_the_next_run(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path, service: str, name: str, kind: str
) -> None:
    first, command = commands(tmp_path)[name]
    assert not first or podid(*first).code == 0
    box.faults.add(Fault(kind, service, name.partition(" ")[0]))

    outcome = podid(*command)

    assert outcome.code in (7, 8)
    assert outcome.code == 8 or outcome.stdout == ""
    assert "may or may not have taken effect" in outcome.stderr
    assert "Run the same command again" in outcome.stderr
    newest = runs(podid)[0]
    assert newest["status"] == "interrupted"
    action = [action for action in newest["actions"] if action["status"] != "planned"][-1]
    assert action["status"] == "open"

    box.faults.clear()
    again = podid(*command, "-o", "json")

    assert again.code == 0, again.stderr
    (settled,) = again.json["settled"]
    assert [settled[key] for key in ("runId", "kind", "verb", "target")] == [
        *(newest["runId"], action["kind"], action["verb"], action["target"])
    ]
    assert settled["status"] in ("done", "failed")
    assert settled["reason"].startswith("settled: ")
    assert "interrupted" not in {item["status"] for item in runs(podid)}
    before = writes(box)
    assert podid(*command).code == 0
    assert writes(box) == before


@pytest.mark.parametrize("name", ["UpdatePodIdentityAssociation", "PutRolePermissionsBoundary"])
def test_a_part_of_a_change_is_undone(box: Sandbox, podid: Podid, journal: Path, name: str) -> None:
    """The credentials expire after the tags were changed."""
    lines = {
        "UpdatePodIdentityAssociation": "associate shop/orders --wait none --role storefront --tag c=d --replace",
        "PutRolePermissionsBoundary": "role create r --for shop/orders --replace --tag c=d --boundary ReadOnlyAccess",
    }
    assert podid("associate", "shop/orders", "--role", "orders-dynamodb", "--tag", "a=b", "--wait", "none").code == 0
    boundary = ("--boundary", "AmazonS3ReadOnlyAccess")
    assert podid("role", "create", "r", "--for", "shop/orders", *boundary, "--tag", "a=b").code == 0
    before, answer, expired = account_state(box), box.gateway.answer, list[bool]()

    def answering(request: HttpRequest) -> HttpAnswer:
        if expired or box.gateway.name(request).operation == name:
            expired.append(True)
            error = b"<Error><Code>ExpiredToken</Code><Message>expired</Message></Error>"
            body = b"<ErrorResponse>" + error + b"</ErrorResponse>" if b"Action=" in request.body else b"{}"
            return HttpAnswer(403, {"x-amzn-errortype": "ExpiredTokenException"}, body)
        return answer(request)

    box.gateway.answer = answering  # type: ignore[method-assign]  # put back below
    failed = podid(*lines[name].split())
    box.gateway.answer = answer  # type: ignore[method-assign]
    assert (failed.code, account_state(box) != before) == (7, True), failed
    run = runs(podid)[0]["runId"]
    undone = podid("undo", run, "--yes", "--wait", "none")
    assert (undone.code, account_state(box)) == (0, before), undone


def test_an_error_without_result_carries_what_was_settled(box: Sandbox, podid: Podid) -> None:
    box.faults.add(Fault("fail", "eks", "CreatePodIdentityAssociation"))
    assert podid("associate", "shop/orders", "--role", "storefront").code == 7
    (open_run,) = runs(podid)
    box.faults.clear()

    refused = podid("disassociate", "shop/nosuch", "--yes", "-o", "json")

    assert (refused.code, refused.stdout) == (5, "")
    (settled,) = refused.error["settled"]
    assert (settled["runId"], settled["target"], settled["status"]) == (open_run["runId"], "shop/orders", "failed")
    again = podid("disassociate", "shop/nosuch", "--yes", "-o", "json")
    assert "settled" not in again.error


def test_throttled_for_good(box: Sandbox, podid: Podid, journal: Path) -> None:
    box.faults.throttle(0.001, 0.0, "eks", "CreatePodIdentityAssociation")

    outcome = podid("associate", "shop/orders", "--role", "storefront", "-o", "json")

    assert (outcome.code, outcome.stdout) == (7, "")
    assert outcome.error["code"] == "Throttled"
    assert "throttles requests" in outcome.error["message"]
    assert account_state(box)["associations"] == []
    box.faults.clear()
    assert podid("associate", "shop/orders", "--role", "storefront", "--wait", "none").code == 0


def test_a_lost_answer_that_may_not_be_read_back_stays_open(box: Sandbox, podid: Podid, journal: Path) -> None:
    """It was made: recording it as failed would put it out of undo's reach."""
    box.faults.lose_answer("iam", "UpdateAssumeRolePolicy", times=1)
    denied = box.gateway.answer

    def deny_after_write(request):  # type: ignore[no-untyped-def]  # stands in for Gateway.answer
        try:
            return denied(request)
        finally:
            if b"UpdateAssumeRolePolicy" in request.body:
                box.world.credentials.deny("iam:GetRole")

    box.gateway.answer = deny_after_write  # type: ignore[method-assign]
    command = ("associate", "shop/orders", "--role", "article-2023", "--update-trust", "--wait", "none")
    outcome = podid(*command)
    assert outcome.code == 7
    assert [action["status"] for action in runs(podid)[0]["actions"]] == ["open", "planned"]

    still_denied = podid("associate", "shop/cart", "--role", "storefront", "--wait", "none")
    assert still_denied.code == 0, "an open intent that cannot be read must not stop other work"
    assert "cannot be read now" in still_denied.stderr
    undo = podid("undo", runs(podid)[1]["runId"], "--yes")
    assert undo.code == 6
    assert "is not known yet" in undo.stderr

    box.gateway.answer = denied  # type: ignore[method-assign]
    box.world.credentials.allow_again()
    assert podid(*command).code == 0
    assert [action["status"] for action in runs(podid)[2]["actions"]] == ["done", "planned"]


def test_eventual_consistency_is_waited_out(box: Sandbox, podid: Podid, journal: Path, tmp_path: Path) -> None:
    """A role that EKS hears of 20 s late, and a deleted association that blocks for 10 s."""
    box.world.delays.role, box.world.delays.delete = 20.0, 10.0
    assert podid("role", "create", "shop-orders", "--for", "shop/orders").code == 0
    associate = ("associate", "shop/orders", "--role", "shop-orders", "--wait", "none")
    assert podid(*associate).code == 0
    assert podid("disassociate", "shop/orders", "--yes", "--ignore-not-found", "--wait", "none").code == 0
    assert podid(*associate).code == 0
    assert len(account_state(box)["associations"]) == 1
