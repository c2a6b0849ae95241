"""The check imds-metadata-dependency."""

from dataclasses import replace

from checks.builder import DENIED, INSTANCE, with_image
from checks.grid import answers, messages
from podid.domain.snapshot import Known

ID = "imds-metadata-dependency"
FAILS = replace(
    with_image("r/aws-load-balancer-controller:v2.11.0"),
    instances=Known({"node-1": replace(INSTANCE, hop_limit=1)}),
)
UNKNOWN = replace(with_image("r/aws-load-balancer-controller:v2.11.0"), instances=DENIED)
PASSES = with_image("r/aws-load-balancer-controller:v2.11.0")


def test_finding_and_unknown() -> None:
    assert answers(ID, FAILS) == [("fail", "error", "Deployment shop/orders")]
    assert answers(ID, UNKNOWN) == [("unknown", "error", "Deployment shop/orders")]
    assert messages(ID, FAILS) == [
        "the AWS Load Balancer Controller reads the VPC from the metadata service, which does not answer "
        "pods on node-1: it exits although its credentials work"
    ]
