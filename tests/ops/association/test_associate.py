"""Many associations in one run: failures, quotas and undo."""

import time
from pathlib import Path

from harness import Podid
from ops.association.worlds import ARN, WAIT, roles, statuses
from podid.sandbox.baseline import add_association
from podid.sandbox.box import Sandbox
from podid.sandbox.http import HttpAnswer, HttpRequest
from podid.sandbox.world import Limits


def test_a_failed_association_does_not_stop_the_others(box: Sandbox, podid: Podid, journal: Path) -> None:
    box.world.limits = Limits(associations_per_cluster=1)
    add_association(box.world, "shop", "cart", "orders-dynamodb")
    command = ("associate", "shop/new", "shop/cart", "shop/orders", "--role", "storefront", "--replace", *WAIT)
    partly = podid(*command, "-o", "json")
    assert partly.code == 8, partly
    assert statuses(partly) == [("shop/new", "failed"), ("shop/cart", "done"), ("shop/orders", "failed")]
    assert partly.error["code"] == "LimitExceeded"
    box.world.limits = Limits()
    rest = podid(*command, "-o", "json")
    assert rest.code == 0, rest
    assert statuses(rest) == [("shop/new", "done"), ("shop/orders", "done"), ("shop/cart", "unchanged")]


def test_many_associations_are_created_at_the_same_time(box: Sandbox, podid: Podid, journal: Path) -> None:
    box.world.limits.associations_per_cluster = 30
    names = [f"shop/n{number:02}" for number in range(31)]
    assert box._server is not None
    answer, at_once = box._server.application, [0, 0]

    def counting(request: HttpRequest) -> HttpAnswer:
        if request.method != "POST":
            return answer(request)
        at_once[0] += 1
        at_once[1] = max(at_once)
        time.sleep(0.02)
        try:
            return answer(request)
        finally:
            at_once[0] -= 1

    box._server.application = counting
    try:
        outcome = podid("associate", *names, "--role", "orders-dynamodb", *WAIT, "-o", "json")
    finally:
        box._server.application = answer
    assert at_once[1] >= 4  # as many as the machine gets round to, and not one after another
    assert outcome.code == 8, outcome
    result = statuses(outcome)
    assert [target for target, _ in result] == names
    assert [status for _, status in result].count("done") == 30
    (run,) = podid("history", "-o", "json").json["items"]
    assert [action["status"] for action in run["actions"]] == [status for _, status in result]
    box.world.limits.associations_per_cluster = 31
    again = podid("associate", *names, "--role", "orders-dynamodb", *WAIT, "-o", "json")
    assert (again.code, [status for _, status in statuses(again)].count("done")) == (0, 1)


def test_an_undo_stops_at_the_first_failure(box: Sandbox, podid: Podid, journal: Path) -> None:
    """A role is not deleted while it has an association."""
    created = podid("associate", "shop/orders", "--create-role", "--role", "r", *WAIT, "-o", "json")
    assert created.code == 0, created
    box.world.credentials.deny("eks:DeletePodIdentityAssociation")
    undone = podid("undo", "last", "--yes", *WAIT, "-o", "json")
    assert undone.code == 4, undone
    assert roles(box) == {"shop/orders": "r"}
    assert box.iam.role(f"{ARN}r", as_of=box.world.clock.now()) is not None


def test_an_unavailable_service_ends_the_run(box: Sandbox, podid: Podid, journal: Path) -> None:
    box.faults.fail("eks", "CreatePodIdentityAssociation")
    outcome = podid("associate", "a/b", "c/d", "e/f", "--role", "storefront", *WAIT, "-o", "json")
    assert outcome.code == 7, outcome
    assert [call for call in box.faults.calls if "Create" in str(call)] != []


# --- by pattern ---------------------------------------------------------------------------------------------------


# --- several clusters ---------------------------------------------------------------------------------------------
