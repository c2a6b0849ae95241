from dataclasses import replace

from checks.builder import DENIED, INSTANCE, node, with_image
from checks.grid import answers
from harness import table
from podid.domain.snapshot import Known

ID = "imds-metadata-dependency"
FAILS = replace(
    with_image("r/aws-load-balancer-controller:v2.11.0"),
    instances=Known({"node-1": replace(INSTANCE, hop_limit=1)}),
)
UNKNOWN = replace(with_image("r/aws-load-balancer-controller:v2.11.0"), instances=DENIED)
PASSES = with_image("r/aws-load-balancer-controller:v2.11.0")
FINDINGS = [("fail", "error", "Deployment shop/orders")]
UNKNOWNS = [("unknown", "error", "Deployment shop/orders")]
MESSAGES = [
    "the AWS Load Balancer Controller reads the VPC from the metadata service, which does not answer "
    "pods on node-1: it exits although its credentials work"
]


@table(
    ("compute_type", "hop_limit", "expected"),
    [
        ("", 2, "pass"),
        ("", None, "unknown"),
        ("auto", None, "unknown"),
        # these nodes have no metadata service
        ("hybrid", None, "fail"),
        ("fargate", None, "fail"),
    ],
)
def test_nodes_whose_instance_is_not_reported(compute_type: str, hop_limit: int | None, expected: str) -> None:
    instances = {} if hop_limit is None else {"node-1": replace(INSTANCE, hop_limit=hop_limit)}
    snapshot = replace(PASSES, instances=Known(instances), nodes=Known((node(compute_type=compute_type),)))
    assert [answer[0] for answer in answers(ID, snapshot)] == [expected]
