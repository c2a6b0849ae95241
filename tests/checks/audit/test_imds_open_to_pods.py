from dataclasses import replace

import pytest

from checks.builder import ACCOUNT, DENIED, NODE_ROLE_ARN, cluster, healthy, node
from checks.grid import answers, outcomes
from harness import table
from podid.checks.all import BY_ID
from podid.domain.aws import Instance
from podid.domain.cluster import Node
from podid.domain.evidence import Probed, Redeemed
from podid.domain.iam import PolicyNames
from podid.domain.snapshot import Known, Missing

OPEN = {"node-1": Instance(id="i-node-1", hop_limit=2)}
CLOSED = {"node-1": Instance(id="i-node-1", hop_limit=1)}
ID = "imds-open-to-pods"
FAILS = healthy(instances=OPEN, node_role_policies={NODE_ROLE_ARN: Known(PolicyNames(inline=("s3",)))})
UNKNOWN = healthy(instances=DENIED)
PASSES = healthy(instances=CLOSED)
FINDINGS = [("fail", "warn", "NodeGroup workers")]
UNKNOWNS = [("unknown", "warn", "Cluster prod")]


@pytest.mark.parametrize(
    ("policies", "severity"),
    [
        (PolicyNames(attached=("arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy",)), "info"),
        (PolicyNames(inline=("x",)), "warn"),
    ],
)
def test_policies_of_the_node_role(policies: PolicyNames, severity: str) -> None:
    open_node = {"node-1": Instance(id="i-node-1", hop_limit=2)}
    snapshot = healthy(instances=open_node, node_role_policies={NODE_ROLE_ARN: Known(policies)})
    assert [(outcome, level) for outcome, level, _ in answers(ID, snapshot)] == [("fail", severity)]
    pool = replace(snapshot, nodes=Known((node(labels={"karpenter.sh/nodepool": "spot"}),)))
    assert answers(ID, pool)[0][2] == "NodePool spot"
    off = {"node-1": Instance(id="i-node-1", hop_limit=2, metadata=False)}
    assert outcomes(ID, healthy(instances=off)) == {"pass"}


CLOSED_NODE = Instance(id="i-node-1", hop_limit=1)
HOPS = Instance(id="i-node-1", hop_limit=2)
NOT_PROBED = Probed(job="j", node="node-1", missing=Missing("no image"))
NOT_REACHED = Probed(job="j", node="node-1", message="no credentials")
REACHED = Probed(job="j", node="node-1", redeemed=Redeemed(role_arn=NODE_ROLE_ARN, account=ACCOUNT, session_name="i-1"))
V1 = Instance(id="i-node-1", hop_limit=1, tokens_required=False)


@table(
    ("instance", "probe", "outcome", "severity", "evidence"),
    [
        (V1, None, "fail", "warn", "version 1 of the metadata service is enabled"),
        (replace(V1, metadata=False), None, "pass", "warn", ""),
        # EC2 returned no hop limit
        (replace(HOPS, hop_limit=0), None, "unknown", "warn", ""),
        (replace(HOPS, hop_limit=0), NOT_REACHED, "pass", "warn", ""),
        (replace(HOPS, hop_limit=0), REACHED, "fail", "warn", "got credentials of role nodes"),
        (replace(HOPS, hop_limit=0, metadata=False), None, "pass", "warn", ""),
        (HOPS, REACHED, "fail", "warn", "got credentials of role nodes"),
        (HOPS, NOT_REACHED, "fail", "info", "got no credentials: a network policy"),
        (HOPS, NOT_PROBED, "fail", "warn", "not probed: no image"),
        (CLOSED_NODE, NOT_REACHED, "pass", "warn", ""),
        (CLOSED_NODE, REACHED, "fail", "warn", "got credentials of role nodes"),
        (CLOSED_NODE, NOT_PROBED, "unknown", "warn", ""),
    ],
)
def test_the_metadata_service_by_its_options_and_by_a_probe(
    instance: Instance, probe: Probed | None, outcome: str, severity: str, evidence: str
) -> None:
    probes = {} if probe is None else {"node-1": probe}
    more = {"node_role_policies": {NODE_ROLE_ARN: Known(PolicyNames(inline=("x",)))}, "metadata_probes": probes}
    (verdict,) = BY_ID[ID].judge(healthy(instances={"node-1": instance}, **more))
    assert (verdict.outcome.value, verdict.severity.value) == (outcome, severity)
    assert evidence in "; ".join(verdict.evidence)


AUTO_ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/auto"
AUTO_CLUSTER = cluster(auto_mode=True, auto_node_role_arn=AUTO_ROLE_ARN)


@table(
    ("open_node", "policy_of", "severity"),
    [
        (node(), NODE_ROLE_ARN, "warn"),
        # a node of a node group does not have the role of EKS Auto Mode, and the other way round
        (node(), AUTO_ROLE_ARN, "info"),
        (node(labels={}, compute_type="auto"), AUTO_ROLE_ARN, "warn"),
        (node(labels={}, compute_type="auto"), NODE_ROLE_ARN, "info"),
    ],
)
def test_the_role_of_the_node_in_a_cluster_with_auto_mode_and_node_groups(
    open_node: Node, policy_of: str, severity: str
) -> None:
    plain, further = Known(PolicyNames()), Known(PolicyNames(inline=("x",)))
    policies = {NODE_ROLE_ARN: plain, AUTO_ROLE_ARN: plain} | {policy_of: further}
    snapshot = healthy(cluster=AUTO_CLUSTER, nodes=(open_node,), instances=OPEN, node_role_policies=policies)
    assert [level for _, level, _ in answers(ID, snapshot)] == [severity]


def test_a_node_without_an_instance_in_the_answer_of_ec2_is_not_known() -> None:
    def nodes(compute_type: str) -> tuple[Node, ...]:
        return node(), node("node-2", labels={}, compute_type=compute_type)

    assert outcomes(ID, healthy(instances=CLOSED, nodes=nodes(""))) == {"pass", "unknown"}
    assert outcomes(ID, healthy(instances=CLOSED, nodes=nodes("hybrid"))) == {"pass"}
