from dataclasses import replace

from checks.builder import DENIED, NODE_ROLE_ARN, REFUSED, healthy
from checks.grid import answers, messages
from podid.domain.snapshot import Known

ID = "scp-denies-eks-auth"
FAILS = healthy(node_role_allowed={NODE_ROLE_ARN: Known(replace(REFUSED.value, organization_allows=False))})
UNKNOWN = healthy(node_role_allowed={NODE_ROLE_ARN: DENIED})


def test_finding_and_unknown() -> None:
    assert answers(ID, FAILS) == [("fail", "error", "Role nodes"), ("pass", "error", "ServiceAccount shop/orders")]
    assert answers(ID, UNKNOWN) == [("unknown", "error", "Role nodes"), ("pass", "error", "ServiceAccount shop/orders")]
    assert messages(ID, FAILS) == [
        "a service control policy denies eks-auth:AssumeRoleForPodIdentity to role nodes of node group "
        "workers (arn:aws:iam::111122223333:role/nodes): no pod there gets credentials"
    ]
