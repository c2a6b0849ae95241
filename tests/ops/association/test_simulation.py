"""Actions that the credentials of pods allow, and the layer that denies the others."""

import json
import os
from typing import Any

import pytest

from checks.builder import association, cluster, healthy
from harness import table
from podid.aws.iam import Iam
from podid.aws.session import AwsSession
from podid.domain.errors import ExitCode
from podid.domain.status import Allowed
from podid.ops.association.simulation import allowed_code, simulate_all
from podid.ops.status.diagnose import diagnose
from worlds import ACCOUNT, ORDERS, POLICY, ROLE_ARN, TARGET, Site, target_arn, target_trust, trust_for

TABLE = f"arn:aws:dynamodb:us-west-2:{ACCOUNT}:table/orders"  # POLICY of worlds.py allows actions on it
READ = "dynamodb:GetItem"
VPC = {"StringEquals": {"aws:SourceVpce": "vpce-1"}}


def policy(*actions: str, effect: str = "Allow", **condition: Any) -> str:
    statement = {"Effect": effect, "Action": actions, "Resource": "*", **condition}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def orders(account: Site) -> Site:
    """Return an account with role shop-orders, which may read one table."""
    role = account.box.iam.make_role(ACCOUNT, "shop-orders", json.dumps(trust_for(ORDERS)))
    account.box.iam.attach(role, ACCOUNT, (), {"dynamodb-read": POLICY})
    return account


def simulated(site: Site, *actions: str, resource: str = TABLE, **settings: Any) -> tuple[Allowed, ...]:
    """Return the answers for an association of shop-orders with these settings."""
    own = association(role_arn=ROLE_ARN, **settings)
    (status,) = diagnose(healthy(associations=(own,))).identities
    iam: Iam = AwsSession(None, None, env=os.environ).iam
    return simulate_all(iam, cluster(), (status,), actions, (resource,))[ORDERS]


def answers(site: Site, *actions: str, **settings: Any) -> list[tuple[str, bool | None, str]]:
    return [(item.action, item.allowed, item.id) for item in simulated(site, *actions, **settings)]


def put_policy(site: Site, document: str, role: str = "shop-orders") -> None:
    site.aws("iam").put_role_policy(RoleName=role, PolicyName="p", PolicyDocument=document)


def test_an_action_that_no_policy_allows_is_denied(orders: Site) -> None:
    assert answers(orders, READ, "s3:GetObject") == [
        (READ, True, ""),
        ("s3:GetObject", False, "role-no-permissions"),
    ]
    (denied,) = simulated(orders, READ, resource="*")
    assert (denied.allowed, denied.reason) == (False, "no policy of role shop-orders allows it")
    put_policy(orders, policy(READ, effect="Deny"))
    assert simulated(orders, READ)[0].reason == "a policy denies it"


def test_the_permissions_boundary_of_the_role(orders: Site) -> None:
    iam = orders.aws("iam")
    boundary = iam.create_policy(PolicyName="ceiling", PolicyDocument=policy("s3:*"))["Policy"]["Arn"]
    iam.put_role_permissions_boundary(RoleName="shop-orders", PermissionsBoundary=boundary)
    assert answers(orders, READ) == [(READ, False, "permissions-boundary-denies")]


def test_the_session_policy_only_restricts(orders: Site) -> None:
    narrow = policy("dynamodb:Query", "s3:GetObject")
    assert answers(orders, READ, "s3:GetObject", policy=narrow, disable_session_tags=True) == [
        (READ, False, "session-policy-misconfig"),
        ("s3:GetObject", False, "role-no-permissions"),
    ]
    assert answers(orders, READ, policy=policy("dynamodb:*"), disable_session_tags=True) == [(READ, True, "")]
    # an action that it does not name is denied, whatever its conditions for others
    conditional = policy("s3:*", Condition=VPC)
    assert answers(orders, READ, policy=conditional, disable_session_tags=True) == [
        (READ, False, "session-policy-misconfig")
    ]


def test_session_tags_are_known_and_the_source_of_a_request_is_not(orders: Site) -> None:
    tag = {"StringEquals": {"aws:PrincipalTag/kubernetes-namespace": "shop"}}
    put_policy(orders, policy("s3:GetObject", Condition=tag))
    assert answers(orders, "s3:GetObject") == [("s3:GetObject", True, "")]
    assert answers(orders, "s3:GetObject", disable_session_tags=True)[0][1] is not True
    put_policy(orders, policy("s3:GetObject", Condition=VPC))
    (unknown,) = simulated(orders, "s3:GetObject")
    assert unknown.allowed is None
    assert "aws:SourceVpce" in unknown.reason
    assert simulated(orders, READ)[0].reason == "unless it depends on aws:SourceVpce of the actual request"


def test_conditions_of_other_actions_do_not_matter_if_the_policies_can_be_read(orders: Site) -> None:
    iam = orders.aws("iam")
    arn = iam.create_policy(PolicyName="sqs", PolicyDocument=policy("sqs:Send*", Condition=VPC))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="shop-orders", PolicyArn=arn)
    assert answers(orders, "s3:GetObject", "sqs:SendMessage") == [
        ("s3:GetObject", False, "role-no-permissions"),
        ("sqs:SendMessage", None, ""),
    ]
    orders.box.world.credentials.deny("iam:GetPolicyVersion")
    assert answers(orders, "s3:GetObject") == [("s3:GetObject", None, "")]


def test_pods_have_the_permissions_of_the_target_role(orders: Site) -> None:
    orders.box.iam.make_role(ACCOUNT, TARGET, json.dumps(target_trust()))
    assert answers(orders, READ, target_role_arn=target_arn())[0][1] is False
    put_policy(orders, policy(READ), TARGET)
    assert answers(orders, READ, target_role_arn=target_arn())[0][1] is True
    (unknown,) = simulated(orders, READ, target_role_arn=target_arn("444455556666"))
    assert unknown.permission == "iam:SimulatePrincipalPolicy in account 444455556666"


def test_without_the_simulator_the_answer_is_unknown(orders: Site) -> None:
    orders.box.world.credentials.deny("iam:SimulatePrincipalPolicy")
    (unknown,) = simulated(orders, READ)
    assert (unknown.allowed, unknown.permission) == (None, "iam:SimulatePrincipalPolicy")


def test_the_account_allows_what_the_simulator_allows(orders: Site) -> None:
    iam = orders.aws("iam")
    put_policy(orders, policy("iam:ListRoles", "iam:GetRole"))
    boundary = iam.create_policy(PolicyName="ceiling", PolicyDocument=policy("iam:ListRoles"))["Policy"]["Arn"]
    iam.put_role_permissions_boundary(RoleName="shop-orders", PermissionsBoundary=boundary)
    role = orders.box.iam.role(ROLE_ARN)
    assert role is not None
    key = orders.box.world.credentials.add_session(ROLE_ARN, "x", role_id=role.role_id, seconds=600)
    client = orders.aws("iam", key=key)
    assert client.list_roles()["Roles"]
    with pytest.raises(client.exceptions.ClientError, match="permissions boundary"):
        client.get_role(RoleName="shop-orders")
    actions = simulated(orders, "iam:ListRoles", "iam:GetRole", resource="*")
    assert [item.allowed for item in actions] == [True, False]


@table(
    ("allowed", "code"),
    [((), 0), ((True,), 0), ((True, False), 3), ((True, None), 9), ((False, None), 3)],
)
def test_the_exit_code_of_the_answers(allowed: tuple[bool | None, ...], code: int) -> None:
    assert allowed_code(Allowed("s3:GetObject", "*", answer) for answer in allowed) is ExitCode(code)
