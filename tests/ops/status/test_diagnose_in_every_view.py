"""Every command that shows the state of an identity shows the same one."""

from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations
from random import Random
from typing import Any

import pytest

from e2e.test_permissions import EVERYWHERE, IAM, NOT_HERE, rules
from harness import examples, one_in
from podid.checks.all import BY_ID
from podid.cli.changing import MOST_USERS
from podid.domain.findings import Bearing
from podid.sandbox.breaks.table import BREAKS
from worlds import Site

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


def named(item: Any) -> str:
    return f"{item['namespace']}/{item['serviceAccount']}"


def state(item: Any) -> State:
    return item["state"], item["id"]


def of_pods(item: Any) -> list[State]:
    """Return the state of a new pod, and those of the running ones."""
    return [state(item["newPod"]), *sorted((state(pod) for pod in item["pods"] or ()), key=str)]


@dataclass
class Views:
    """The states by service account, the findings of `podid doctor`, and the exit code of `podid status`."""

    states: dict[str, State]
    findings: list[Any]
    code: int


def check_all_views(site: Site, env: dict[str, str] | None = None, *, fine: bool = False) -> Views:
    """Check that every command shows the states of `podid doctor`. One identity with a problem is shown by itself (in
    `make fuzz` more; some failures add as many as EKS allows), and with `fine` also one without."""
    report = site("doctor", "-o", "json", env=env).json
    states = {named(item): state(item) for item in report["identities"]}
    pods = {named(item): of_pods(item) for item in report["identities"]}
    all_of_cluster = site("status", "-o", "json", env=env)
    assert {named(item): state(item) for item in all_of_cluster.json["items"]} == states
    assert {named(item): of_pods(item) for item in all_of_cluster.json["items"]} == pods
    listed = site("list", "-o", "json", "--columns", "status", env=env).json["items"]
    associated = {name: own for name, own in states.items() if own[0] != "no-association"}
    assert {named(item): state(item["status"]) for item in listed} == associated
    wrong = [name for name in sorted(states) if states[name][0] != "ready"]
    few = min(examples(1), 4)
    for name in (sorted(states) if fine or not wrong else wrong)[:few]:
        shown = site("show", name, "-o", "json", env=env).json
        status = shown.get("status") or shown
        own = state(status)
        assert of_pods(status) == pods[name]
        (of_doctor,) = site("doctor", name, "-o", "json", env=env).json["identities"]
        assert own == state(of_doctor)
        if name in associated:
            assert own == states[name]
            assert state(site("status", name, "-o", "json", env=env).json) == own
            check_verify(site, name, own, env)
            check_role(site, name, {named(item): item["roleArn"] for item in listed}[name], own, env)
        else:  # without another failure, the missing association is the reason
            assert own == ("no-association", states[name][1] or "association-missing")
            assert site("status", name, env=env).code == 5
    return Views(states, report["findings"], all_of_cluster.code)


def check_role(site: Site, name: str, role: str, own: State, env: dict[str, str] | None) -> None:
    """The status of those that use a role, where the role can be read."""
    outcome = site("role", "show", role.rsplit("/", 1)[-1], "-o", "json", env=env)
    uses = outcome.json["associations"] if outcome.code == 0 else None
    if uses is not None and len({named(use) for use in uses}) <= MOST_USERS:
        assert {state(use["status"]) for use in uses if named(use) == name} == {own}, outcome


def check_verify(site: Site, name: str, own: State, env: dict[str, str] | None) -> None:
    """A token adds to what is ready and decides what is unknown; of the rest it changes nothing."""
    outcome = site("verify", name, "--yes", "--timeout", "20s", "-o", "json", env=env)
    verified = outcome.json["state"]
    if own[0] == "ready":
        assert verified in ("ready", "verified"), outcome
    elif own[0] != "unknown":
        assert state(outcome.json) == own, outcome
    assert (outcome.code == 0) == (verified in ("verified", "proven") and not outcome.json["permissions"]), outcome


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    "mode", [mode if mode in TELLING else pytest.param(mode, marks=pytest.mark.rare) for mode in BREAKS]
)
def test_every_view_shows_the_same_state(shared: Site, mode: str) -> None:
    shared.box.failures.put(mode)
    try:
        views = check_all_views(shared)
        brings = shared("restart", "-A", "--dry-run", "--force", "-o", "json").json["brings"]
        agent = shared("agent", "status", "-o", "json").json["state"]
    finally:
        shared.box.failures.heal()
    assert "shop/orders" in views.states
    # a restart alone has no further failures, except those that another restart fixes
    brought = {item["id"] for item in brings if item["severity"] == "error"} - {item["id"] for item in views.findings}
    assert [check for check in brought if BY_ID[check].bearing is Bearing.STOPS] == []
    of_agent = {item["id"] for item in views.findings if item["severity"] == "error" and item["link"] in (6, 7, 8)}
    if of_agent - {"fargate-pod", "windows-pod"}:
        assert agent in ("broken", "not-installed"), of_agent
    # an error about a node that no associated pod runs on concerns no identity
    errors = {item["id"] for item in views.findings if item["severity"] == "error" and item["serviceAccounts"]}
    if any(BY_ID[check].bearing is not Bearing.ADVICE for check in errors):
        assert views.code in (3, 9), (views, errors)


# for a named service account the pods of other namespaces are not read, so the pod that holds the port is not named
_OTHER_NAMESPACES = ("agent-probe-port-conflict", "agent-port80-conflict")
_PAIRS = list(combinations([mode for mode in BREAKS if mode not in _OTHER_NAMESPACES], 2))


@pytest.mark.rare
@pytest.mark.parametrize("pair", Random(20261128).sample(_PAIRS, 90), ids="+".join)
def test_every_view_shows_the_same_state_with_two_failures(shared: Site, pair: tuple[str, str]) -> None:
    try:
        for mode in pair:
            with suppress(ValueError):  # some modes cannot be in place together: then the first one is, alone
                shared.box.failures.put(mode)
        check_all_views(shared, fine=True)
    finally:
        shared.box.failures.heal()


@pytest.mark.parametrize("action", one_in(8, [action for action in IAM if action not in NOT_HERE]))
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
    "rule", one_in(8, [(rule,) for rule in EVERYWHERE]), ids=[" ".join(reversed(rule)).strip() for rule in EVERYWHERE]
)
def test_without_a_kubernetes_permission(shared: Site, rule: tuple[str, str, str]) -> None:
    check_all_views(shared, shared.user("viewer", rules(without=rule)))


def test_without_any_permission_in_the_cluster(shared: Site) -> None:
    blind = shared.user("blind", [])
    assert check_all_views(shared, blind).states == {"shop/orders": ("unknown", "association-sa-not-found")}
    outcome = shared("status", env=blind)
    assert (outcome.code, outcome.stdout) == (
        9,
        "shop\torders\tunknown\tshop-orders\t-\tassociation: needs list namespaces (cluster-wide)\n",
    )
    assert shared("status", "--allow-unknown", env=blind).code == 0
