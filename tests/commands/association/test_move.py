"""`podid move` to another service account: refusals, notes, restarts and the old trust policy."""

from contextlib import suppress
from pathlib import Path

import pytest

from harness import Podid
from ops.association.worlds import WAIT, actions, roles
from ops.change.support import account_state, writes
from ops.migrate.killed import Killed, dying
from podid.sandbox.baseline import add_association
from podid.sandbox.box import Sandbox
from worlds import Site


def test_moves_that_are_refused(box: Sandbox, podid: Podid, journal: Path) -> None:
    add_association(box.world, "shop", "orders", "storefront")
    add_association(box.world, "shop", "api", "orders-dynamodb")
    same = podid("move", "shop/orders", "shop/orders", "--yes", "-o", "json")
    assert (same.code, same.error["message"]) == (2, "shop/orders already has the association")
    none = podid("move", "shop/order", "shop/other", "--yes", "-o", "json")
    assert (none.code, writes(box)) == (5, 0)
    taken = podid("move", "shop/orders", "shop/api", "--yes", *WAIT, "-o", "json")
    assert (taken.code, writes(box)) == (6, 0)
    assert taken.error["hint"].endswith("--replace")
    assert podid("move", "shop/orders", "shop/api", "--yes", "--replace", *WAIT).code == 0
    assert roles(box) == {"shop/api": "storefront"}


def test_a_move_to_an_absent_service_account_has_a_warning(site: Site) -> None:
    site.associate("shop", "orders")
    planned = site("move", "shop/orders", "shop/orderz", "--dry-run", "-o", "json")
    assert planned.code == 0, planned
    assert planned.json["notes"][0].startswith("service account shop/orderz does not exist")
    outcome = site(
        "move", "shop/orders", "shop/fresh", "--create-service-account", "--yes", "--wait", "api", "-o", "json"
    )
    assert outcome.code == 0, outcome
    assert [kind for kind, _, _ in actions(outcome)] == ["service-account", "association", "association"]


def test_a_move_restarts_the_pods_of_the_old_service_account(site: Site) -> None:
    site.with_agent().associate("shop", "orders")
    site.with_new_pods()
    pods = site.cluster.pod_names("shop", "orders")
    site.cluster.make_account("shop", "api")
    moved = site("move", "shop/orders", "shop/api", "--yes", "--restart", "-o", "json")
    assert moved.code == 0, moved
    assert [kind for kind, *_ in actions(moved)] == ["association", "association", "restart"]
    assert [after["newPod"]["state"] for after in moved.json["after"]] == ["ready"]
    assert not set(pods) & set(site.cluster.pod_names("shop", "orders"))


def test_a_killed_move_is_completed_with_the_restart(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.with_agent().associate("shop", "orders")
    site.with_new_pods()
    pods = site.cluster.pod_names("shop", "orders")
    site.cluster.make_account("shop", "api")
    command = ("move", "shop/orders", "shop/api", "--yes", "--restart")
    for number in range(9):  # killed after the deletion of the old association
        if roles(site.box) != {"shop/api": "storefront"}:
            with dying(site, monkeypatch, number, "after"), suppress(Killed):
                site(*command)
    assert set(pods) <= set(site.cluster.pod_names("shop", "orders"))
    site.must(*command)
    assert not set(pods) & set(site.cluster.pod_names("shop", "orders"))
    count = len(site.cluster.pod_names("shop", "orders"))
    again = site.must(*command, "-o", "json").json
    assert (count, [item["kind"] for item in again["actions"]]) == (len(pods), ["association"])


def test_the_old_trust_statement_is_named_or_removed(box: Sandbox, podid: Podid, journal: Path) -> None:
    assert podid("associate", "shop/orders", "--create-role", "--role", "r", *WAIT).code == 0
    before = account_state(box)
    command = ("move", "shop/orders", "shop/api", "--update-trust", "--yes", *WAIT, "-o", "json")
    named = podid(*command)
    (note,) = [text for text in named.json["notes"] if "still allows shop/orders" in text]
    assert "podid trust remove --role r --for shop/orders --cluster demo" in note
    assert (podid("undo", "last", "--yes", *WAIT).code, account_state(box)) == (0, before)
    moved = podid(*command, "--remove-trust")
    assert moved.code == 0, moved
    assert actions(moved) == [
        ("role-trust", "r", "done"),
        ("association", "shop/api", "done"),
        ("association", "shop/orders", "done"),
        ("role-trust", "r", "done"),
    ]
    verdicts = {
        name: podid("trust", "check", "--role", "r", "--for", f"shop/{name}", "-o", "json").json["verdict"]
        for name in ("orders", "api")
    }
    assert verdicts == {"orders": "no-match", "api": "match"}
    assert (podid("undo", "last", "--yes", *WAIT).code, account_state(box)) == (0, before)
