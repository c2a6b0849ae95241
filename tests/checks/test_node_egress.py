"""Link 8 as the route tables tell it: whether anything leads from the nodes to EKS Auth."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from harness import table
from podid.domain.aws import NodeGroup
from podid.domain.evidence import LogSighting
from podid.domain.findings import Outcome
from podid.domain.network import Egress, RouteTable, VpcEndpoint, VpcRoute
from podid.domain.snapshot import Known, Missing

from .builder import NODE_ROLE_ARN, cluster, daemon_set, egress, healthy
from .grid import answers, only

SUBNETS = ("subnet-1", "subnet-2")


def endpoint(service: str = "com.amazonaws.us-west-2.eks-auth", **changes: Any) -> VpcEndpoint:
    made: dict[str, Any] = {"endpoint_id": "vpce-1", "service": service, "state": "available", "private_dns": True}
    return VpcEndpoint(**made | changes)


REGISTRY = endpoint("com.amazonaws.us-west-2.ecr.dkr")


@table(
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
        ((), (endpoint(private_dns=False),), ("not-applicable", "error")),
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
    assert (found.outcome, "subnet-2 cannot reach EKS Auth" in found.message) == (Outcome.FAIL, True)
    assert answers("eks-auth-unreachable", healthy(egress=vpc, node_groups=()))[0][0] == "not-applicable"
    assert answers("eks-auth-unreachable", healthy(egress=Egress((), ())))[0][:2] == ("unknown", "warn")


NAMELESS = egress(endpoints=(REGISTRY, endpoint(private_dns=False)))
SEEN = LogSighting(id="eks-auth-unreachable", node="node-1", count=1, sample="no such host")


@table(
    ("sections", "expected"),
    [
        ({}, ("pass", "error")),
        ({"egress": egress(endpoints=(endpoint(),))}, ("pass", "error")),
        ({"egress": NAMELESS}, ("fail", "warn")),
        (
            {"egress": egress(VpcRoute("0.0.0.0/0", "nat-1"), endpoints=(endpoint(private_dns=False),))},
            ("pass", "error"),
        ),
        ({"egress": NAMELESS, "cloudtrail": {"node-1": Known(())}}, ("pass", "error")),
        ({"egress": NAMELESS, "cloudtrail": {"node-1": Known((SEEN,))}}, ("fail", "warn")),
        ({"egress": Missing("not allowed", "ec2:DescribeRouteTables", "AccessDenied")}, ("not-applicable", "error")),
    ],
)
def test_an_endpoint_without_a_name_that_the_agent_uses(sections: dict[str, Any], expected: tuple[str, str]) -> None:
    (answer,) = answers("custom-eks-auth-endpoint", healthy(**sections))
    assert answer[:2] == expected


@table(
    ("host", "expected"),
    [
        ("https://eks-auth.us-west-2.api.aws", ("pass", "error")),
        ("https://eks-auth-fips.us-west-2.api.aws", ("pass", "error")),
        ("https://vpce-0a1b2c3d-4e5f6071.eks-auth.us-west-2.vpce.amazonaws.com", ("pass", "error")),
        ("vpce-0a1b2c3d-4e5f6071.eks-auth.us-west-2.vpce.amazonaws.com:443", ("pass", "error")),
        ("https://eks-auth.eu-west-1.api.aws", ("fail", "error")),
        ("https://eks.us-west-2.amazonaws.com", ("fail", "error")),
        ("https://vpce-0a1b2c3d-4e5f6071.sts.us-west-2.vpce.amazonaws.com", ("fail", "error")),
        ("http://proxy.kube-system.svc:8080", ("unknown", "warn")),
    ],
)
def test_an_agent_that_is_told_where_to_ask(host: str, expected: tuple[str, str]) -> None:
    plain = daemon_set()
    forms = (
        replace(plain, args=(*plain.args, "--endpoint", host)),
        replace(plain, args=(*plain.args, f"--endpoint={host}")),
        replace(
            plain,
            env={
                **plain.env,
                "AWS_ENDPOINT_URL_EKS_AUTH": urlsplit(host if "//" in host else f"//{host}").hostname or "",
            },
        ),
    )
    for told in forms:
        where = replace(cluster(), arn=cluster().arn.replace(cluster().region, "us-west-2"))
        (answer,) = answers("custom-eks-auth-endpoint", healthy(cluster=where, daemon_sets=(told,), egress=NAMELESS))
        assert answer[:2] == expected
