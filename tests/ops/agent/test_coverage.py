"""Coverage of the nodes by the agent."""

import json
from dataclasses import replace

from checks.builder import daemon_set, node, pod
from ops.agent.support import TAINT
from podid.domain.errors import ExitCode
from podid.domain.names import ServiceAccountRef
from podid.domain.workloads import MIRROR_POD, SKIP_POD
from podid.ops.agent.coverage import coverage, needy_by_node
from worlds import AGENT, Site

ONLY_CRITICAL = json.dumps({"tolerations": [{"key": "CriticalAddonsOnly", "operator": "Exists"}]})


def test_an_excluded_node_matters_if_pods_need_the_agent(healthy: Site) -> None:
    (orders, *_) = healthy.cluster.pods("shop", "orders")
    node = orders["spec"]["nodeName"]
    healthy.cluster.merge(f"/api/v1/nodes/{node}", {"spec": {"taints": [TAINT]}})
    healthy.aws("eks").update_addon(clusterName="demo", addonName=AGENT, configurationValues=ONLY_CRITICAL)
    healthy.wait(60)
    outcome = healthy("agent", "nodes", "-o", "json")
    (item,) = [item for item in outcome.json["items"] if item["node"] == node]
    assert (outcome.code, item["state"], item["eligible"]) == (3, "left-out", False)
    assert (item["reason"], item["needy"]) == ("the taint dedicated=gpu:NoSchedule is not tolerated", ["shop/orders"])
    status = healthy("agent", "status", "-o", "json")
    assert status.code == 3
    (finding,) = status.json["findings"]
    assert (finding["id"], finding["severity"]) == ("agent-not-on-node", "error")
    assert "the taint dedicated=gpu:NoSchedule is not tolerated" in finding["message"]


def test_an_excluded_node_is_undetermined_if_the_pods_are_not_known() -> None:
    windows, linux = node("windows", os="windows"), node()
    agents = (daemon_set(),)
    running = [replace(pod("agent-x"), node="node-1")]
    assert coverage([windows, linux], agents, running, {}).exit_code is ExitCode.OK
    assert coverage([windows, linux], agents, running).exit_code is ExitCode.UNDETERMINED
    assert coverage([linux], agents, running).exit_code is ExitCode.OK


def test_pods_that_the_webhook_skips_need_no_agent() -> None:
    refs = [ServiceAccountRef("shop", "orders")]
    skipped = (pod(labels={SKIP_POD: "true"}), pod(annotations={MIRROR_POD: "hash"}), pod(phase="Failed"), pod(node=""))
    assert needy_by_node(skipped, refs) == {}
    assert needy_by_node((*skipped, pod()), refs) == {"node-1": {"shop/orders"}}
