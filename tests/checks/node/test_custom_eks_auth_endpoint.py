from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from checks.builder import DENIED, REGISTRY, cluster, daemon_set, egress, endpoint, healthy
from checks.grid import answers, only
from harness import table
from podid.domain.evidence import LogSighting
from podid.domain.network import VpcRoute
from podid.domain.snapshot import Known, Missing

ID = "custom-eks-auth-endpoint"
FAILS = healthy(egress=egress(endpoints=(REGISTRY, endpoint(private_dns=False))))
UNKNOWN = healthy(daemon_sets=DENIED)
FINDINGS = [("fail", "warn", "Cluster prod")]
UNKNOWNS = [("unknown", "error", "Cluster prod")]
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
def test_an_endpoint_without_private_dns(sections: dict[str, Any], expected: tuple[str, str]) -> None:
    (answer,) = answers(ID, healthy(**sections))
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
        ("https://eks-auth.us-west-2.api.amazonwebservices.com.cn", ("pass", "error")),
        ("https://eks-auth.us-west-2.api.amazonwebservices.eu", ("pass", "error")),
        ("https://sts.us-west-2.amazonaws.eu", ("fail", "error")),
        ("https://eks-auth.us-west-2.api.aws.hci.ic.gov", ("pass", "error")),
        ("http://proxy.kube-system.svc:8080", ("unknown", "warn")),
    ],
)
def test_an_agent_with_an_endpoint_of_its_own(host: str, expected: tuple[str, str]) -> None:
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
    for agent in forms:
        where = replace(cluster(), arn=cluster().arn.replace(cluster().region, "us-west-2"))
        (answer,) = answers(ID, healthy(cluster=where, daemon_sets=(agent,), egress=NAMELESS))
        assert answer[:2] == expected


@table(
    ("partition", "region", "name"),
    [
        ("aws", "eu-west-1", "eks-auth.eu-west-1.api.aws"),
        ("aws-us-gov", "us-gov-west-1", "eks-auth.us-gov-west-1.api.aws"),
        ("aws-cn", "cn-north-1", "eks-auth.cn-north-1.api.amazonwebservices.com.cn"),
        ("aws-eusc", "eusc-de-east-1", "eks-auth.eusc-de-east-1.api.amazonwebservices.eu"),
        ("aws-iso", "us-iso-east-1", "eks-auth.us-iso-east-1.api.aws.ic.gov"),
        ("aws-iso-b", "us-isob-east-1", "eks-auth.us-isob-east-1.api.aws.scloud"),
    ],
)
def test_the_default_name_depends_on_the_partition(partition: str, region: str, name: str) -> None:
    where = cluster(arn=f"arn:{partition}:eks:{region}:111122223333:cluster/prod")
    assert f": {name}, the agent's default" in only(ID, healthy(cluster=where, egress=NAMELESS)).message


def test_the_endpoint_of_hybrid_nodes_does_not_hide_the_one_without_private_dns() -> None:
    args = (*daemon_set().args, "--endpoint", "eks-auth.eu-west-1.api.aws")
    hybrid = daemon_set(name="eks-pod-identity-agent-hybrid", args=args)
    rows = answers(ID, healthy(daemon_sets=(daemon_set(), hybrid), egress=NAMELESS))
    assert [row[:2] for row in rows] == [("fail", "warn"), ("pass", "error")]
