from dataclasses import replace

from checks.builder import ACCOUNT, DENIED, NODE_ROLE_ARN, REFUSED, cluster, healthy, node
from checks.grid import answers, only
from harness import table
from podid.domain.aws import NodeGroup
from podid.domain.snapshot import Known, Missing, Snapshot

ID = "node-role-missing-eks-auth"
FAILS = healthy(node_role_allowed={NODE_ROLE_ARN: REFUSED})
UNKNOWN = healthy(node_role_allowed={NODE_ROLE_ARN: DENIED})
FINDINGS = [("fail", "error", "Role nodes")]
UNKNOWNS = [("unknown", "error", "Role nodes")]
GONE = Missing("role nodes does not exist", error_code="NotFound")


NODES, ORDERS = "Role nodes", "Role orders"


@table(
    ("snapshot", "expected"),
    [
        (healthy(), [("pass", "error", NODES)]),
        (healthy(node_role_allowed={NODE_ROLE_ARN: REFUSED}), [("fail", "error", NODES)]),
        (healthy(node_role_allowed={NODE_ROLE_ARN: DENIED}), [("unknown", "error", NODES)]),
        (healthy(node_role_allowed={NODE_ROLE_ARN: GONE}), [("fail", "error", NODES)]),
        (healthy(node_role_allowed={}), [("unknown", "error", NODES)]),
        (healthy(node_groups=DENIED), [("unknown", "error", "Cluster prod")]),
        (
            healthy(node_role_allowed={NODE_ROLE_ARN: REFUSED}, nodes=(node(labels={}),)),
            [("not-applicable", "error", "NodeList self-managed"), ("not-applicable", "error", NODES)],
        ),
        (
            # EC2 or IAM did not report the roles of nodes without a node group
            healthy(other_node_roles=DENIED, nodes=(node(labels={}),)),
            [("unknown", "error", "NodeList self-managed"), ("not-applicable", "error", NODES)],
        ),
        (healthy(other_node_roles=DENIED), [("pass", "error", NODES)]),
        (
            # no agent runs on Windows
            healthy(node_role_allowed={NODE_ROLE_ARN: REFUSED}, nodes=(node(os="windows"),)),
            [("not-applicable", "error", NODES)],
        ),
        (healthy(node_role_allowed={NODE_ROLE_ARN: REFUSED}, nodes=DENIED), [("fail", "error", NODES)]),
    ],
)
def test_roles_of_nodes(snapshot: Snapshot, expected: list[tuple[str, str, str]]) -> None:
    assert answers(ID, snapshot) == expected


def test_a_node_role_in_another_partition_is_given_that_partitions_policy() -> None:
    arn = "arn:aws-cn:iam::111122223333:role/nodes"
    snapshot = healthy(
        node_groups=(NodeGroup(name="workers", status="ACTIVE", node_role_arn=arn),),
        node_role_allowed={arn: REFUSED},
    )
    verdict = only(ID, snapshot)
    assert verdict.chain == ("shop/orders",)
    assert verdict.fix is not None
    assert verdict.fix.commands[0][-1] == "arn:aws-cn:iam::aws:policy/AmazonEKSWorkerNodeMinimalPolicy"


def test_a_denial_that_an_attached_policy_does_not_override_has_its_own_fix() -> None:
    bounded = replace(REFUSED.value, boundary_allows=False)
    verdict = only(ID, healthy(node_role_allowed={NODE_ROLE_ARN: Known(bounded)}))
    assert verdict.fix is None or not verdict.fix.commands
    assert verdict.evidence[1].startswith("fix: allow eks-auth:AssumeRoleForPodIdentity on ")
    assert verdict.evidence[1].endswith(" also in the permissions boundary of role nodes")


def test_the_auto_mode_node_role_counts() -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:role/auto"
    snapshot = healthy(
        cluster=cluster(auto_mode=True, auto_node_role_arn=arn),
        node_groups=(),
        nodes=(node(compute_type="auto", labels={}),),
        node_role_allowed={arn: REFUSED},
    )
    assert only(ID, snapshot).message == (
        f"role auto of EKS Auto Mode ({arn}) is not authorized to perform eks-auth:AssumeRoleForPodIdentity on prod: "
        "no pod there gets credentials"
    )
