"""The client for EC2: the instances of nodes, and the routes of a VPC."""

from collections.abc import Iterable, Sequence
from functools import partial

from podid.aws.api import ServiceGateway
from podid.domain.aws import Instance
from podid.domain.foreign import Object, flag_or, inner_or_empty, inners_or_none, many, record, text, text_or
from podid.domain.network import RouteTable, VpcEndpoint, VpcRoute
from podid.domain.permissions import needs

# the maximum number of values in a filter: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Filter.html
_IDS_AT_ONCE = 200
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
        read = many("Regions", lambda item: text(item, "RegionName"))
        return tuple(sorted(self._api.read("DescribeRegions", {}, "the regions of the account", read)))

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
        read, subject = many("RouteTables", _table), f"the route tables of {vpc}"
        tables = self._api.items("DescribeRouteTables", _of_vpc(vpc), subject, read)
        return tuple(sorted(tables, key=lambda table: table.table_id))

    @needs("ec2:DescribeVpcEndpoints")
    def list_vpc_endpoints(self, vpc: str) -> tuple[VpcEndpoint, ...]:
        read, subject = many("VpcEndpoints", _endpoint), f"the endpoints of {vpc}"
        endpoints = self._api.items("DescribeVpcEndpoints", _of_vpc(vpc), subject, read)
        return tuple(sorted(endpoints, key=lambda endpoint: endpoint.endpoint_id))


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


_endpoint = record(
    VpcEndpoint,
    endpoint_id="VpcEndpointId",
    service="ServiceName",
    state="State?",
    private_dns="PrivateDnsEnabled",
    policy="PolicyDocument",
)
_instance = record(
    Instance,
    id="InstanceId",
    profile_arn="IamInstanceProfile.Arn",
    metadata=lambda item: text_or(inner_or_empty(item, "MetadataOptions"), "HttpEndpoint") != "disabled",
    hop_limit="MetadataOptions.HttpPutResponseHopLimit",
    tokens_required=lambda item: text_or(inner_or_empty(item, "MetadataOptions"), "HttpTokens") != "optional",
)


def _instances(page: Object) -> Iterable[Instance]:
    return [
        _instance(instance)
        for reservation in inners_or_none(page, "Reservations")
        for instance in inners_or_none(reservation, "Instances")
        if text_or(inner_or_empty(instance, "State"), "Name") not in _GONE
    ]
