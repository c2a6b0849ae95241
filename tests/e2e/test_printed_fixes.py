"""The command that `podid doctor` prints for a failure fixes it."""

from typing import Any

import pytest

from harness import one_in
from worlds import Site

# the failures that a command of podid fixes
FIXED = (
    *("agent-port80-conflict", "agent-probe-port-conflict", "agent-not-installed", "agent-not-on-node"),
    *("fargate-pod", "windows-pod", "association-sa-not-found", "association-namespace-not-found"),
    *("trust-missing-tag-session", "trust-condition-never-matches", "trust-wrong-principal", "trust-too-broad"),
    *("role-not-found", "target-role-trust-broken", "external-id-mismatch", "hybrid-daemonset-missing"),
    *("pod-predates-association", "irsa-env-still-active", "sa-recreated-token-invalid"),
    *("association-propagation-race", "injection-missed-webhook", "cached-credentials-after-change"),
    "consumer-is-other-pod",
)


def findings(site: Site) -> dict[str, Any]:
    return {item["id"]: item for item in site("doctor", "-o", "json").json["findings"]}


@pytest.mark.parametrize("mode", one_in(4, FIXED))
def test_the_finding_is_gone_after_its_fix(healthy: Site, mode: str) -> None:
    healthy.box.failures.put(mode)
    before = findings(healthy)
    for command in before[mode]["fix"]["commands"]:
        if command[0] == "podid" and command[1] != "agent":  # which only reads
            healthy.must(*command[1:], "--yes")
    healthy.wait(60)
    after = findings(healthy)
    assert mode not in after
    # a role that podid creates has no permissions yet, and its pods are older than the association that replaces one
    added = {check for check in after.keys() - before.keys() if after[check]["severity"] == "error"}
    assert added <= {"role-no-permissions", "pod-predates-association"}
