"""The note on an incomplete change, for each way in which a change can end early."""

import shlex
from pathlib import Path
from typing import Any

import pytest

from ops.change.support import account_state
from podid.sandbox.faults import Fault
from podid.sandbox.http import HttpAnswer, HttpRequest
from podid.sandbox.world import Limits
from worlds import Site

NEW = ("associate", "shop/fresh", "--create-role", "--wait", "none")
BOTH = (*NEW, "--create-service-account")
WITH_POLICY = ("role", "create", "new", "--for", "shop/orders", "--managed-policy", "AmazonS3ReadOnlyAccess")


def denied(*actions: str) -> dict[str, Any]:
    return {"denied": actions}


def reset(service: str, operation: str) -> dict[str, Any]:
    return {"fault": Fault("reset", service, operation)}


def lost(service: str, operation: str) -> dict[str, Any]:
    return {"fault": Fault("lose-answer", service, operation, times=1)}


SLOW = {"fault": Fault("fail", "iam", "CreateRole", times=2)}
CASES = {
    "an association of unknown outcome": (NEW, 8, reset("eks", "CreatePodIdentityAssociation")),
    "a role of unknown outcome": (NEW, 7, reset("iam", "CreateRole")),
    "a role of unknown outcome, and a service account": (BOTH, 8, reset("iam", "CreateRole")),
    "--timeout after the role": ((*NEW, "--timeout", "1s"), 8, SLOW | denied("iam:DeleteRole")),
    "a role that cannot be deleted": (NEW, 8, denied("eks:CreatePodIdentityAssociation", "iam:DeleteRole")),
    "a policy that is refused": (WITH_POLICY, 8, denied("iam:AttachRolePolicy", "iam:DeleteRole")),
    "a deletion that is refused": (
        ("role", "delete", "orders-dynamodb", "--adopt", "--yes"),
        8,
        denied("iam:DeleteRole"),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_note_completes_and_undoes(site: Site, tmp_path: Path, case: str) -> None:
    command, code, trouble = CASES[case]
    before, accounts = account_state(site.box), site.cluster.get("/api/v1/namespaces/shop/serviceaccounts")["items"]
    command = (*command, "--journal-dir", str(tmp_path / "a journal"))
    if fault := trouble.get("fault"):
        site.box.faults.add(fault)
    for action in trouble.get("denied", ()):
        site.box.world.credentials.deny(action)
    failed = site(*command)
    site.box.faults.clear()
    site.box.world.credentials.allow_again()
    assert (failed.code, "may be in use" in failed.stderr) == (code, False), failed
    if failed.stdout:
        (note,) = [line for line in failed.stderr.splitlines() if line.startswith("note: this run is incomplete; ")]
        _, again, undo = (words.partition(": ")[2] for words in note.removeprefix("note: ").split("; "))
        assert shlex.split(again) == ["podid", *command]
    else:  # the error is all
        assert "Run the same command again" in failed.stderr
        undo = failed.stderr.splitlines()[-1].removeprefix("Try:   ")
    podid, *words = shlex.split(undo)
    assert podid == "podid"
    site.must(*words, "--yes", "--wait", "none")
    assert account_state(site.box) == before
    left = site.cluster.get("/api/v1/namespaces/shop/serviceaccounts")["items"]
    assert [item["metadata"]["name"] for item in left] == [item["metadata"]["name"] for item in accounts]
    site.must(*command)


def test_a_role_that_nothing_uses_after_the_timeout_is_deleted(site: Site) -> None:
    before, answer = account_state(site.box), site.box.gateway.answer

    def answering(request: HttpRequest) -> HttpAnswer:
        try:
            return answer(request)
        finally:
            if site.box.gateway.name(request).operation == "CreateRole":
                site.clock.advance(60.5)

    site.box.gateway.answer = answering  # type: ignore[method-assign]  # the next world removes it
    failed = site(*NEW, "--timeout", "60s")
    vars(site.box.gateway).pop("answer")
    assert (failed.code, failed.stdout, account_state(site.box)) == (7, "", before), failed
    assert "--timeout has passed" in failed.stderr
    assert "which this command created, was deleted" in failed.stderr
    site.must(*NEW)


def test_no_note_on_a_change_that_made_nothing(site: Site) -> None:
    site.box.world.credentials.deny("iam:CreateRole")
    failed = site(*NEW)
    assert (failed.code, "incomplete" in failed.stderr) == (4, False), failed
    assert "Nothing was changed." in failed.stderr


def test_a_failed_change_does_not_leave_its_prediction_as_the_last_word(healthy: Site) -> None:
    """The plan shows the new pods as ready."""
    healthy.must("role", "create", "new", "--for", "payments/billing-worker")
    healthy.box.world.limits = Limits(associations_per_cluster=1)
    failed = healthy("associate", "payments/billing-worker", "--role", "new")
    assert (failed.code, failed.stdout) == (6, ""), failed
    plan, error = failed.stderr.split("Error: ")
    assert "After this: ✓ payments/billing-worker  ready" in plan
    assert error.splitlines()[1].strip() == "Nothing was changed."


def test_what_only_the_user_can_do_is_not_tried_again(site: Site) -> None:
    """A pod without a controller: the same command would stop there again."""
    site.with_agent().cluster.make_pod("shop", "shell", "orders")
    site.wait(5)
    site.with_identity()
    outcome = site("associate", "shop/orders", "--tag", "a=b", "--replace", "--restart")
    assert outcome.code == 8, outcome
    (note,) = [line for line in outcome.stderr.splitlines() if line.startswith("note: this run is incomplete; ")]
    assert note.startswith("note: this run is incomplete; to undo this run: podid undo ")
