"""The clusters that a command is about: accounts, regions, shards."""

from types import SimpleNamespace
from typing import Any

import pytest

from accounts import ALL, OWN, ROLE, association_of, associations_in, ids, organization
from harness import Podid
from podid.domain.errors import NotServed
from podid.ops.clusters import enabled_regions, tagged_clusters
from podid.sandbox.baseline import add_association
from podid.sandbox.box import Sandbox


def test_clusters_of_all_regions(box: Sandbox, podid: Podid) -> None:
    regions = ("us-west-2", "af-south-1", "us-east-1")
    organization(box, ids(2), regions=regions)
    everywhere = {association_of(account, "c00", region) for account in ids(2) for region in regions}
    outcome = podid("list", "--all-regions", *ALL, "-o", "jsonl")
    assert (outcome.code, associations_in(outcome.stdout)) == (0, everywhere), outcome
    (one,) = {association_of(ids(2)[0], "c00", "us-east-1")}
    outcome = podid("list", "--assume-role", ROLE, "--accounts", ids(2)[0], "--region", "us-east-1", "-o", "jsonl")
    assert (outcome.code, associations_in(outcome.stdout)) == (0, {one}), outcome
    # in the own account, without a role: only demo's region has a cluster
    add_association(box.world, "shop", "orders", "apps/orders-dynamodb")
    assert associations_in(podid("list", "--all-regions", "-o", "jsonl").stdout) == {association_of(OWN, "demo")}


def test_the_regions_are_read_with_either_permission(box: Sandbox, podid: Podid) -> None:
    regions = ("us-west-2", "af-south-1")
    organization(box, ids(1), regions=regions)
    line = ("list", "--all-regions", "--assume-role", ROLE, "--accounts", ids(1)[0], "-o", "jsonl")
    box.world.credentials.deny("ec2:DescribeRegions")
    outcome = podid(*line)
    assert (outcome.code, associations_in(outcome.stdout)) == (
        0,
        {association_of(ids(1)[0], "c00", region) for region in regions},
    ), outcome
    box.world.credentials.deny("account:ListRegions")
    outcome = podid(*line)
    assert (outcome.code, outcome.error["permission"]) == (4, "ec2:DescribeRegions")
    box.world.credentials.allow_again("ec2:DescribeRegions")
    assert podid(*line).code == 0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--accounts 222200000000", "--accounts and --organization require --assume-role"),
        ("--organization", "--accounts and --organization require --assume-role"),
        (f"--assume-role {ROLE}", "--assume-role requires --accounts or --organization"),
        (f"--assume-role {ROLE} --accounts 1", "--accounts '1' is not a 12-digit account ID"),
        (f"--assume-role {ROLE} --accounts 222200000000 --organization", "cannot be used together"),
        ("--assume-role a:b --organization", "--assume-role 'a:b' is not the name of a role"),
        ("--all-regions --region us-east-1", "--region and --all-regions cannot be used together"),
        ("--all-regions --cluster demo", "--cluster and --all-regions cannot be used together"),
        (f"--assume-role {ROLE} --organization -c demo", "--cluster and --organization cannot be used together"),
        (f"--assume-role {ROLE} --organization --profile a --profile b", "several --profile cannot be used together"),
        ("--external-id x", "--external-id requires --assume-role"),
        ("--shard 2/2", "--shard '2/2' is not INDEX/COUNT"),
    ],
)
def test_options_that_cannot_be_combined(box: Sandbox, podid: Podid, line: str, message: str) -> None:
    outcome = podid("list", *line.split(), "-o", "json")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert message in outcome.error["message"]


def test_shards_are_disjoint_and_complete(box: Sandbox, podid: Podid) -> None:
    organization(box, ids(3), clusters=4)
    parts = [
        associations_in(podid("list", *ALL, "--shard", f"{number}/3", "-o", "jsonl").stdout) for number in range(3)
    ]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 12
    empty = podid("list", "--all-clusters", "--shard", "0/7", "-o", "json")
    second = podid("list", "--all-clusters", "--shard", "1/7", "-o", "json")
    assert (empty.code, empty.json["items"], second.code, second.json["items"]) == (0, [], 0, [])


def test_a_cluster_that_is_deleted_while_tags_are_read_is_omitted() -> None:
    tags: dict[str, dict[str, str] | None] = {"blue": {"team": "a"}, "gone": None, "red": {}}
    eks: Any = SimpleNamespace(list_clusters=lambda: tuple(tags), find_cluster_tags=tags.__getitem__)
    assert tagged_clusters(eks, {"team": "a"}, "us-west-2") == ("blue",)


def test_the_regions_of_an_endpoint_without_ec2() -> None:
    def refuse() -> tuple[str, ...]:
        raise NotServed("this endpoint of EC2 does not support DescribeRegions")

    listed = SimpleNamespace(list_regions=lambda: ("us-east-1", "us-west-2"))
    aws: Any = SimpleNamespace(
        ec2=SimpleNamespace(list_regions=refuse), account_management=listed, eks_regions=("us-west-2", "eu-west-1")
    )
    assert enabled_regions(aws) == ("us-west-2",)
    listed.list_regions = refuse
    with pytest.raises(NotServed):
        enabled_regions(aws)
