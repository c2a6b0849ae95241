"""`status`: whether each identity works; and every other command that shows a state says the same."""

import json
from contextlib import suppress
from itertools import combinations
from random import Random
from typing import Any

import pytest

from harness import one_in
from permissions_support import checked_permissions
from podid.checks.all import BY_ID
from podid.cli.changing import MOST_USERS
from podid.domain.findings import Bearing
from podid.domain.names import ServiceAccountRef
from podid.sandbox.breaks.table import BREAKS
from worlds import ORDERS, Site, trust_for

from .test_permissions import EVERYWHERE, IAM, NOT_HERE, rules

State = tuple[str, str | None]
# of each state and of each link
TELLING = (
    *("association-missing", "association-sa-not-found", "association-deleted-env-remains", "sa-mismatch"),
    *("webhook-config-altered", "pod-predates-association", "cached-credentials-after-change"),
    *("static-aws-keys-shadow", "sdk-too-old", "networkpolicy-blocks-agent", "agent-not-on-node"),
    *("agent-pod-unhealthy", "node-role-missing-eks-auth", "custom-eks-auth-endpoint"),
    *("trust-missing-tag-session", "role-not-found", "target-role-trust-broken", "session-policy-misconfig"),
    *("tool-aws-denied", "trust-too-broad"),
)
# of more are there as many identities as EKS takes: those of the first few are shown one by one
FEW = 4


def named(item: Any) -> str:
    return f"{item['namespace']}/{item['serviceAccount']}"


def state(item: Any) -> State:
    return item["state"], item["id"]


def check_all_views(site: Site, env: dict[str, str] | None = None) -> dict[str, State]:
    """Of `doctor`, which every command that shows a state agrees with."""
    report = site("doctor", "-o", "json", env=env).json
    found = {named(item): state(item) for item in report["identities"]}
    items = site("status", "-o", "json", env=env).json["items"]
    assert {named(item): state(item) for item in items} == found
    listed = site("list", "-o", "json", "--columns", "status", env=env).json["items"]
    associated = {name: its for name, its in found.items() if its[0] != "no-association"}
    assert {named(item): state(item["status"]) for item in listed} == associated
    for name in sorted(found)[:FEW]:
        shown = site("show", name, "-o", "json", env=env).json
        own = state(shown.get("status") or shown)
        (of_doctor,) = site("doctor", name, "-o", "json", env=env).json["identities"]
        assert own == state(of_doctor)
        if name in associated:
            assert own == found[name]
            assert state(site("status", name, "-o", "json", env=env).json) == own
            check_verify(site, name, own, env)
            check_role(site, name, {named(item): item["roleArn"] for item in listed}[name], own, env)
        else:  # of a name with nothing else to say, that there is none
            assert own == ("no-association", found[name][1] or "association-missing")
            assert site("status", name, env=env).code == 5
    return found


def check_role(site: Site, name: str, role: str, own: State, env: dict[str, str] | None) -> None:
    """The status of those that use a role, where the role can be read."""
    outcome = site("role", "show", role.rsplit("/", 1)[-1], "-o", "json", env=env)
    uses = outcome.json["associations"] if outcome.code == 0 else None
    if uses is not None and len({named(use) for use in uses}) <= MOST_USERS:
        assert {state(use["status"]) for use in uses if named(use) == name} == {own}, outcome


def check_verify(site: Site, name: str, own: State, env: dict[str, str] | None) -> None:
    """A token adds to what is ready and decides what is unknown; of the rest it changes nothing."""
    outcome = site("verify", name, "--yes", "--timeout", "20s", "-o", "json", env=env)
    found = outcome.json["state"]
    if own[0] == "ready":
        assert found in ("ready", "verified"), outcome
    elif own[0] != "unknown":
        assert state(outcome.json) == own, outcome
    assert (outcome.code == 0) == (found in ("verified", "proven") and not outcome.json["permissions"]), outcome


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    "mode", [mode if mode in TELLING else pytest.param(mode, marks=pytest.mark.rare) for mode in BREAKS]
)
def test_every_view_says_the_same(shared: Site, mode: str) -> None:
    shared.box.failures.put(mode)
    try:
        found = check_all_views(shared)
        findings = shared("doctor", "-o", "json").json["findings"]
        outcome = shared("status")
    finally:
        shared.box.failures.heal()
    assert "shop/orders" in found
    # an error about a node that no associated pod runs on concerns no identity
    errors = {item["id"] for item in findings if item["severity"] == "error" and item["serviceAccounts"]}
    if any(BY_ID[check].bearing is not Bearing.ADVICE for check in errors):
        assert outcome.code in (3, 9), (found, errors)


# for a named service account the pods of other namespaces are not read, so the pod that holds the port is not named
_OTHER_NAMESPACES = ("agent-probe-port-conflict", "agent-port80-conflict")
_PAIRS = list(combinations([mode for mode in BREAKS if mode not in _OTHER_NAMESPACES], 2))


