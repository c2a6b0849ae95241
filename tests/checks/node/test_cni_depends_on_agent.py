from checks.builder import DENIED, NODE_ROLE_ARN, healthy, permissions
from checks.grid import answers, messages
from podid.domain.snapshot import Known

ID = "cni-depends-on-agent"
FAILS = healthy(cni_permissions={NODE_ROLE_ARN: Known(permissions("implicitDeny", "implicitDeny"))})
UNKNOWN = healthy(cni_permissions={NODE_ROLE_ARN: DENIED})
PASSES = healthy(cni_permissions={NODE_ROLE_ARN: Known(permissions())})


def test_finding_and_unknown() -> None:
    assert answers(ID, FAILS) == [("fail", "warn", "Role nodes")]
    assert answers(ID, UNKNOWN) == [("unknown", "warn", "Role nodes")]
    assert messages(ID, FAILS) == [
        "kube-system/aws-node has its permissions only from Pod Identity: if the agent of a node fails, "
        "new pods there get no network"
    ]
