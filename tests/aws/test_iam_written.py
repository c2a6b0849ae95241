"""Roles and policies are as podid wrote them until IAM shows it, whatever operation reads them."""

from dataclasses import replace
from typing import Any

import pytest

from podid.aws.decode import Detail
from podid.aws.iam_written import WrittenRoles
from podid.calls.written import KnownChanges
from podid.domain.aws import AttachedPolicy, OidcProvider, Role
from podid.domain.errors import NotFound

ROLE = Role(name="Shop", arn="arn:aws:iam::1:role/Shop", path="/", role_id="AROA1", trust={"a": 1})
POLICY = AttachedPolicy(name="Read", arn="arn:aws:iam::aws:policy/Read")
PROVIDER = OidcProvider(arn="arn:aws:iam::1:oidc-provider/x", url="x")
DETAIL = Detail("role", ROLE.name, ROLE.arn, (), (), (), "", ROLE)


@pytest.fixture
def roles() -> WrittenRoles:
    return WrittenRoles(lambda *names: names, KnownChanges())


def unknown() -> Any:
    raise NotFound("no such role")
    yield


def test_a_new_role_exists_with_its_changes(roles: WrittenRoles) -> None:
    roles.created(ROLE)
    roles.changed("shop", trust={"a": 2})
    now = replace(ROLE, trust={"a": 2})
    assert roles.role("GetRole", "Shop", None) == now
    assert list(roles.roles("ListRoles", ())) == [now]
    assert [item.role for item in roles.details(())] == [now]
    assert list(roles.policies("ListRolePolicies", "inline", "shop", unknown())) == []
    assert roles.late_roles() == {"shop"}
    assert roles.role("GetRole", "Shop", now) == now
    assert roles.late_roles() == frozenset()
    assert roles.role("GetRole", "Shop", None) is None, "someone else has deleted it"


def test_a_deleted_role_is_gone(roles: WrittenRoles) -> None:
    roles.role("GetRole", "Shop", ROLE)
    roles.deleted("Shop")
    assert roles.role("GetRole", "Shop", ROLE) is None
    assert list(roles.roles("ListRoles", (ROLE,))) == []
    assert list(roles.details((DETAIL,))) == []
    again = replace(ROLE, role_id="AROA2")
    assert roles.role("GetRole", "Shop", again) == again, "someone else has created it again"


def test_a_role_that_is_created_again_has_no_policy_of_before(roles: WrittenRoles) -> None:
    roles.role("GetRole", "Shop", ROLE)
    roles.put("inline", "Shop", "p", exists=True, document={"x": 1})
    roles.deleted("Shop")
    again = replace(ROLE, role_id="AROA2")
    roles.created(again)
    assert roles.role("GetRole", "Shop", ROLE) == again
    assert list(roles.policies("ListRolePolicies", "inline", "Shop", ())) == []


def test_policies_are_added_and_removed(roles: WrittenRoles) -> None:
    roles.put("inline", "Shop", "p", exists=True, document={"x": 1})
    roles.put("attached", "Shop", POLICY.arn, exists=True)
    assert list(roles.policies("ListRolePolicies", "inline", "Shop", ())) == ["p"]
    assert roles.document("GetRolePolicy", "Shop", "p", None) == {"x": 1}
    assert list(roles.attached("ListAttachedRolePolicies", "Shop", ())) == [POLICY]
    (detail,) = roles.details((DETAIL,))
    assert ([policy.document for policy in detail.inline], detail.attached) == ([{"x": 1}], (POLICY.arn,))
    roles.put("inline", "Shop", "p", exists=False)
    roles.put("attached", "Shop", POLICY.arn, exists=False)
    assert list(roles.policies("ListRolePolicies", "inline", "Shop", ["p"])) == []
    assert roles.document("GetRolePolicy", "Shop", "p", {"x": 1}) is None
    assert list(roles.attached("ListAttachedRolePolicies", "Shop", [POLICY])) == []


def test_a_document_that_someone_else_writes_wins(roles: WrittenRoles) -> None:
    assert roles.document("GetRolePolicy", "Shop", "p", {"x": 1}) == {"x": 1}
    roles.put("inline", "Shop", "p", exists=True, document={"x": 2})
    assert roles.document("GetRolePolicy", "Shop", "p", {"x": 1}) == {"x": 2}
    assert roles.document("GetRolePolicy", "Shop", "p", {"x": 3}) == {"x": 3}


def test_a_document_is_late_until_it_is_shown(roles: WrittenRoles) -> None:
    assert not roles.late_policies()
    roles.put("inline", "Shop", "p", exists=True, document={"x": 2})
    roles.document("GetRolePolicy", "Shop", "p", None)
    assert roles.late_policies() == {("shop", "p")}
    assert not roles.late_roles()
    roles.document("GetRolePolicy", "Shop", "p", {"x": 2})
    assert not roles.late_policies()


def test_an_unknown_role_without_a_change_is_an_error(roles: WrittenRoles) -> None:
    with pytest.raises(NotFound):
        list(roles.policies("ListRolePolicies", "inline", "Shop", unknown()))


def test_tags_are_added_to_those_that_were_read(roles: WrittenRoles) -> None:
    roles.tagged("Shop", lambda old: {**old, "a": "b"})
    assert roles.role("GetRole", "Shop", ROLE) == ROLE
    roles.tagged("Shop", lambda old: {**old, "a": "b"})
    assert roles.role("GetRole", "Shop", ROLE) == replace(ROLE, tags={"a": "b"})


def test_oidc_providers(roles: WrittenRoles) -> None:
    roles.keep_provider(PROVIDER.arn, PROVIDER)
    assert roles.provider("GetOpenIDConnectProvider", PROVIDER.arn, None) == PROVIDER
    assert list(roles.providers("ListOpenIDConnectProviders", [])) == [PROVIDER.arn]
    roles.keep_provider(PROVIDER.arn, None)
    assert roles.provider("GetOpenIDConnectProvider", PROVIDER.arn, PROVIDER) is None
    assert list(roles.providers("ListOpenIDConnectProviders", [PROVIDER.arn])) == []
