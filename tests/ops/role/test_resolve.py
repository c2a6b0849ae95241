"""Roles and managed policies that a user specifies by name or ARN."""

from typing import Any

import pytest

from harness import Podid, table
from ops.change.support import writes
from podid.domain.errors import AccessDenied, Again, InvalidInput, NotFound
from podid.domain.names import ServiceAccountRef
from podid.ops.clients import Clients
from podid.ops.role.resolve import managed_policy, own_role, readable_role, resolve_role
from podid.sandbox.box import Sandbox

STOREFRONT = "arn:aws:iam::111122223333:role/storefront"
PLACE: dict[str, Any] = {"account": "111122223333", "partition": "aws"}


def test_a_role_by_name_and_by_arn(clients: Clients) -> None:
    assert own_role(clients, "storefront").arn == own_role(clients, STOREFRONT).arn == STOREFRONT
    resolved = resolve_role(clients, "storefront", **PLACE)
    assert (resolved.arn, resolved.role, resolved.note) == (STOREFRONT, own_role(clients, STOREFRONT), "")


@table(
    ("text", "message", "hint"),
    [
        ("storefron", "Role storefron does not exist; did you mean storefront?", "swap=('storefron', 'storefront')"),
        ("nosuch", "Role nosuch does not exist", "command=('role', 'create')"),
        ("arn:aws:iam::999988887777:role/storefront", "storefront has the ARN arn:aws:iam::111122223333", "()"),
        ("arn:aws:iam::111122223333:role/team/storefront", f"storefront has the ARN {STOREFRONT}", "()"),
    ],
)
def test_a_role_that_does_not_exist(clients: Clients, text: str, message: str, hint: str) -> None:
    with pytest.raises(NotFound) as error:
        own_role(clients, text, (ServiceAccountRef("shop", "orders"),))
    assert message in error.value.message
    assert hint in str(error.value.hint)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (("show", "arn:aws:iam::999988887777:role/storefront"), 5),
        (("attach", "storefron", "--managed-policy", "AmazonSQSFullAccess", "--adopt"), 5),
        (("detach", "arn:aws:iam::999988887777:role/storefront", "--inline-policy", "x", "--adopt"), 5),
        (("delete", "no/name", "--adopt"), 2),
    ],
)
def test_a_command_for_a_role_that_does_not_exist(box: Sandbox, podid: Podid, line: tuple[str, ...], code: int) -> None:
    outcome = podid("role", *line, "-o", "json")
    assert (outcome.code, outcome.stdout, writes(box)) == (code, "", 0)


def test_a_role_of_another_account_is_no_role_of_an_association(clients: Clients) -> None:
    with pytest.raises(InvalidInput, match="is in account 999988887777, the cluster is in 111122223333"):
        resolve_role(clients, "arn:aws:iam::999988887777:role/storefront", **PLACE)


def test_a_role_that_cannot_be_read(box: Sandbox, clients: Clients) -> None:
    box.world.credentials.deny("iam:GetRole")
    resolved = resolve_role(clients, "storefront", **PLACE)
    assert (resolved.arn, resolved.role) == (STOREFRONT, None)
    assert resolved.note == "the trust policy was not checked (requires iam:GetRole)"
    with pytest.raises(AccessDenied):
        readable_role(clients, "storefront", **PLACE)


def test_managed_policies(box: Sandbox, clients: Clients) -> None:
    arn = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    assert managed_policy(clients, "AmazonS3ReadOnlyAccess", partition="aws") == arn
    with pytest.raises(NotFound, match="AmazonS3ReadOnly does not exist"):
        managed_policy(clients, "AmazonS3ReadOnly", partition="aws")
    with pytest.raises(NotFound, match="; did you mean service-role/AmazonEBSCSIDriverPolicy") as missing:
        managed_policy(clients, "AmazonEBSCSIDriverPolicy", partition="aws")
    assert missing.value.hint == Again(swap=("AmazonEBSCSIDriverPolicy", "service-role/AmazonEBSCSIDriverPolicy"))
    with pytest.raises(InvalidInput, match="is not the name or ARN of a managed policy"):
        managed_policy(clients, STOREFRONT, partition="aws")
    box.world.credentials.deny("iam:GetPolicy")  # IAM checks the ARN when the policy is attached
    assert managed_policy(clients, "nosuch", partition="aws") == "arn:aws:iam::aws:policy/nosuch"
