"""The client for EC2: the instances of nodes, and the routes of a VPC."""

from collections.abc import Iterable, Sequence
from functools import partial

from podid.aws.api import ServiceGateway
from podid.domain.aws import Instance
from podid.domain.foreign import (
    Object,
    flag_or,
    inner_or_empty,
    inners,
    inners_or_none,
    list_at,
    number_or,
    record,
    text,
    text_or,
)
from podid.domain.network import RouteTable, SecurityGroup, VpcEndpoint, VpcRoute
from podid.domain.permissions import needs

# the maximum number of values in a filter: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Filter.html
_IDS_AT_ONCE = 200
_HTTPS = 443
# EC2 lists them for a while, without their profile
_GONE = ("shutting-down", "terminated")
_DESTINATIONS = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Route.html
_TARGETS = (
    *("GatewayId", "NatGatewayId", "EgressOnlyInternetGatewayId", "TransitGatewayId", "VpcPeeringConnectionId"),
    *("NetworkInterfaceId", "InstanceId", "LocalGatewayId", "CarrierGatewayId", "CoreNetworkArn"),
)


class Ec2(ServiceGateway):
    @needs("ec2:DescribeRegions")
    def list_regions(self) -> tuple[str, ...]:
        """Return the regions that are enabled for the account, sorted."""
        read = list_at("Regions", lambda item: text(item, "RegionName"))
        return tuple(sorted(self._api.some("DescribeRegions", {}, "the regions of the account", read)))

    @needs("ec2:DescribeInstances")
    def list_instances(self, instance_ids: Sequence[str]) -> dict[str, Instance]:
        """Return instances by ID. Instances that do not exist are omitted."""
        instances: dict[str, Instance] = {}
        ids = sorted(set(instance_ids))
        for begin in range(0, len(ids), _IDS_AT_ONCE):
            # as a filter: as IDs, one that no longer exists would fail the whole call
            params = {"Filters": [{"Name": "instance-id", "Values": ids[begin : begin + _IDS_AT_ONCE]}]}
            read = self._api.items("DescribeInstances", params, "the nodes' instances", _instances)
            instances |= {instance.id: instance for instance in read}
        return instances

    @needs("ec2:DescribeRouteTables")
    def list_route_tables(self, vpc: str) -> tuple[RouteTable, ...]:
        read, subject = list_at("RouteTables", _table), f"the route tables of {vpc}"
        tables = self._api.items("DescribeRouteTables", _of_vpc(vpc), subject, read)
        return tuple(sorted(tables, key=lambda table: table.table_id))

    @needs("ec2:DescribeVpcEndpoints")
    def list_vpc_endpoints(self, vpc: str) -> tuple[VpcEndpoint, ...]:
        read, subject = list_at("VpcEndpoints", _endpoint), f"the endpoints of {vpc}"
        endpoints = self._api.items("DescribeVpcEndpoints", _of_vpc(vpc), subject, read)
        return tuple(sorted(endpoints, key=lambda endpoint: endpoint.endpoint_id))

    @needs("ec2:DescribeSecurityGroups")
    def list_security_groups(self, group_ids: Sequence[str]) -> tuple[SecurityGroup, ...]:
        params, subject = {"GroupIds": sorted(set(group_ids))}, f"the security groups {', '.join(group_ids)}"
        groups = self._api.items("DescribeSecurityGroups", params, subject, list_at("SecurityGroups", _group))
        return tuple(sorted(groups, key=lambda group: group.group_id))


def _of_vpc(vpc: str) -> dict[str, object]:
    return {"Filters": [{"Name": "vpc-id", "Values": [vpc]}]}


def _first_of(route: Object, members: Iterable[str]) -> str:
    return next((value for member in members if (value := text_or(route, member))), "")


_route = record(
    VpcRoute,
    destination=partial(_first_of, members=_DESTINATIONS),
    target=partial(_first_of, members=_TARGETS),
    active=lambda route: text_or(route, "State", "active") == "active",
)


def _table(table: Object) -> RouteTable:
    associations = inners_or_none(table, "Associations")
    return RouteTable(
        table_id=text(table, "RouteTableId"),
        subnet_ids=tuple(subnet for association in associations if (subnet := text_or(association, "SubnetId"))),
        main=any(flag_or(association, "Main") for association in associations),
        routes=tuple(map(_route, inners_or_none(table, "Routes"))),
    )


def _ids_of(item: Object, member: str, key: str) -> tuple[str, ...]:
    return tuple(value for inner in inners_or_none(item, member) if (value := text_or(inner, key)))


def _of_interfaces(instance: Object, member: str, key: str) -> tuple[str, ...]:
    interfaces = inners_or_none(instance, "NetworkInterfaces")
    return tuple(dict.fromkeys(value for interface in interfaces for value in _ids_of(interface, member, key)))


_endpoint = record(
    VpcEndpoint,
    endpoint_id="VpcEndpointId",
    service="ServiceName",
    state="State?",
    private_dns="PrivateDnsEnabled",
    policy="PolicyDocument",
    group_ids=partial(_ids_of, member="Groups", key="GroupId"),
)


def _group(group: Object) -> SecurityGroup:
    rules = [rule for rule in inners_or_none(group, "IpPermissions") if _of_https(rule)]

    def sources(member: str, key: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(value for rule in rules for value in _ids_of(rule, member, key)))

    return SecurityGroup(
        group_id=text(group, "GroupId"),
        cidrs=(*sources("IpRanges", "CidrIp"), *sources("Ipv6Ranges", "CidrIpv6")),
        groups=sources("UserIdGroupPairs", "GroupId"),
        lists=sources("PrefixListIds", "PrefixListId"),
    )


def _of_https(rule: Object) -> bool:
    """Return whether the rule applies to TCP port 443. All protocols are -1, and have no ports."""
    protocol = text(rule, "IpProtocol")
    ports = number_or(rule, "FromPort", 0), number_or(rule, "ToPort", 65535)
    return protocol == "-1" or (protocol in ("tcp", "6") and ports[0] <= _HTTPS <= ports[1])


_instance = record(
    Instance,
    id="InstanceId",
    profile_arn="IamInstanceProfile.Arn",
    metadata=lambda item: text_or(inner_or_empty(item, "MetadataOptions"), "HttpEndpoint") != "disabled",
    hop_limit="MetadataOptions.HttpPutResponseHopLimit",
    tokens_required=lambda item: text_or(inner_or_empty(item, "MetadataOptions"), "HttpTokens") != "optional",
    addresses=lambda item: (
        *_of_interfaces(item, "PrivateIpAddresses", "PrivateIpAddress"),
        *_of_interfaces(item, "Ipv6Addresses", "Ipv6Address"),
    ),
    group_ids=partial(_of_interfaces, member="Groups", key="GroupId"),
)


def _instances(page: Object) -> Iterable[Instance]:
    return [
        _instance(instance)
        for reservation in inners(page, "Reservations")
        for instance in inners_or_none(reservation, "Instances")
        if text_or(inner_or_empty(instance, "State"), "Name") not in _GONE
    ]
