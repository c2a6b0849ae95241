"""Every failure mode that the sandbox can be given: put in place, named by the doctor and nothing beside it, healed."""

import pytest

from podid.checks.all import BY_ID
from podid.pages.index import ENTRIES
from podid.sandbox.breaks.table import AUDITED, BREAKS, to_see
from worlds import Site

PAGES = {entry.id: entry for entry in ENTRIES}
# what cannot be read is unknown, and not broken
BLIND = ("tool-aws-denied", "tool-k8s-rbac-denied")
# an image says little of what is in it, and nobody knows what a pod asks for, or of whom
WARNED = (
    *("role-no-permissions", "sa-recreated-token-invalid", "sdk-too-old", "agent-port80-conflict"),
    *("pod-proxy-missing-no-proxy", "service-mesh-intercepts", "sg-for-pods-blocks-agent", "agent-proxy-misconfig"),
    *("consumer-is-other-pod", "node-clock-skew", "custom-eks-auth-endpoint"),
    # a few of these are in the day's work
    *("agent-timeout-context-canceled", "eks-auth-throttled"),
)
# a role is another one, or a version old, without anybody being the worse for it
NOTES = ("role-recreated", "agent-outdated", "auto-mode-redundant-addon")
MILDER = dict.fromkeys(WARNED, "warn") | dict.fromkeys(NOTES, "info")
# it has running pods
GRAVER = {"irsa-role-trusts-pods-only": "error"}
SEVERITIES = {mode: PAGES[mode].severity for mode in BREAKS} | MILDER | GRAVER
# the CNI is on the node's network
BESIDE = {
    # what it comes of
    "imds-fallback-node-role": ("pod-predates-association", "error", None),
    "cni-depends-on-agent": ("host-network-pod", "info", "kube-system/aws-node"),
    # pods that were served before, whose successors will not be
    "webhook-config-altered": ("webhook-config-altered", "warn", None),
}
# at least one on each link and in each way of putting it in place; `make fuzz` takes them all
TELLING = (
    *("tool-aws-denied", "association-missing", "sa-mismatch", "webhook-config-altered", "pod-predates-association"),
    *("static-aws-keys-shadow", "networkpolicy-blocks-agent", "agent-not-installed", "agent-not-on-node"),
    *("node-startup-race", "eks-auth-throttled", "agent-probe-port-conflict"),
    *("addon-degraded-or-failed", "agent-pod-unhealthy", "self-managed-cluster-name-wrong"),
    *(
        "node-startup-race",
        "eks-auth-throttled",
        "node-role-missing-eks-auth",
        "role-not-found",
        "trust-missing-tag-session",
        "target-role-trust-broken",
    ),
)


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    "mode",
    [mode if mode in TELLING else pytest.param(mode, marks=pytest.mark.rare) for mode in BREAKS if mode not in AUDITED],
)
def test_each_is_named_alone_and_healed(shared: Site, mode: str) -> None:
    shared.wait(600)  # an agent that has just been installed may still be starting
    before = births(shared)
    subject = shared.box.failures.put(mode)
    try:
        outcome = shared(*to_see(mode), "-o", "json")
        if mode not in BLIND:
            assert_as_old(before, births(shared))
    finally:
        assert shared.box.failures.heal() == {mode: subject}
    assert_as_old(before, births(shared))
    report = outcome.json
    if mode in BLIND:
        assert (outcome.code, report["findings"]) == (9, [])
        assert mode in {item["id"] for item in report["unknowns"]}
    else:
        where = ((item["subject"], item) for item in report["findings"] if not item["maskedBy"])
        found = {
            (item["id"], item["severity"], "/".join(filter(None, (of["namespace"], of["name"])))) for of, item in where
        }
        beside = {(each, severity, of or subject) for each, severity, of in [BESIDE[mode]]} if mode in BESIDE else set()
        assert found == {(mode, SEVERITIES[mode], subject)} | beside
        assert {item["maskedBy"] for item in report["findings"]} <= {None, mode}
        assert (outcome.code, report["unknowns"]) == (3 if "error" in {severity for _, severity, _ in found} else 0, [])
    if mode not in TELLING or mode in TELLING[::3]:  # what others leave is found beside the next mode
        after = shared("doctor", "-o", "json")
        assert (after.code, after.json["findings"], after.json["unknowns"]) == (0, [], [])


@pytest.mark.sampled(3)
@pytest.mark.parametrize("mode", sorted(AUDITED))
def test_each_of_the_audit_is_named_alone_and_healed(shared: Site, mode: str) -> None:
    """The doctor reports nothing: the identity works."""
    shared.wait(600)
    subject = shared.box.failures.put(mode)
    try:
        outcome, doctor = shared(*to_see(mode), "--secrets", "-o", "json"), shared("doctor", "-o", "json")
    finally:
        assert shared.box.failures.heal() == {mode: subject}
    report = outcome.json
    findings = {
        (item["id"], "/".join(filter(None, (item["subject"]["namespace"], item["subject"]["name"]))))
        for item in report["findings"]
    }
    assert findings == {(mode, subject)}
    assert {item["severity"] for item in report["findings"]} == {PAGES[mode].severity}
    assert (outcome.code, report["unknowns"], report["identities"]) == (0, [], [])
    assert (doctor.code, doctor.json["findings"], doctor.json["unknowns"]) == (0, [], [])


