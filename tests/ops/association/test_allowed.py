"""verify --can: what the role that pods become may do, and which layer stands in the way."""

import json
from typing import Any

import pytest

from permissions_support import allow, limited
from worlds import ACCOUNT, ROLE_ARN, TARGET, Site

TABLE = f"arn:aws:dynamodb:us-west-2:{ACCOUNT}:table/orders"  # what POLICY of worlds.py is about
READ = "dynamodb:GetItem"


def asked(site: Site, *more: str, code: int, **how: Any) -> Any:
    outcome = site("verify", "shop/orders", "--yes", "-o", "json", *more, **how)
    assert outcome.code == code, outcome
    return outcome.json


# until no pod can have credentials from before a change
LONG = 6 * 3600 + 60


def answers(report: Any) -> list[tuple[str, bool | None, str | None]]:
    return [(item["action"], item["allowed"], item["id"]) for item in report["allowed"]]


def policy(*actions: str, effect: str = "Allow", **condition: Any) -> str:
    statement = {"Effect": effect, "Action": actions, "Resource": "*", **condition}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_the_boundary(healthy: Site) -> None:
    iam = healthy.aws("iam")
    created = iam.create_policy(PolicyName="ceiling", PolicyDocument=policy("s3:*"))["Policy"]["Arn"]
    iam.put_role_permissions_boundary(RoleName="shop-orders", PermissionsBoundary=created)
    report = asked(healthy, "--can", READ, "--resource", TABLE, code=3)
    assert answers(report) == [(READ, False, "permissions-boundary-denies")]


def test_the_session_policy_can_only_take_away(healthy: Site) -> None:
    eks = healthy.aws("eks")
    (item,) = eks.list_pod_identity_associations(clusterName="demo", namespace="shop")["associations"]
    who = {"clusterName": "demo", "associationId": item["associationId"], "disableSessionTags": True}
    healthy.trust("shop-orders", ANY_POD)
    eks.update_pod_identity_association(**who, policy=policy("dynamodb:Query", "s3:GetObject"))
    healthy.wait(LONG)
    report = asked(healthy, "--can", READ, "--can", "s3:GetObject", "--resource", TABLE, code=3)
    assert answers(report) == [
        (READ, False, "session-policy-misconfig"),
        ("s3:GetObject", False, "role-no-permissions"),
    ]
    eks.update_pod_identity_association(**who, policy=policy("dynamodb:*"))
    healthy.wait(LONG)
    assert answers(asked(healthy, "--can", READ, "--resource", TABLE, code=0)) == [(READ, True, None)]
    # what it does not name it takes away, whatever its conditions for others
    sure = policy("s3:*", Condition={"StringEquals": {"aws:SourceVpce": "vpce-1"}})
    eks.update_pod_identity_association(**who, policy=sure)
    healthy.wait(LONG)
    report = asked(healthy, "--can", READ, "--resource", TABLE, code=3)
    assert answers(report) == [(READ, False, "session-policy-misconfig")]


# without session tags a trust that asks for them admits nobody
ANY_POD = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
        }
    ],
}


def test_what_a_condition_asks_for(healthy: Site) -> None:
    """The session tags of the pods are known; where the call comes from is not."""
    iam = healthy.aws("iam")
    tag = {"StringEquals": {"aws:PrincipalTag/kubernetes-namespace": "shop"}}
    iam.put_role_policy(RoleName="shop-orders", PolicyName="abac", PolicyDocument=policy("s3:GetObject", Condition=tag))
    assert asked(healthy, "--can", "s3:GetObject", code=0)["allowed"][0]["allowed"] is True
    vpc = {"StringEquals": {"aws:SourceVpce": "vpce-1"}}
    iam.put_role_policy(RoleName="shop-orders", PolicyName="abac", PolicyDocument=policy("s3:GetObject", Condition=vpc))
    report = asked(healthy, "--can", "s3:GetObject", code=9)
    assert answers(report) == [("s3:GetObject", None, None)]
    assert "aws:SourceVpce" in report["allowed"][0]["reason"]
    report = asked(healthy, "--can", READ, "--resource", TABLE, code=0)
    assert report["allowed"][0]["reason"] == "unless it depends on aws:SourceVpce of the actual request"


def test_what_no_policy_names_is_denied_whatever_the_conditions_of_others(healthy: Site, tmp_path: Any) -> None:
    iam = healthy.aws("iam")
    vpc = {"StringEquals": {"aws:SourceVpce": "vpce-1"}}
    created = iam.create_policy(PolicyName="sqs", PolicyDocument=policy("sqs:Send*", Condition=vpc))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="shop-orders", PolicyArn=created)
    report = asked(healthy, "--can", "s3:GetObject", "--can", "sqs:SendMessage", code=3)
    assert answers(report) == [("s3:GetObject", False, "role-no-permissions"), ("sqs:SendMessage", None, None)]
    # where the policies cannot be read, that stays open
    healthy.box.world.credentials.deny("iam:GetPolicyVersion")
    assert answers(asked(healthy, "--can", "s3:GetObject", code=9)) == [("s3:GetObject", None, None)]


def test_the_target_role_is_the_one_that_counts(healthy: Site) -> None:
    healthy.with_target()
    assert answers(asked(healthy, "--can", READ, "--resource", TABLE, code=3))[0][1] is False
    healthy.aws("iam").put_role_policy(RoleName=TARGET, PolicyName="p", PolicyDocument=policy(READ))
    assert answers(asked(healthy, "--can", READ, "--resource", TABLE, code=0))[0][1] is True


def test_a_target_role_of_another_account_is_unknown(healthy: Site) -> None:
    healthy.with_target("444455556666")
    report = asked(healthy, "--can", READ, code=9)
    assert report["allowed"][0]["permission"] == "iam:SimulatePrincipalPolicy in account 444455556666"


def test_without_the_permission_it_is_unknown(healthy: Site, tmp_path: Any) -> None:
    everything = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
    manifest = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "all"},
        "rules": [everything],
    }
    env = limited(healthy.box, tmp_path, allow("eks:*", "eks-auth:*", "iam:GetRole"), [manifest])
    report = asked(healthy, "--can", READ, code=9, env=env)
    assert (report["allowed"][0]["permission"], answers(report)) == (
        "iam:SimulatePrincipalPolicy",
        [(READ, None, None)],
    )


def test_the_sandbox_agrees_with_itself(healthy: Site) -> None:
    """What the simulator allows by a boundary, the account lets the role do, and the other way round."""
    iam = healthy.aws("iam")
    iam.put_role_policy(RoleName="shop-orders", PolicyName="who", PolicyDocument=policy("iam:ListRoles", "iam:GetRole"))
    created = iam.create_policy(PolicyName="ceiling", PolicyDocument=policy("iam:ListRoles"))["Policy"]["Arn"]
    iam.put_role_permissions_boundary(RoleName="shop-orders", PermissionsBoundary=created)
    role = healthy.box.iam.role(ROLE_ARN)
    assert role is not None
    key = healthy.box.world.credentials.add_session(ROLE_ARN, "x", role_id=role.role_id, seconds=600)
    client = healthy.aws("iam", key=key)
    assert client.list_roles()["Roles"]
    with pytest.raises(client.exceptions.ClientError, match="permissions boundary"):
        client.get_role(RoleName="shop-orders")
    report = asked(healthy, "--can", "iam:ListRoles", "--can", "iam:GetRole", code=3)
    assert [item["allowed"] for item in report["allowed"]] == [True, False]
