import json
from dataclasses import replace
from typing import Any

from checks.builder import CLUSTER_ARN, DENIED, INSTANCE, NODE_ROLE_ARN, REGISTRY, cluster, egress, endpoint, healthy
from checks.grid import answers, only
from harness import table
from podid.domain.aws import NodeGroup
from podid.domain.findings import Outcome
from podid.domain.network import Egress, RouteTable, SecurityGroup, VpcRoute
from podid.domain.snapshot import Known, Snapshot, known

ID = "eks-auth-unreachable"
FAILS = healthy(egress=egress(endpoints=(REGISTRY,)))
UNKNOWN = healthy(egress=DENIED)
FINDINGS = [("fail", "error", "Cluster prod")]
UNKNOWNS = [("unknown", "warn", "Cluster prod")]


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
        # podid cannot read the network behind these
        ((), (endpoint(private_dns=False),), ("not-applicable", "error")),
        ((VpcRoute("0.0.0.0/0", "tgw-1"),), (), ("unknown", "warn")),
        ((VpcRoute("10.8.0.0/16", "pcx-1"),), (), ("unknown", "warn")),
        ((VpcRoute("0.0.0.0/0", "vpce-firewall"),), (), ("unknown", "warn")),
    ],
)
def test_routes_and_endpoints(routes: Any, endpoints: Any, expected: tuple[str, str]) -> None:
    (answer,) = answers(ID, healthy(egress=egress(*routes, endpoints=endpoints)))
    assert answer[:2] == expected


SUBNETS = ("subnet-1", "subnet-2")


def test_each_subnet_has_its_own_routes() -> None:
    """One of two subnets has no route. The subnets of nodes are known from node groups only."""
    closed = RouteTable(table_id="rtb-2", subnet_ids=("subnet-2",), routes=(VpcRoute("10.0.0.0/16", "local"),))
    vpc = egress(VpcRoute("0.0.0.0/0", "nat-1"), endpoints=(REGISTRY,))
    vpc = replace(vpc, tables=(*vpc.tables, closed))
    groups = tuple(
        NodeGroup(name=name, status="ACTIVE", node_role_arn=NODE_ROLE_ARN, subnet_ids=(name,)) for name in SUBNETS
    )
    verdict = only(ID, healthy(egress=vpc, node_groups=groups))
    assert (verdict.outcome, "subnet-2 cannot reach EKS Auth" in verdict.message) == (Outcome.FAIL, True)
    assert answers(ID, healthy(egress=vpc, node_groups=()))[0][0] == "not-applicable"
    assert answers(ID, healthy(egress=Egress((), ())))[0][:2] == ("unknown", "warn")


@table(
    ("partition", "region", "service"),
    [
        ("aws", "eu-west-1", "com.amazonaws.eu-west-1.eks-auth"),
        ("aws-cn", "cn-north-1", "cn.com.amazonaws.cn-north-1.eks-auth"),
    ],
)
def test_the_missing_endpoint_is_that_of_the_partition(partition: str, region: str, service: str) -> None:
    where = cluster(arn=f"arn:{partition}:eks:{region}:111122223333:cluster/prod")
    (line, *_) = only(ID, healthy(cluster=where, egress=egress(endpoints=(REGISTRY,)))).evidence
    assert line.startswith(f"missing endpoint: {service} ")


REDEEM = "eks-auth:AssumeRoleForPodIdentity"
OTHER = CLUSTER_ARN.replace("prod", "old")


@table(
    ("statements", "outcome"),
    [
        ([{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}], "pass"),
        ([{"Effect": "Allow", "Principal": "*", "Action": REDEEM, "Resource": CLUSTER_ARN}], "pass"),
        ([{"Effect": "Allow", "Principal": "*", "Action": REDEEM, "Resource": OTHER}], "fail"),
        ([{"Effect": "Allow", "Principal": "*", "Action": "eks:*", "Resource": "*"}], "fail"),
        # a condition may hold
        (
            [
                {
                    "Effect": "Allow",
                    "Principal": "*",
                    "Action": "eks-auth:*",
                    "Resource": "*",
                    "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}},
                }
            ],
            "pass",
        ),
        (
            [
                {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"},
                {"Effect": "Deny", "Principal": "*", "Action": REDEEM, "Resource": "*"},
            ],
            "fail",
        ),
        (
            [
                {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"},
                {
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": "*",
                    "Resource": "*",
                    "Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}},
                },
            ],
            "pass",
        ),
    ],
)
def test_the_policy_of_the_endpoint(statements: Any, outcome: str) -> None:
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    assert [row[0] for row in answers(ID, healthy(egress=egress(endpoints=(endpoint(policy=policy),))))] == [outcome]


@table("policy", ["", "no JSON", "[]", '{"Statement": [{"Effect": "Perhaps"}]}'])
def test_an_unreadable_policy_refuses_nothing(policy: str) -> None:
    assert [row[0] for row in answers(ID, healthy(egress=egress(endpoints=(endpoint(policy=policy),))))] == ["pass"]


NODE = replace(INSTANCE, addresses=("10.0.1.7", "fd00::7"), group_ids=("sg-nodes",))


def group(**sources: tuple[str, ...]) -> SecurityGroup:
    return SecurityGroup(group_id="sg-endpoint", **sources)


def guarded(*groups: SecurityGroup, **changes: Any) -> Snapshot:
    """Return a cluster whose nodes reach EKS Auth only by an endpoint with these security groups."""
    vpc = egress(endpoints=(endpoint(group_ids=("sg-endpoint",)),))
    return healthy(**{"egress": replace(vpc, groups=Known(groups)), "instances": {"node-1": NODE}, **changes})


@table(
    ("snapshot", "expected"),
    [
        (guarded(group(groups=("sg-nodes",))), ("pass", "error")),
        (guarded(group(cidrs=("10.0.0.0/16",))), ("pass", "error")),
        (guarded(group(cidrs=("fd00::/16",))), ("pass", "error")),
        (guarded(group(), group(cidrs=("0.0.0.0/0",))), ("pass", "error")),
        # its addresses are not read
        (guarded(group(lists=("pl-1",))), ("pass", "error")),
        (guarded(group()), ("fail", "error")),
        (guarded(group(cidrs=("10.1.0.0/16", "malformed"), groups=("sg-other",))), ("fail", "error")),
        (guarded(group(groups=("sg-nodes",)), instances={"node-1": NODE, "node-2": INSTANCE}), ("fail", "warn")),
        (guarded(group(), instances={}), ("pass", "error")),
        (guarded(group(), instances=DENIED), ("unknown", "warn")),
        (guarded(egress=replace(known(guarded().egress), groups=DENIED)), ("unknown", "warn")),
    ],
)
def test_security_groups_of_the_endpoint(snapshot: Snapshot, expected: tuple[str, str]) -> None:
    (answer,) = answers(ID, snapshot)
    assert answer[:2] == expected


def test_the_finding_names_nodes_and_security_groups() -> None:
    verdict = only(ID, guarded(group()))
    assert verdict.message.endswith("do not allow port 443 from 1 node")
    assert verdict.evidence[:2] == ("security groups of the endpoint: sg-endpoint", "nodes: node-1")