def test_healed_failures_of_the_audit_leave_nothing(shared: Site) -> None:
    """A failure that one of the modes above leaves is a finding beside the next one, or here."""
    after = shared("audit", "--secrets", "-o", "json")
    assert (after.code, after.json["findings"], after.json["unknowns"]) == (0, [], [])


def births(site: Site) -> dict[str, object]:
    """When each object, association, role and add-on was made, by what tells it from its namesakes."""
    world, cluster = site.box.world, site.box.world.clusters["demo"]
    apps = [f"/apis/apps/v1/{kind}" for kind in ("deployments", "daemonsets", "replicasets")]
    core = [f"/api/v1/{kind}" for kind in ("namespaces", "serviceaccounts", "pods", "nodes", "configmaps", "events")]
    objects = [item["metadata"] for path in (*apps, *core) for item in site.cluster.items(path)]
    roles = site.aws("iam").list_roles()["Roles"]
    return {
        **{metadata["uid"]: metadata["creationTimestamp"] for metadata in objects},
        **{each.id: (each.created_at, each.modified_at) for each in cluster.associations.values()},
        **{addon.arn: addon.created_at for addon in cluster.addons.values()},
        **{role["RoleId"]: role["CreateDate"] for role in roles},
        "now": pytest.approx(world.clock.now(), abs=5),
    }


def assert_as_old(before: dict[str, object], after: dict[str, object]) -> None:
    """What is still there is as old as it was."""
    assert {name: after[name] for name in before if name in after} == {n: v for n, v in before.items() if n in after}


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("passrole-denied", "The sandbox cannot reproduce passrole-denied"),
        ("agent-not-on-nod", "'agent-not-on-nod' is not a failure mode; did you mean agent-not-on-node"),
        ("moon", "'moon' is not a failure mode"),
    ],
)
def test_one_that_cannot_be_put_in_place(shared: Site, mode: str, said: str) -> None:
    outcome = shared("sandbox", "break", mode)
    assert (outcome.code, outcome.stdout) == (5, "")
    assert outcome.stderr.startswith(f"Error: {said}")
    assert "Try:   podid sandbox break " in outcome.stderr


# what podid's own place in the world, the age of the account or its size makes; and what pods that work rule out
NOT_HERE = {
    "guard-violated",  # of a file of the user
    *("private-endpoint-unreachable", "cross-account-role-arn"),
    *("java-ipv6-host-rejected", "ephemeral-debug-container-no-env"),
    "iso-partition-ca-bundle",
    # of logs alone: tests/ops/reading/test_readings.py
    "packed-policy-too-large",
}


def test_every_check_has_one_or_says_why_not() -> None:
    lacking = BY_ID.keys() - BREAKS.keys()
    assert lacking - NOT_HERE == set(), (
        "each wants a function of its name in podid/sandbox/breaks/, or a line in NOT_HERE"
    )
    assert NOT_HERE - lacking == set(), "the sandbox has them: take them out of NOT_HERE"


def test_several_stand_beside_each_other(shared: Site) -> None:
    """Each goes without the other, and a second time is refused."""
    failures = shared.box.failures
    try:
        failures.put("static-aws-keys-shadow")
        failures.put("role-not-found")
        with pytest.raises(ValueError, match="role-not-found is already in place"):
            failures.put("role-not-found")
        report = shared("doctor", "-o", "json").json
        assert {item["id"] for item in report["findings"]} == {"static-aws-keys-shadow", "role-not-found"}
        failures.heal("static-aws-keys-shadow")
        report = shared("doctor", "-o", "json").json
        assert {item["id"] for item in report["findings"]} == {"role-not-found"}
    finally:
        failures.heal()
    assert not any(item["metadata"]["name"] == "broken" for item in shared.cluster.items("/api/v1/namespaces"))


def test_one_that_does_not_fit_leaves_everything_as_it_was(shared: Site) -> None:
    collection, name = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations", "pod-identity-webhook"
    webhooks = shared.cluster.get(f"{collection}/{name}")["webhooks"]
    shared.cluster.delete(f"{collection}/{name}")
    with pytest.raises(ValueError, match="webhook-config-altered cannot be reproduced"):
        shared.box.failures.put("webhook-config-altered")
    shared.cluster.post(collection, {"metadata": {"name": name}, "webhooks": webhooks})
    assert shared.box.failures.listed() == {}
    assert shared("list", "-o", "name").stdout == "shop/orders\n"


def test_what_was_mended_by_hand_is_left_alone(shared: Site) -> None:
    """The role that podid made anew is not taken for the broken one, and healing does not fail."""
    failures = shared.box.failures
    failures.put("association-sa-not-found")
    shared.must("disassociate", "broken/association-sa-not-fund", "--yes", "--wait", "none")
    assert failures.heal("association-sa-not-found")
    assert shared("doctor", "-o", "json").json["findings"] == []
