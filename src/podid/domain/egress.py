"""How packets leave the subnets of a VPC, as far as its route tables and endpoints tell."""

from collections.abc import Iterable
from dataclasses import dataclass

# https://docs.aws.amazon.com/eks/latest/userguide/vpc-interface-endpoints.html; China writes cn. before it
EKS_AUTH = ".eks-auth"
# what leads out of AWS's network: https://docs.aws.amazon.com/vpc/latest/userguide/route-table-options.html
_OUT = ("igw-", "nat-", "eigw-")


@dataclass(frozen=True, slots=True)
class VpcRoute:
    """`target` is an id, or `local`; one whose target is gone is not `active`."""

    destination: str
    target: str
    active: bool = True

    @property
    def default(self) -> bool:
        return self.destination in ("0.0.0.0/0", "::/0")

    @property
    def out(self) -> bool:
        return self.active and self.target.startswith(_OUT)


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteTable:
    """`main` is the one of every subnet that names none."""

    table_id: str
    subnet_ids: tuple[str, ...] = ()
    main: bool = False
    routes: tuple[VpcRoute, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VpcEndpoint:
    """`private_dns`: the service's own name leads to it from everywhere in the VPC."""

    endpoint_id: str
    service: str
    state: str
    private_dns: bool = False

    @property
    def serves(self) -> bool:
        return self.service.endswith(EKS_AUTH) and self.state.lower() == "available"


@dataclass(frozen=True, slots=True)
class Egress:
    """Of one VPC."""

    tables: tuple[RouteTable, ...]
    endpoints: tuple[VpcEndpoint, ...]

    def table_of(self, subnet: str) -> RouteTable | None:
        named = next((table for table in self.tables if subnet in table.subnet_ids), None)
        return named or next((table for table in self.tables if table.main), None)

    @property
    def eks_auth(self) -> VpcEndpoint | None:
        """The endpoint for EKS Auth, one with private DNS first."""
        found = [endpoint for endpoint in self.endpoints if endpoint.serves]
        return next(iter(sorted(found, key=lambda endpoint: not endpoint.private_dns)), None)


def closed_in(egress: Egress, subnets: Iterable[str]) -> tuple[str, ...]:
    """The subnets from which nothing leads anywhere but to the VPC itself."""
    return tuple(subnet for subnet in subnets if (table := egress.table_of(subnet)) and not _ways(table))


def elsewhere_from(egress: Egress, subnets: Iterable[str]) -> dict[str, str]:
    """Subnet -> what its packets go to, which is neither the internet nor nowhere: a transit gateway, an appliance.
    What is behind that is not seen from here. "" for a subnet whose route table is not known."""
    found = {}
    for subnet in subnets:
        table = egress.table_of(subnet)
        if table is None:
            found[subnet] = ""
        elif (ways := _ways(table)) and not any(route.out and route.default for route in ways):
            found[subnet] = ways[0].target
    return found


def _ways(table: RouteTable) -> list[VpcRoute]:
    """Gateway endpoints lead to S3 and DynamoDB alone; their routes name a prefix list."""
    return [
        route
        for route in table.routes
        if route.active and route.target != "local" and not (route.target.startswith("vpce-") and not route.default)
    ]
