"""All commands say the same about an identity and its pods, whatever is broken."""

from collections.abc import Iterator
from typing import Any

import pytest

from podid.sandbox.breaks.table import AUDITED, BREAKS
from worlds import Site

# several ways to be broken and stale at the same time, and findings that depend on other service accounts
TELLING = (
    *("agent-not-installed", "cluster-too-old", "default-sa-association", "pod-predates-association"),
    *("roles-shared-across-associations", "static-aws-keys-shadow", "tool-k8s-rbac-denied", "webhook-config-altered"),
)
# its associations are more than these commands read in a test
LARGE = ("association-quota",)
WHOLE, SHARED = ("status", "list --columns status"), "roles-shared-across-associations"
SAME = ("state", "id", "link", "reason", "roleArn", "permission", "fix", "newPod", "pods", "permissions", "advice")


def name_of(item: dict[str, Any]) -> str:
    return f"{item['namespace']}/{item['serviceAccount']}"


def by_name(site: Site, *line: str) -> dict[str, dict[str, Any]]:
    document = site(*line, "-o", "json").json
    return {name_of(item): item for item in document.get("items") or document.get("identities") or [document]}


def differences(line: str, identity: dict[str, Any], other: dict[str, Any]) -> Iterator[str]:
    """Yield the members that differ. `list` does not read the permissions of roles; without the associations of other
    namespaces, it is not known who shares a role."""
    identity = {**identity, "advice": [item for item in identity["advice"] if item["id"] != SHARED or line in WHOLE]}
    for member in SAME:
        if identity[member] != other[member] and (line, member) != (WHOLE[1], "permissions"):
            yield f"{line}: {name_of(identity)}, {member}: {other[member]!r}, but doctor: {identity[member]!r}"


def contradictions(site: Site) -> Iterator[str]:
    identities = by_name(site, "doctor")
    for name, other in by_name(site, "status").items():
        yield from differences("status", identities[name], other)
    for name, item in by_name(site, "list", "--columns", "status").items():
        yield from differences("list --columns status", identities[name], item["status"])
    stale = set[tuple[str, str]]()
    for name, item in by_name(site, "list", "--pods").items():
        pods = identities[name]["pods"]
        late = [pod for pod in pods if pod["state"] == "stale"]
        stale |= {(pod["namespace"], pod["workload"]) for pod in late}
        if (item["pods"]["running"], item["pods"]["stale"]) != (len(pods), len(late)):
            yield f"list --pods: {name}: {item['pods']}, but doctor: {[pod['state'] for pod in pods]}"
    restarts = site("restart", "-A", "--stale", "--dry-run", "-o", "json")
    actions = restarts.json["actions"] if restarts.code == 0 else []
    if len(actions) != len(stale):
        yield f"restart --stale: {[action['target'] for action in actions]}, but doctor: {sorted(stale)}"
    for name, identity in identities.items():
        if identity["associationId"] is None:
            continue
        one = site("status", name, "-o", "json").json
        yield from differences("status NS/SA", identity, one)
        show = site("show", name, "-o", "json").json
        yield from differences("show", identity, show["status"])
        behind = {pod["name"] for pod in identity["pods"] or () if pod["state"] == "stale"}
        if behind != {pod["name"] for pod in show["pods"] or () if pod["stale"]}:
            yield f"show: stale pods of {name}, but doctor: {behind}"


@pytest.mark.parametrize(
    "mode",
    [
        mode if mode in TELLING else pytest.param(mode, marks=pytest.mark.rare)
        for mode in BREAKS
        if mode not in (*AUDITED, *LARGE)
    ],
)
def test_no_command_contradicts_the_doctor(shared: Site, mode: str) -> None:
    shared.wait(600)
    shared.box.failures.put(mode)
    try:
        assert list(contradictions(shared)) == []
    finally:
        shared.box.failures.heal()
