"""Roles and policies of one reading: each is read once, and many with one list of the account."""

import os

import pytest

from podid.aws import iam_listing
from podid.aws.iam import Iam
from podid.aws.session import AwsSession
from podid.domain.aws import Role
from podid.domain.errors import AccessDenied
from podid.sandbox.box import Sandbox

TRUST: dict[str, object] = {"Version": "2012-10-17", "Statement": []}
POLICY: dict[str, object] = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}
NAMES = ["a", "b", "c"]
LIST = ("iam", "GetAccountAuthorizationDetails")


@pytest.fixture
def listing(box: Sandbox, session: AwsSession, monkeypatch: pytest.MonkeyPatch) -> Iam:
    monkeypatch.setattr(iam_listing, "MANY_ROLES", len(NAMES))
    for name in NAMES:
        session.iam.create_role(name, TRUST)
    session.iam.put_inline_policy(NAMES[0], "p", POLICY)
    box.faults.calls.clear()
    return AwsSession(None, None, env=os.environ).listing_iam()


def test_a_few_roles_are_read_by_themselves_and_once(box: Sandbox, listing: Iam) -> None:
    for _ in range(2):
        roles = dict(listing.find_roles([NAMES[0], "none"]))
        assert [name for name, role in roles.items() if isinstance(role, Role)] == NAMES[:1]
        assert roles["none"] is None
    assert (box.faults.calls["iam", "GetRole"], box.faults.calls[LIST]) == (2, 0)


def test_many_roles_and_their_policies_are_one_list(box: Sandbox, listing: Iam) -> None:
    roles = dict(listing.find_roles(NAMES))
    assert list(roles) == NAMES
    assert all(isinstance(role, Role) and role.trust == TRUST for role in roles.values())
    names = dict(listing.get_names_of_policies(NAMES))
    assert (names[NAMES[0]].inline, names[NAMES[1]].inline) == (("p",), ())  # type: ignore[union-attr]
    assert dict(listing.get_inline_documents([(NAMES[0], "p")])) == {(NAMES[0], "p"): POLICY}
    assert {operation for service, operation in box.faults.calls if service == "iam"} == {LIST[1]}


def test_without_permission_for_the_list_each_role_is_read(box: Sandbox, listing: Iam) -> None:
    box.world.credentials.deny("iam:GetAccountAuthorizationDetails")
    box.world.credentials.deny("iam:GetRole", resource=f"*/{NAMES[0]}")
    roles = dict(listing.find_roles(NAMES))
    assert isinstance(roles[NAMES[0]], AccessDenied)
    assert {name for name, role in roles.items() if isinstance(role, Role)} == {*NAMES[1:]}
    box.world.credentials.allow_again()
    assert isinstance(dict(listing.find_roles(NAMES[:1]))[NAMES[0]], Role)  # errors are not kept
    assert box.faults.calls["iam", "GetRole"] == len(NAMES) + 1