@pytest.mark.rare
@pytest.mark.parametrize("pair", Random(20261128).sample(_PAIRS, 90), ids="+".join)
def test_every_view_says_the_same_of_two_failures_at_once(shared: Site, pair: tuple[str, str]) -> None:
    try:
        for mode in pair:
            with suppress(ValueError):  # some modes cannot be in place together: then the first one is, alone
                shared.box.failures.put(mode)
        check_all_views(shared)
    finally:
        shared.box.failures.heal()


@pytest.mark.parametrize("action", one_in(5, [action for action in IAM if action not in NOT_HERE]))
def test_without_an_iam_action(shared: Site, action: str) -> None:
    shared.box.world.credentials.deny(action)
    if action in ("eks:ListPodIdentityAssociations", "eks:DescribePodIdentityAssociation"):
        for command in ("status", "show shop/orders", "list --columns status"):
            outcome = shared(*command.split(), "-o", "json")
            assert (outcome.code, outcome.stdout, outcome.error["permission"]) == (4, "", action)
        outcome = shared("status", "shop/orders", "-o", "json")
        assert (outcome.code, outcome.json["state"], outcome.json["permission"]) == (9, "unknown", action)
    else:
        check_all_views(shared)


@pytest.mark.parametrize(
    "rule", one_in(5, [(rule,) for rule in EVERYWHERE]), ids=[" ".join(reversed(rule)).strip() for rule in EVERYWHERE]
)
def test_without_a_kubernetes_permission(shared: Site, rule: tuple[str, str, str]) -> None:
    check_all_views(shared, shared.user("viewer", rules(without=rule)))


def test_without_any_permission_in_the_cluster(shared: Site) -> None:
    blind = shared.user("blind", [])
    assert check_all_views(shared, blind) == {"shop/orders": ("unknown", "association-sa-not-found")}
    outcome = shared("status", env=blind)
    assert (outcome.code, outcome.stdout) == (
        9,
        "shop\torders\tunknown\tshop-orders\t-\tassociation: needs list namespaces (cluster-wide)\n",
    )
    assert shared("status", "--allow-unknown", env=blind).code == 0


@pytest.fixture
def several(shared: Site) -> Any:
    """One of each state that is worse than ready, in namespace broken, beside shop/orders."""
    for mode in ("static-aws-keys-shadow", "sdk-too-old", "pod-predates-association"):
        shared.box.failures.put(mode)
    yield shared
    shared.box.failures.heal()


def test_one_line_an_identity_worst_first(several: Site) -> None:
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
    assert outcome.stderr == "4 identities: 1 ready, 1 doubtful, 1 stale, 1 broken\n"


def test_what_a_terminal_shows(several: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(several.podid, "tty", True)
    env = {"NO_COLOR": "1"}
    lines = several("status", env=env).stdout.splitlines()
    assert [line[0] for line in lines] == ["✗", "↻", "!", "✓"]
    one = several("status", "broken/static-aws-keys-shadow", env=env).stdout
    assert one.startswith("✗ broken/static-aws-keys-shadow  broken at link 4 SDK: static-aws-keys-shadow\n")
    assert "  More  podid explain static-aws-keys-shadow\n" in one
    wide = several("status", "-o", "wide", env=env).stdout
    assert "SERVICE ACCOUNT" in wide


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        ("", 3),
        ("-A", 3),
        ("-n broken", 3),
        ("-n shop", 0),
        ("-n payments", 0),  # nobody has an association there
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
        ("shop/orders -n shop", 2),
        ("shop/orders -A", 2),
        ("shop/orders --require verified", 2),
    ],
)
def test_the_exit_code(several: Site, argv: str, code: int) -> None:
    outcome = several("status", *argv.split(), "-o", "json")
    assert outcome.code == code
    assert bool(outcome.stdout) is (code not in (2, 5))


def test_what_is_said_of_names_without_a_status(several: Site) -> None:
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


def test_a_role_that_may_do_nothing_is_said_beside_the_state(shared: Site) -> None:
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


def test_nothing_is_changed_and_nobody_is_asked(shared: Site) -> None:
    """No dry run, no token, no Job: what is read are lists and descriptions."""
    with checked_permissions() as asked:
        shared.must("status")
    assert {permission.verb for permission in asked.kubernetes} == {"get", "list"}
    assert not any(action.startswith(("eks-auth:", "cloudtrail:")) for action in asked.iam)


@pytest.mark.parametrize("mode", [mode for mode in BREAKS if BY_ID[mode].bearing is Bearing.RESTART])
def test_restart_of_stale_pods_ends_every_stale_state(shared: Site, mode: str) -> None:
    shared.box.failures.put(mode)
    try:
        before = {item["id"] for item in shared("status", "-o", "json").json["items"] if item["state"] == "stale"}
        outcome = shared("restart", "-A", "--stale", "--yes")
        after = {item["state"] for item in shared("status", "-o", "json").json["items"]}
    finally:
        shared.box.failures.heal()
    assert (before, outcome.code, after) == ({mode}, 0, {"ready"}), outcome
