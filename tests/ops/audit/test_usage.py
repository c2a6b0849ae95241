"""The use of permissions in the privileges of a service account, by IAM's reports."""

from typing import Any

import pytest

from ops.audit.roles import aged, allow, put_policy, tried
from worlds import Site


@pytest.fixture
def old(shared: Site) -> Site:
    return aged(shared)


def privileges(site: Site, *argv: str) -> dict[str, Any]:
    document: dict[str, Any] = site.must("privileges", *argv, "-o", "json").json
    return document


# first, because the other tests share a world until the end of the module
def test_the_use_of_a_new_role_is_not_known(healthy: Site) -> None:
    document = privileges(healthy, "shop/orders")
    assert (document["since"], {item["used"] for item in document["services"]}) == (None, {None})
    assert "not known: the last use: the role is younger than the window" in healthy("privileges", "shop/orders").stderr
    assert "the role is younger than the window" in healthy("show", "shop/orders", "--unused").stdout


def test_privileges_have_their_use(old: Site) -> None:
    put_policy(old, allow("sqs:GetQueueUrl", "sqs:CreateQueue", "sqs:SendMessage", "s3:GetObject"))
    tried(old, "sqs", "GetQueueUrl")
    tried(old, "sqs", "CreateQueue", days=95)
    document = privileges(old, "shop/orders")
    use = {item["service"]: (item["used"], item["lastUsedAt"] is not None) for item in document["services"]}
    assert use == {"s3": (False, False), "sqs": (True, True)}
    (sqs,) = [item for item in document["services"] if item["service"] == "sqs"]
    # IAM does not track SendMessage
    assert [name for level in sqs["levels"] for name in level["unused"]] == ["sqs:CreateQueue"]
    assert document["since"] is not None
    outcome = old.must("privileges", "shop/orders")
    assert [line.rpartition("\t")[2] for line in outcome.stdout.splitlines()] == [
        "unused",
        "used, 1 action unused",
    ]
    assert "Not used since" in outcome.stderr
    assert "by IAM's report on the role: s3" in outcome.stderr
    longer = privileges(old, "shop/orders", "--older-than", "100d")
    unused = [name for item in longer["services"] for level in item["levels"] for name in level["unused"]]
    assert unused == ["s3:GetObject"]


def test_show_names_unused_services_on_request(old: Site) -> None:
    tried(old, "dynamodb", "GetItem", days=100)
    assert "Not used since" not in old("show", "shop/orders").stdout
    assert "by IAM's report on the role: dynamodb" in old("show", "shop/orders", "--unused").stdout


@pytest.mark.parametrize("action", ["GenerateServiceLastAccessedDetails", "GetServiceLastAccessedDetails"])
def test_privileges_without_the_permission_to_read_their_use(old: Site, action: str) -> None:
    old.box.world.credentials.deny(f"iam:{action}")
    outcome = old.must("privileges", "shop/orders")
    assert (outcome.stdout.splitlines()[0].rpartition("\t")[2], f"requires iam:{action}" in outcome.stderr) == (
        "-",
        True,
    )
