from dataclasses import replace
from typing import Any

from checks.builder import DENIED, INSTANCE, agent_pod, ago, bare, healthy, node, pod
from checks.grid import answers
from harness import table
from podid.domain.snapshot import Known

OLD_PODS = healthy(pods=(bare(pod(created_at=ago(days=3))), agent_pod()))
ID = "imds-fallback-node-role"
FAILS = OLD_PODS
UNKNOWN = replace(OLD_PODS, instances=DENIED)
PASSES = replace(OLD_PODS, instances=Known({"node-1": replace(INSTANCE, hop_limit=1)}))
FINDINGS = [("fail", "warn", "Deployment shop/orders")]
UNKNOWNS = [("unknown", "warn", "Cluster prod")]
MESSAGES = [
    "1 of 1 pod has no Pod Identity credentials, and the metadata service of the node answers: an "
    "SDK without other credentials uses the node's role (instance profile nodes)"
]


@table(
    ("compute_type", "instances", "expected"),
    [
        ("", {"node-1": replace(INSTANCE, hop_limit=1)}, "pass"),
        ("", {}, "unknown"),
        ("auto", {}, "unknown"),
        ("hybrid", {}, "pass"),
    ],
)
def test_nodes_whose_instance_is_not_reported(compute_type: str, instances: Any, expected: str) -> None:
    snapshot = replace(OLD_PODS, instances=Known(instances), nodes=Known((node(compute_type=compute_type),)))
    assert [answer[0] for answer in answers(ID, snapshot)] == [expected]
