"""An organization of several accounts, in each of which the sandbox's administrator can assume a role."""

import json
from collections.abc import Iterable, Sequence

from podid.sandbox.baseline import add_association, add_cluster
from podid.sandbox.box import Sandbox
from podid.sandbox.world import World

ROLE = "podid-read"
OWN = "111122223333"
ALL = ("--assume-role", ROLE, "--organization")


def ids(count: int) -> tuple[str, ...]:
    return tuple(f"2222{number:08}" for number in range(count))


def organization(
    box: Sandbox,
    accounts: Sequence[str],
    *,
    clusters: int = 1,
    associations: int = 1,
    regions: Sequence[str] = ("us-west-2",),
    external_id: str = "",
) -> list[World]:
    """Yield the accounts, each with so many clusters in each region, with the same names in all of them."""
    condition = {"Condition": {"StringEquals": {"sts:ExternalId": external_id}}} if external_id else {}
    principal = {"AWS": f"arn:aws:iam::{box.world.account}:root"}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **condition}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    worlds = []
    box.world.organization[box.world.account] = "ACTIVE"
    for account in accounts:
        box.world.organization[account] = "ACTIVE"
        role = box.iam.make_role(account, ROLE, trust)
        box.iam.attach(role, account, ["AdministratorAccess"])
        for region in regions:
            world = box.add_place(account, region)
            worlds.append(world)
            add_clusters(world, range(clusters), associations)
    return worlds


def add_clusters(world: World, numbers: Iterable[int], associations: int) -> None:
    for number in numbers:
        add_cluster(world, f"c{number:02}")
        for index in range(associations):
            add_association(world, "shop", f"app-{index}", "storefront", cluster_name=f"c{number:02}")


def associations_in(text: str) -> set[str]:
    """Return the ARNs of JSON lines, without the ids."""
    return {json.loads(line)["associationArn"].rpartition("/")[0] for line in text.splitlines()}


def association_of(account: str, cluster: str, region: str = "us-west-2") -> str:
    """Return the ARN of an association without its id."""
    return f"arn:aws:eks:{region}:{account}:podidentityassociation/{cluster}"
