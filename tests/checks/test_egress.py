"""Link 8 as the route tables tell it: whether anything leads from the nodes to EKS Auth."""

from dataclasses import replace
from typing import Any

import pytest

from podid.domain.egress import Egress, RouteTable, VpcEndpoint, VpcRoute
from podid.domain.findings import Outcome
from podid.domain.model import NodeGroup

from .builder import NODE_ROLE_ARN, egress, healthy
from .grid import answers, only

SUBNETS = ("subnet-1", "subnet-2")


def endpoint(service: str = "com.amazonaws.us-west-2.eks-auth", **changes: Any) -> VpcEndpoint:
    made: dict[str, Any] = {"endpoint_id": "vpce-1", "service": service, "state": "available", "private_dns": True}
    return VpcEndpoint(**made | changes)


REGISTRY = endpoint("com.amazonaws.us-west-2.ecr.dkr")


@pytest.mark.parametrize(
    ("routes", "endpoints", "expected"),
    [
        ((VpcRoute("0.0.0.0/0", "nat-1"),), (), ("pass", "error")),
        ((VpcRoute("0.0.0.0/0", "igw-1"),), (), ("pass", "error")),
        ((VpcRoute("::/0", "eigw-1"),), (), ("pass", "error")),
        ((), (REGISTRY,), ("fail", "error")),
        ((VpcRoute("0.0.0.0/0", "nat-1", active=False),), (REGISTRY,), ("fail", "error")),
        # gateway endpoints lead to S3 and DynamoDB
        ((VpcRoute("pl-1", "vpce-1"),), (REGISTRY,), ("fail", "error")),
        # nodes could not be ready there, so there is more than is seen
        ((), (), ("not-applicable", "error")),
        ((), (endpoint("com.amazonaws.us-west-2.eks"),), ("fail", "error")),
        ((), (endpoint(state="pending"),), ("fail", "error")),
        ((), (endpoint(),), ("pass", "error")),
        ((), (endpoint("cn.com.amazonaws.cn-north-1.eks-auth"),), ("pass", "error")),
        # what is behind these is not seen
        ((), (endpoint(private_dns=False),), ("unknown", "warn")),
        ((VpcRoute("0.0.0.0/0", "tgw-1"),), (), ("unknown", "warn")),
        ((VpcRoute("10.8.0.0/16", "pcx-1"),), (), ("unknown", "warn")),
        ((VpcRoute("0.0.0.0/0", "vpce-firewall"),), (), ("unknown", "warn")),
    ],
)
def test_the_way_to_eks_auth(routes: Any, endpoints: Any, expected: tuple[str, str]) -> None:
    (answer,) = answers("eks-auth-unreachable", healthy(egress=egress(*routes, endpoints=endpoints)))
    assert answer[:2] == expected


def test_each_subnet_has_its_own_way() -> None:
    """One of two is closed in; without node groups nobody says where the nodes are."""
    closed = RouteTable(table_id="rtb-2", subnet_ids=("subnet-2",), routes=(VpcRoute("10.0.0.0/16", "local"),))
    vpc = egress(VpcRoute("0.0.0.0/0", "nat-1"), endpoints=(REGISTRY,))
    vpc = replace(vpc, tables=(*vpc.tables, closed))
    groups = tuple(
        NodeGroup(name=name, status="ACTIVE", node_role_arn=NODE_ROLE_ARN, subnet_ids=(name,)) for name in SUBNETS
    )
    found = only("eks-auth-unreachable", healthy(egress=vpc, node_groups=groups))
    assert (found.outcome, "nothing leads from subnet-2 to EKS Auth" in found.message) == (Outcome.FAIL, True)
    assert answers("eks-auth-unreachable", healthy(egress=vpc, node_groups=()))[0][0] == "not-applicable"
    assert answers("eks-auth-unreachable", healthy(egress=Egress((), ())))[0][:2] == ("unknown", "warn")
