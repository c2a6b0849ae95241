"""The policies of roles, and the permissions that they give."""

from dataclasses import replace
from typing import Any

from checks.audit.worlds import allowing
from checks.builder import (
    ACCOUNT,
    BOUNDARY_ARN,
    DENIED,
    READS,
    ROLE_ARN,
    TARGET_ARN,
    association,
    chained,
    healthy,
    role,
)
from harness import table
from podid.domain.policy.evaluate import LayerKind
from podid.domain.snapshot import Known, Missing, Section, Snapshot
from podid.facts.privileges import Policies, RoleGrants, RolePrivileges, administration, privileges

LIMITED = replace(role(), permissions_boundary_arn=BOUNDARY_ARN)


def of_orders(snapshot: Snapshot) -> RolePrivileges:
    section = privileges(snapshot)[ROLE_ARN]
    assert isinstance(section, Known)
    assert section.value is not None
    return section.value


@table(
    ("statement", "action", "resource", "reached"),
    [
        ({"Action": "*", "Resource": "*"}, "iam:PassRole", "*", True),
        ({"Action": "iam:*Role", "Resource": "*"}, "iam:PassRole", "arn:aws:iam::1:role/*", True),
        ({"Action": "iam:PassRole", "Resource": "arn:aws:iam::1:role/apps/*"}, "iam:PassRole", "*", False),
        ({"Action": "s3:*", "Resource": "*"}, "iam:PassRole", "*", False),
        # a condition leaves some requests denied
        (
            {"Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}},
            "iam:PassRole",
            "*",
            False,
        ),
    ],
)
def test_an_action_on_all_resources(statement: dict[str, Any], action: str, resource: str, reached: bool) -> None:
    assert (of_orders(allowing(**statement)).reach(action, resource) is not None) is reached


@table(
    ("action", "words"),
    [("*", "all actions"), ("iam:*", "all actions of IAM"), ("i?m:*", "all actions of IAM"), ("s3:*", None)],
)
def test_administrators(action: str, words: str | None) -> None:
    broad = administration(of_orders(allowing(Action=action, Resource="*")))
    assert (broad[0] if broad is not None else None) == words


def test_a_deny_excludes_some_resources() -> None:
    allow = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}
    deny = {**allow, "Effect": "Deny", "Resource": f"arn:aws:iam::{ACCOUNT}:role/admin"}
    document = {"Version": "2012-10-17", "Statement": [allow, deny]}
    privileged = of_orders(healthy(permission_policies={ROLE_ARN: Known({"p": Known(document)})}))
    assert privileged.access.ruling("iam:PassRole").except_
    assert privileged.reach("iam:PassRole", "*") is None


def test_roles_and_target_roles() -> None:
    snapshot = chained(association(), target_policies={TARGET_ARN: DENIED})
    assert set(privileges(snapshot)) == {ROLE_ARN, TARGET_ARN}
    assert isinstance(privileges(snapshot)[TARGET_ARN], Missing)
    assert privileges(healthy(roles={ROLE_ARN: Known(None)}))[ROLE_ARN] == Known(None)
    assert of_orders(healthy()).roles(ACCOUNT) == f"arn:aws:iam::{ACCOUNT}:role/*"


def test_a_boundary_is_a_layer_of_the_role() -> None:
    policies: Section[Policies] = Known({"p": Known(READS)})
    boundaries: Section[Policies] = Known({BOUNDARY_ARN: Known(READS)})
    grants = RoleGrants.of(ROLE_ARN, Known(LIMITED), policies, boundaries)
    assert [layer.kind for layer in grants.layers] == [LayerKind.IDENTITY, LayerKind.BOUNDARY]
    assert list(grants.missing) == []
    unread = RoleGrants.of(ROLE_ARN, Known(LIMITED), policies, Known({BOUNDARY_ARN: DENIED}))
    assert list(unread.missing) == [(BOUNDARY_ARN, DENIED)]
    plain = RoleGrants.of(ROLE_ARN, Known(role()), policies, boundaries)
    assert [layer.kind for layer in plain.layers] == [LayerKind.IDENTITY]


def test_a_role_that_was_not_read_may_have_a_boundary() -> None:
    grants = RoleGrants.of(ROLE_ARN, DENIED, Known({"p": Known(READS)}), Known({}))
    assert [layer.kind for layer in grants.layers] == [LayerKind.IDENTITY, LayerKind.BOUNDARY]
    assert list(grants.missing) == [("role orders", DENIED)]
    # a role under another path is another role
    assert RoleGrants.of(f"arn:aws:iam::{ACCOUNT}:role/apps/orders", Known(role()), Known({}), Known({})).gone
