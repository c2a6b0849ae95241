"""The state of the agent: its add-on, versions, coverage and node roles."""

import pytest

from podid.sandbox.world import AddonFault
from worlds import AGENT, Site


def test_the_installed_version_is_compared_with_the_offered_ones(healthy: Site) -> None:
    status = healthy.must("agent", "status", "-o", "json").json
    offer = status["offer"]
    assert (offer["default"], offer["latest"], offer["behind"]) == ("v1.3.10-eksbuild.2", "v1.3.10-eksbuild.3", True)
    assert (offer["nextKubernetesVersion"], offer["nextDefault"]) == ("1.36", "v1.3.10-eksbuild.3")
    assert status["coverage"]["kinds"] == [{"kind": "managed", "nodes": 3, "expected": 3, "ready": 3, "restarts": 0}]
    assert [(role["usedBy"], role["allowed"]) for role in status["nodeRoles"]] == [("node group workers", True)]
    assert status["daemonSets"][0]["hostPorts"] == [80, 2703]


def test_a_node_role_without_the_permission_to_redeem_tokens(healthy: Site) -> None:
    arn = "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"
    healthy.aws("iam").detach_role_policy(RoleName="demo-node-role", PolicyArn=arn)
    status = healthy("agent", "status", "-o", "json")
    assert (status.code, status.json["state"]) == (3, "broken")
    assert [role["allowed"] for role in status.json["nodeRoles"]] == [False]
    assert [finding["id"] for finding in status.json["findings"]] == ["node-role-missing-eks-auth"]


def test_versions_that_cannot_be_read(healthy: Site) -> None:
    healthy.box.world.credentials.deny("eks:DescribeAddonVersions")
    status = healthy("agent", "status", "-o", "json")
    assert (status.code, status.json["offer"]) == (0, None)
    assert "could not be read" in healthy("agent", "status").stdout


@pytest.mark.parametrize("status", ["CREATE_FAILED", "DEGRADED"])
def test_a_failed_add_on_is_broken_without_pods_that_need_it(site: Site, status: str) -> None:
    site.box.world.addon_faults[AGENT] = AddonFault(status, "AdmissionRequestDenied", "the words of EKS")
    assert site("install-agent").code == 8
    outcome = site("agent", "status", "-o", "json")
    assert (outcome.code, outcome.json["state"]) == (3, "broken")
