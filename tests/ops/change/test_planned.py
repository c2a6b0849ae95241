"""Planned changes of roles and policies in a snapshot."""

from dataclasses import replace

from checks.builder import ACCOUNT, ROLE_ARN, TARGET_ARN, chained, healthy, permissions, role
from podid.domain.iam import AssumePermissions, PolicyNames
from podid.domain.snapshot import PLANNED, Known, Missing, known_or
from podid.ops.change.planned import arn_of, with_boundary, with_new_role, with_policy, with_role

ASSUME_TARGET = {
    "Statement": [{"Effect": "Allow", "Action": ["sts:AssumeRole", "sts:TagSession"], "Resource": TARGET_ARN}]
}


def test_a_missing_section_stays_missing() -> None:
    snapshot = healthy(roles=Missing("denied"), role_policies=Missing("denied"))
    changed = with_policy(snapshot, "orders", lambda names: replace(names, inline=("new",)), added=ASSUME_TARGET)
    assert (changed.roles, changed.role_policies) == (snapshot.roles, snapshot.role_policies)
    assert with_new_role(snapshot, role()).roles == Missing("denied")


def test_a_role_is_changed_in_its_own_account_only() -> None:
    foreign = replace(role("arn:aws:iam::444455556666:role/orders"), description="theirs")
    snapshot = healthy(roles={ROLE_ARN: Known(role()), foreign.arn: Known(foreign)})
    changed = known_or(with_role(snapshot, "orders", lambda old: replace(old, description="new")).roles, {})
    assert [
        section.value.description for section in changed.values() if isinstance(section, Known) and section.value
    ] == [*("new", "theirs")]


def test_a_new_role_has_no_permissions() -> None:
    new = role(f"arn:aws:iam::{ACCOUNT}:role/new")
    changed = with_new_role(healthy(), new)
    assert known_or(changed.role_policies, {})[new.arn] == Known(PolicyNames())
    assert known_or(changed.assume_permissions, {})[new.arn] == Known(AssumePermissions(allows=()))
    assert arn_of(healthy(), {"roleName": "new", "path": "/apps/"}) == f"arn:aws:iam::{ACCOUNT}:role/apps/new"
    assert arn_of(healthy(cluster=Missing("denied")), {"roleName": "new"}) == ""


def test_a_new_policy_allows_the_target_role() -> None:
    denied = permissions("implicitDeny", "implicitDeny")
    snapshot = chained(target_permissions={(ROLE_ARN, TARGET_ARN): Known(denied)})

    def decisions(**policy: object) -> object:
        changed = with_policy(snapshot, "orders", lambda names: replace(names, inline=("b",)), **policy)  # type: ignore[arg-type]
        section = known_or(changed.target_permissions, {})[ROLE_ARN, TARGET_ARN]
        return section if section == PLANNED else {item.decision for item in known_or(section, ())}

    assert decisions(added=ASSUME_TARGET) == {"allowed"}
    assert decisions(added={"Statement": []}) == {"implicitDeny"}
    # the document is not known
    assert decisions(managed="arn:aws:iam::aws:policy/x") == PLANNED


def test_a_new_boundary_leaves_the_permissions_open() -> None:
    changed = with_boundary(healthy(), "orders", "arn:aws:iam::aws:policy/x")
    assert known_or(changed.bounded, {}) == {ROLE_ARN: PLANNED}
