"""Instances of nodes, and routes of the VPC."""

from typing import Any

import pytest

from podid.aws.ec2 import Ec2
from podid.aws.session import AwsSession
from podid.domain.network import SecurityGroup, VpcRoute

VPC = "vpc-0a1b2c3d4e5f60001"
NODE = "i-0a1b2c3d4e5f60001"


def test_instances_that_do_not_exist_are_omitted(session: AwsSession) -> None:
    instances = session.ec2.list_instances([NODE, "i-00000000000000000", NODE])
    assert list(instances) == [NODE]
    assert instances[NODE].profile_arn.startswith("arn:aws:iam::111122223333:instance-profile/")


def test_many_instances_are_read_in_parts(session: AwsSession, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def items(operation: str, params: dict[str, Any], *_: Any) -> list[Any]:
        (names,) = params["Filters"]
        sizes.append(len(names["Values"]))
        return []

    monkeypatch.setattr(session.ec2._api, "items", items)
    assert session.ec2.list_instances([f"i-{number:017d}" for number in range(450)]) == {}
    assert sizes == [200, 200, 50]


class Answers:
    """Stands in for the API of EC2 with one answer."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer = answer

    def items(self, operation: str, params: Any, subject: str, read: Any) -> Any:
        return iter(read(self.answer))


def ec2(answer: dict[str, Any]) -> Ec2:
    api: Any = Answers(answer)
    return Ec2(api)


def test_the_metadata_options_of_an_instance() -> None:
    def instance(number: int, state: str = "running", **options: Any) -> dict[str, Any]:
        return {"InstanceId": f"i-{number}", "State": {"Name": state}, "MetadataOptions": options}

    reservation = [
        instance(1, HttpEndpoint="enabled", HttpTokens="required", HttpPutResponseHopLimit=1),
        instance(2, HttpEndpoint="disabled", HttpTokens="optional", HttpPutResponseHopLimit=2),
        instance(3, "terminated"),
    ]
    instances = ec2({"Reservations": [{"Instances": reservation}]}).list_instances(["i-1", "i-2", "i-3"])
    assert [(item.id, item.metadata, item.hop_limit, item.tokens_required) for item in instances.values()] == [
        ("i-1", True, 1, True),
        ("i-2", False, 2, False),
    ]


def test_routes_of_any_kind_of_destination_and_target() -> None:
    routes = [
        {"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1", "State": "active"},
        {"DestinationPrefixListId": "pl-1", "GatewayId": "vpce-1"},
        {"DestinationIpv6CidrBlock": "::/0", "EgressOnlyInternetGatewayId": "eigw-1", "State": "blackhole"},
    ]
    associations = [{"SubnetId": "subnet-1", "Main": False}, {"Main": True}]
    second = {"RouteTableId": "rtb-2", "Associations": associations, "Routes": routes}
    tables = ec2({"RouteTables": [second, {"RouteTableId": "rtb-1"}]}).list_route_tables(VPC)
    assert [(table.table_id, table.subnet_ids, table.main) for table in tables] == [
        ("rtb-1", (), False),
        ("rtb-2", ("subnet-1",), True),
    ]
    assert tables[1].routes == (
        VpcRoute("0.0.0.0/0", "nat-1", active=True),
        VpcRoute("pl-1", "vpce-1", active=True),
        VpcRoute("::/0", "eigw-1", active=False),
    )


def test_the_sources_of_https_in_security_groups() -> None:
    def rule(protocol: str, *ports: int, **sources: object) -> dict[str, object]:
        return {"IpProtocol": protocol, **dict(zip(("FromPort", "ToPort"), ports, strict=False)), **sources}

    rules = [
        rule("tcp", 443, 443, IpRanges=[{"CidrIp": "10.0.0.0/16"}], UserIdGroupPairs=[{"GroupId": "sg-nodes"}]),
        rule("tcp", 0, 1024, Ipv6Ranges=[{"CidrIpv6": "fd00::/8"}], PrefixListIds=[{"PrefixListId": "pl-1"}]),
        rule("-1", UserIdGroupPairs=[{"GroupId": "sg-all"}]),
        rule("tcp", 80, 80, IpRanges=[{"CidrIp": "0.0.0.0/0"}]),
        rule("udp", 443, 443, IpRanges=[{"CidrIp": "0.0.0.0/0"}]),
    ]
    (group,) = ec2({"SecurityGroups": [{"GroupId": "sg-1", "IpPermissions": rules}]}).list_security_groups(["sg-1"])
    assert group == SecurityGroup(
        group_id="sg-1", cidrs=("10.0.0.0/16", "fd00::/8"), groups=("sg-nodes", "sg-all"), lists=("pl-1",)
    )


def test_endpoints_of_the_vpc_are_sorted() -> None:
    rows = [
        {"VpcEndpointId": f"vpce-{number}", "ServiceName": "com.amazonaws.eu-west-1.sts", "PrivateDnsEnabled": True}
        for number in (2, 1)
    ]
    endpoints = ec2({"VpcEndpoints": rows}).list_vpc_endpoints(VPC)
    assert [(item.endpoint_id, item.service, item.private_dns) for item in endpoints] == [
        (f"vpce-{number}", "com.amazonaws.eu-west-1.sts", True) for number in (1, 2)
    ]
