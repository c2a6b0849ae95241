"""Options, screen and documents of `podid status`."""

import json
from typing import Any

import pytest

from permissions_support import checked_permissions
from podid.domain.names import ServiceAccountRef
from worlds import ORDERS, Site, trust_for


def named(item: Any) -> str:
    return f"{item['namespace']}/{item['serviceAccount']}"


@pytest.fixture
def several(shared: Site) -> Any:
    """Yield a cluster with one identity of each state worse than ready, in namespace broken, and shop/orders."""
    for mode in ("static-aws-keys-shadow", "sdk-too-old", "pod-predates-association"):
        shared.box.failures.put(mode)
    yield shared
    shared.box.failures.heal()


def test_each_identity_is_a_line_worst_first(several: Site) -> None:
    outcome = several("status")
    rows = [line.split("\t") for line in outcome.stdout.splitlines()]
    assert [row[:3] for row in rows] == [
        ["broken", "static-aws-keys-shadow", "broken"],
        ["broken", "pod-predates-association", "stale"],
        ["broken", "sdk-too-old", "doubtful"],
        ["shop", "orders", "ready"],
    ]
    assert [row[5] for row in rows] == [
        *("SDK: static-aws-keys-shadow", "injection: pod-predates-association", "SDK: sdk-too-old", "-"),
    ]
    assert outcome.stderr == (
        "4 identities: 1 ready, 1 doubtful, 1 stale, 1 broken\n"
        "podid doctor shows the causes and the commands that fix them.\n"
    )


def test_a_terminal_shows_marks_and_causes(several: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(several.podid, "tty", True)
    env = {"NO_COLOR": "1"}
    lines = several("status", env=env).stdout.splitlines()
    assert [line[0] for line in lines] == ["✗", "↻", "!", "✓"]
    one = several("status", "broken/static-aws-keys-shadow", env=env).stdout
    assert one.startswith("✗ broken/static-aws-keys-shadow  broken at link 4 SDK: static-aws-keys-shadow\n")
    assert "  More  podid explain static-aws-keys-shadow\n" in one
    wide = several("status", "-o", "wide", env=env).stdout
    assert "SERVICE ACCOUNT" in wide


CODES = (
    ("", 3),
    ("-A", 3),
    ("-n broken", 3),
    ("-n shop", 0),
    ("-n payments", 0),  # no association
    ("shop/orders", 0),
    ("shop/orders --require configured", 0),
    ("broken/sdk-too-old", 9),
    ("broken/sdk-too-old --require configured", 9),
    ("broken/sdk-too-old --allow-unknown", 9),  # a warning is known
    ("shop/orders broken/sdk-too-old", 9),
    ("shop/orders broken/sdk-too-old broken/pod-predates-association", 3),
    ("broken/pod-predates-association --allow-unknown", 3),
    ("broken/static-aws-keys-shadow --require configured --allow-unknown", 3),
    ("shop/orders payments/billing-worker", 5),
    ("shop/orders shop/nosuch", 5),
    ("-n nosuch", 5),
    ("shop/orders -n web", 2),
    ("shop/orders -A", 2),
    ("shop/orders --require verified", 2),
)


def test_the_exit_code(several: Site) -> None:
    for argv, code in CODES:
        outcome = several("status", *argv.split(), "-o", "json")
        assert (outcome.code, bool(outcome.stdout)) == (code, code not in (2, 5)), argv


def test_errors_name_the_state_and_the_service_account(several: Site) -> None:
    refused = several("status", "shop/orders", "--require", "prooven", "-o", "json")
    assert refused.error["message"] == "--require 'prooven' is not one of: configured, ready"
    assert refused.error["hint"] == "podid status shop/orders --require ready -o json"
    without = several("status", "shop/orders", "payments/billing-worker", "-o", "json")
    assert without.error["message"] == "payments/billing-worker has no association in cluster demo"
    assert without.error["advice"] == "podid associate payments/billing-worker gives it a role."
    empty = several("status", "-n", "payments")
    assert (empty.stdout, empty.stderr) == (
        "",
        "no pod identity associations in namespace payments of cluster demo\n",
    )


def test_a_role_without_permissions_does_not_change_the_state(shared: Site) -> None:
    shared.box.failures.put("session-policy-misconfig")
    try:
        outcome = shared("status", "broken/session-policy-misconfig", "-o", "json")
        row = shared("status", "broken/session-policy-misconfig").stdout.strip().split("\t")
    finally:
        shared.box.failures.heal()
    assert (outcome.code, outcome.json["state"], outcome.json["permissions"]["id"]) == (
        *(3, "ready"),
        "session-policy-misconfig",
    )
    assert row[2:] == ["ready", "session-policy-misconfig", "2", "permissions: session-policy-misconfig"]


def test_documents(several: Site) -> None:
    one = several("status", "shop/orders", "-o", "json").json
    assert (one["kind"], one["state"], len(one["pods"])) == ("IdentityStatus", "ready", 2)
    twice = several("status", "shop/orders", "shop/orders", "-o", "json").json
    assert twice["kind"] == "IdentityStatus"
    two = several("status", "shop/orders", "broken/sdk-too-old", "-o", "json").json
    assert two["kind"] == "IdentityStatusList"
    assert [(named(item), item["state"]) for item in two["items"]] == [
        ("broken/sdk-too-old", "doubtful"),
        ("shop/orders", "ready"),
    ]
    assert several("status", "-n", "payments", "-o", "json").json["items"] == []
    lines = [json.loads(line) for line in several("status", "-o", "jsonl").stdout.splitlines()]
    assert [line["state"] for line in lines] == [
        "stale",
        "doubtful",
        "broken",
        "ready",
    ]  # by name, so that two can be compared
    assert several("status", "-n", "shop", "-o", "name").stdout == "shop/orders\n"
    query = "items[?state=='stale'].pods[].state"
    assert several("status", "-o", "json", "--query", query).json == ["stale", "stale"]


def test_watch_shows_each_change_once(shared: Site) -> None:
    begun, changed = shared.slept, False

    def later(seconds: float) -> None:
        nonlocal changed
        if shared.slept - begun > 12 and not changed:
            changed = True
            shared.trust("shop-orders", trust_for(ServiceAccountRef("other", "other")))

    shared.on_sleep = later
    try:
        outcome = shared("status", "--watch", "--timeout", "60s")
    finally:
        shared.on_sleep = lambda seconds: None
        shared.trust("shop-orders", trust_for(ORDERS))
    assert outcome.code == 3
    times, rows = zip(*(line.split("\t", 1) for line in outcome.stdout.splitlines()), strict=True)
    assert rows == (
        "+\tshop\torders\tready\tshop-orders\t2\t-",
        "+\tshop\torders\tbroken\tshop-orders\t2\ttrust: trust-condition-never-matches",
        "-\tshop\torders\tready\tshop-orders\t2\t-",
    )
    assert times[0] < times[1] == times[2]
    assert shared.slept - begun >= 40


def test_only_lists_and_descriptions_are_read(shared: Site) -> None:
    with checked_permissions() as asked:
        shared.must("status")
    assert {permission.verb for permission in asked.kubernetes} == {"get", "list"}
    assert not any(action.startswith(("eks-auth:", "cloudtrail:")) for action in asked.iam)
