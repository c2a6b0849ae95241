"""Regions of an account, accounts of an organization, and the stack that has a role."""

import pytest

from podid.aws.session import AwsSession
from podid.domain.errors import PodidError
from podid.sandbox.box import Sandbox


def test_regions_are_sorted(session: AwsSession) -> None:
    regions = session.account_management.list_regions()
    assert list(regions) == sorted(regions)
    assert {"us-east-1", "us-west-2"} <= set(regions)


def test_accounts_that_are_not_active_are_omitted(box: Sandbox, session: AwsSession) -> None:
    active = [f"{number:012d}" for number in range(1, 46)]
    box.world.organization.update(dict.fromkeys(active, "ACTIVE") | {"9" * 12: "SUSPENDED", "8" * 12: "CLOSED"})
    assert session.organizations.list_active_accounts() == tuple(active)
    assert box.faults.calls["organizations", "ListAccounts"] == 3


def test_an_account_without_an_organization(box: Sandbox, session: AwsSession) -> None:
    box.world.organization.clear()
    with pytest.raises(PodidError, match="not a member of an organization"):
        session.organizations.list_active_accounts()


def test_the_stack_that_has_a_role(box: Sandbox, session: AwsSession) -> None:
    box.world.stacks["shop"] = ("storefront", "cart")
    owner = session.cloudformation.find_owner_of_role("cart")
    assert owner is not None
    assert (owner.tool, owner.detail) == ("CloudFormation", "stack shop")
    assert session.cloudformation.find_owner_of_role("orders-dynamodb") is None
