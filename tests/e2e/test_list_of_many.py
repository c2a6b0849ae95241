"""`list` with filters, in an order, and of several clusters and regions at once."""

from pathlib import Path

import pytest

from harness import Outcome, Podid
from podid.sandbox.baseline import add_association, add_cluster
from podid.sandbox.box import Sandbox

DAY = 86400.0


@pytest.fixture
def many(box: Sandbox) -> Sandbox:
    add_cluster(box.world, "blue")
    add_association(box.world, "shop", "orders", "apps/orders-dynamodb", age=30 * DAY)
    tagged = add_association(box.world, "shop", "cart", "storefront", age=2 * DAY)
    box.world.tags[tagged.arn] = {"team": "web"}
    add_association(box.world, "pay", "api", "storefront", cluster_name="blue")
    return box


def names(outcome: Outcome) -> list[str]:
    assert outcome.code == 0, outcome
    return [f"{item['namespace']}/{item['serviceAccount']}" for item in outcome.json["items"]]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("", ["shop/cart", "shop/orders"]),
        ("--service-account o*", ["shop/orders"]),
        ("-n s*", ["shop/cart", "shop/orders"]),
        ("-n x*", []),
        ("--role storefront", ["shop/cart"]),
        ("--tag team", ["shop/cart"]),
        ("--tag team=web", ["shop/cart"]),
        ("--tag team=x", []),
        ("--older-than 240h", ["shop/orders"]),
        ("--newer-than 240h", ["shop/cart"]),
        ("--sort-by created", ["shop/orders", "shop/cart"]),
        ("--sort-by -created", ["shop/cart", "shop/orders"]),
        ("--sort-by role", ["shop/orders", "shop/cart"]),
        ("--cluster demo --cluster blue", ["pay/api", "shop/cart", "shop/orders"]),
        ("--all-clusters", ["pay/api", "shop/cart", "shop/orders"]),
        ("--all-clusters --role storefront", ["pay/api", "shop/cart"]),
    ],
)
def test_filters_and_orders(many: Sandbox, podid: Podid, line: str, found: list[str]) -> None:
    assert names(podid("list", *line.split(), "-o", "json")) == found
    streamed = podid("list", *line.split(), "-o", "jsonl")
    assert (streamed.code, len(streamed.stdout.splitlines())) == (0, len(found))


@pytest.mark.parametrize(("owner", "found"), [("none", ["shop/cart", "shop/orders"]), ("aws-ebs-csi-driver", [])])
def test_owners_without_the_custom_resources_of_the_cluster(
    many: Sandbox, podid: Podid, owner: str, found: list[str]
) -> None:
    outcome = podid("list", "--owner", owner, "-o", "json")
    assert (outcome.code, outcome.error["code"]) == (9, "Undetermined")
    assert [f"{item['namespace']}/{item['serviceAccount']}" for item in outcome.json["items"]] == found
    assert "custom resources" in podid("list", "--owner", owner).stderr


def test_several_clusters_are_one_table(many: Sandbox, podid: Podid) -> None:
    table = podid("list", "--all-clusters")
    assert [line.split("\t")[:3] for line in table.stdout.splitlines()] == [
        ["blue", "pay", "api"],
        ["demo", "shop", "cart"],
        ["demo", "shop", "orders"],
    ]
    assert podid("list", "--all-clusters", "-o", "json").json["clusterName"] is None
    assert podid("list", "--all-clusters", "-o", "name").stdout.splitlines()[0] == "blue/pay/api"


@pytest.mark.parametrize("output", ["json", "jsonl", "table"])
def test_one_cluster_that_cannot_be_read(many: Sandbox, podid: Podid, output: str) -> None:
    partly = podid("list", "--cluster", "nosuch", "--cluster", "blue", "-o", output)
    assert partly.code == 8, partly
    assert "pay" in partly.stdout
    assert "nosuch does not exist" in partly.stderr
    none = podid("list", "--cluster", "nosuch", "--cluster", "nope", "-o", "json")
    assert (none.code, none.stdout) == (5, "")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--sort-by x", "--sort-by 'x' is not one of namespace, service-account"),
        ("--older-than x", "'x' is not a duration"),
        ("--tag =x", "--tag '=x' is not KEY or KEY=VALUE"),
        ("--cluster demo --all-clusters", "--cluster and --all-clusters cannot be used together"),
    ],
)
def test_what_cannot_be(many: Sandbox, podid: Podid, tmp_path: Path, line: str, message: str) -> None:
    outcome = podid("list", *line.split(), "-o", "json")
    assert outcome.code == 2, outcome
    assert outcome.error["message"].startswith(message)
