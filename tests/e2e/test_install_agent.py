"""`podid install-agent` where there is an agent already, or none is needed."""

from ops.change.support import writes
from worlds import Site


def test_an_agent_that_is_not_the_add_ons(site: Site) -> None:
    site.cluster.make_workload("DaemonSet", "kube-system", "eks-pod-identity-agent", "default")
    count = writes(site.box)
    refused = site("install-agent", "-o", "json")
    assert (refused.code, refused.error["code"], writes(site.box)) == (6, "PreflightRefused", count)
    assert "DaemonSet kube-system/eks-pod-identity-agent" in refused.error["message"]


def test_nodes_that_have_it_built_in(site: Site) -> None:
    site.box.world.clusters["demo"].body["computeConfig"] = {"enabled": True}
    for node in site.cluster.items("/api/v1/nodes"):
        path = f"/api/v1/nodes/{node['metadata']['name']}"
        site.cluster.merge(path, {"metadata": {"labels": {"eks.amazonaws.com/compute-type": "auto"}}})
    count = writes(site.box)
    done = site("install-agent")
    assert (done.code, writes(site.box)) == (0, count)
    assert "all nodes are EKS Auto Mode nodes, which have the agent built in" in done.stderr


def test_an_add_on_that_failed_is_said(healthy: Site) -> None:
    healthy.box.world.clusters["demo"].addons["eks-pod-identity-agent"].status = "UPDATE_FAILED"
    assert "the add-on is UPDATE_FAILED" in healthy("install-agent", "--wait", "none").stderr
