"""Plans of `install-agent`: configuration values, and parts of EKS that cannot be read."""

import json
from typing import Any

import pytest

from ops.agent.support import NEWEST, RESTRICTED, addon
from ops.change.support import writes
from worlds import AGENT, Site


def test_operations_that_the_endpoint_does_not_support_are_notes(site: Site) -> None:
    """podid calls such an operation of another endpoint at most twice, and does not retry it."""
    missing = ("DescribeAddonVersions", "DescribeAddonConfiguration", "DescribeUpdate", "ListNodegroups")
    for operation in missing:
        site.box.faults.fail("eks", operation, status=501)
    site.must("install-agent")
    done = site.must("install-agent", "--addon-version", NEWEST, "--config", "agent.probePort=2704")
    for operation in missing:
        assert f"this endpoint of EKS does not support {operation}" in done.stderr
        assert done.stderr.count(operation) == 1
        assert site.box.faults.calls["eks", operation] <= 2
    assert addon(site)["addonVersion"] == NEWEST


# --- configuration ----------------------------------------------------------------------------------------------------


def values(site: Site) -> Any:
    return json.loads(addon(site).get("configurationValues") or "{}")


def test_values_are_typed_by_the_schema_and_merged(site: Site) -> None:
    file = site.directory / "values.yaml"
    file.write_text("tolerations: [{operator: Exists}]\npodLabels: {team: shop}\n")
    site.must("install-agent", "--config-file", str(file))
    setting = ("agent.probePort=2704", "agent.additionalArgs.-v=5", r"nodeSelector.kubernetes\.io/os=linux")
    site.must("install-agent", *(word for item in setting for word in ("--config", item)))
    assert values(site) == {
        "tolerations": [{"operator": "Exists"}],
        "podLabels": {"team": "shop"},
        "agent": {"probePort": 2704, "additionalArgs": {"-v": "5"}},
        "nodeSelector": {"kubernetes.io/os": "linux"},
    }
    count = writes(site.box)
    site.must("install-agent", "--config", "agent.probePort=2704")
    assert writes(site.box) == count
    site.must("install-agent", "--config", "podLabels=null", "--config", "nodeSelector=null")
    assert set(values(site)) == {"tolerations", "agent"}
    site.must("undo", "last", "--yes")
    assert values(site)["podLabels"] == {"team": "shop"}


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("agent.probePort=many", 'agent.probePort is "many", but must be integer'),
        ("agent.probePorts=1", "agent has no key probePorts; did you mean probePort?"),
        ("colour=1", "has no key colour"),
        ("image.pullPolicy=Sometimes", "must be one of"),
    ],
)
def test_values_that_the_schema_refuses_are_not_sent(site: Site, setting: str, message: str) -> None:
    count = writes(site.box)
    refused = site("install-agent", "--config", setting, "-o", "json")
    assert (refused.code, writes(site.box), refused.error["code"]) == (2, count, "ConfigurationInvalid")
    assert refused.error["message"].startswith("addon-config-schema-invalid: ")
    assert message in refused.error["message"]


def test_without_the_schema_eks_checks_the_values(site: Site) -> None:
    site.box.world.credentials.deny("eks:DescribeAddonConfiguration")
    done = site("install-agent", "--config", "agent.probePort=2704")
    assert (done.code, values(site)) == (0, {"agent": {"probePort": 2704}})
    assert "the configuration schema could not be read" in done.stderr


def test_a_namespace_that_refuses_the_agent_is_reported_before_the_write(site: Site) -> None:
    site.cluster.merge("/api/v1/namespaces/kube-system", RESTRICTED)
    refused = site("install-agent")
    assert (refused.code, AGENT in site.box.world.clusters["demo"].addons) == (6, False)
    assert 'admission-policy-blocks-agent: namespace kube-system enforces Pod Security "restricted"' in refused.stderr
    assert "kubectl label namespace kube-system pod-security.kubernetes.io/enforce=privileged" in refused.stderr
