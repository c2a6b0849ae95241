"""IAM, STS, EKS Auth and EC2, end to end over HTTP with unmodified boto3."""

from datetime import UTC

import pytest

from podid.aws.session import AwsSession
from podid.domain.aws import AttachedPolicy, Decision, Role
from podid.domain.errors import AccessDenied, AlreadyExists, Conflict, LostAnswer, NotFound, Rejected, UnreadableAnswer
from podid.sandbox.box import Sandbox

TRUST: dict[str, object] = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "Pods",
            "Effect": "Allow",
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
        }
    ],
}
READ_S3 = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"


def inline(action: str) -> dict[str, object]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}


def test_the_life_of_a_role(session: AwsSession) -> None:
    iam = session.iam
    assert iam.find_role("shop") is None
    with pytest.raises(NotFound) as caught:
        iam.get_role("shop")
    assert caught.value.message.startswith("role shop does not exist")
    settings = {"Path": "/apps/", "Description": "Orders", "MaxSessionDuration": 7200}
    created = iam.create_role("shop", TRUST, settings, {"team": "shop"})
    role = iam.get_role("shop")
    assert (created.arn, created.trust) == (role.arn, role.trust)
    assert role.created_at is not None
    assert role == Role(
        name="shop",
        arn="arn:aws:iam::111122223333:role/apps/shop",
        path="/apps/",
        role_id=role.role_id,
        trust=TRUST,
        created_at=role.created_at.astimezone(UTC),
        description="Orders",
        max_session_seconds=7200,
        tags={"team": "shop"},
    )
    with pytest.raises(AlreadyExists, match="role shop already exists"):
        iam.create_role("shop", TRUST)
    changed = {**TRUST, "Id": "changed"}
    iam.update_trust("shop", changed)
    assert iam.get_role("shop").trust == changed
    iam.attach_policy("shop", READ_S3)
    with pytest.raises(Conflict, match="role shop is being changed or is in use"):
        iam.delete_role("shop")
    iam.detach_policy("shop", READ_S3)
    iam.delete_role("shop")
    assert iam.find_role("shop") is None


def test_lists_are_complete_and_sorted(session: AwsSession) -> None:
    for n in range(120):
        session.iam.create_role(f"many-{n:03d}", TRUST, {"Path": "/many/"})
    names = session.iam.list_role_names()
    assert names == tuple(sorted(names))
    assert [name for name in names if name.startswith("many-")] == [f"many-{n:03d}" for n in range(120)]
    roles = session.iam.list_roles()
    assert tuple(role.name for role in roles) == names
    assert all(role.trust == TRUST for role in roles if role.path == "/many/")


def test_many_roles_at_once_with_errors_in_place(box: Sandbox, session: AwsSession) -> None:
    box.world.credentials.deny("iam:GetRole", resource="*/storefront")
    roles_by_name = dict(session.iam.find_roles(["orders-dynamodb", "storefront", "none"]))
    role, denied = roles_by_name["orders-dynamodb"], roles_by_name["storefront"]
    assert isinstance(role, Role)
    assert role.arn == "arn:aws:iam::111122223333:role/orders-dynamodb"
    assert isinstance(denied, AccessDenied)
    assert denied.permission == "iam:GetRole"
    assert roles_by_name["none"] is None


def test_policies(session: AwsSession) -> None:
    iam = session.iam
    iam.create_role("shop", TRUST)
    for name in ("b", "a", "c"):
        iam.put_inline_policy("shop", name, inline(f"s3:{name}"))
    iam.attach_policy("shop", READ_S3)
    policies = iam.get_policies("shop")
    assert policies.attached == (AttachedPolicy("AmazonS3ReadOnlyAccess", READ_S3),)
    assert list(policies.inline) == ["a", "b", "c"]
    assert policies.inline["b"] == inline("s3:b")
    iam.delete_inline_policy("shop", "b")
    assert list(iam.get_policies("shop").inline) == ["a", "c"]
    with pytest.raises(NotFound, match="inline policy b of role shop does not exist"):
        iam.delete_inline_policy("shop", "b")
    with pytest.raises(NotFound, match="role none does not exist"):
        iam.get_policies("none")


def test_managed_policies(session: AwsSession) -> None:
    policy = session.iam.find_policy(READ_S3)
    assert policy is not None
    assert (policy.name, policy.arn) == ("AmazonS3ReadOnlyAccess", READ_S3)
    assert session.iam.find_policy("arn:aws:iam::111122223333:policy/none") is None


def test_a_trust_that_iam_refuses(session: AwsSession) -> None:
    with pytest.raises(Rejected, match="IAM does not accept the policy of role orders-dynamodb"):
        session.iam.update_trust("orders-dynamodb", {"Version": "2012-10-17", "Statement": [{"Effect": "Perhaps"}]})


def test_a_lost_answer(box: Sandbox, session: AwsSession) -> None:
    box.faults.lose_answer("iam", "UpdateAssumeRolePolicy", times=1)
    with pytest.raises(LostAnswer):
        session.iam.update_trust("orders-dynamodb", TRUST)
    assert box.faults.calls["iam", "UpdateAssumeRolePolicy"] == 1
    assert session.iam.get_role("orders-dynamodb").trust == TRUST


def test_simulation(session: AwsSession) -> None:
    role_arn = session.iam.create_role("shop", TRUST).arn
    session.iam.put_inline_policy("shop", "p", inline("s3:GetObject"))
    decisions = session.iam.simulate(role_arn, ("s3:GetObject", "s3:PutObject"), context={"aws:PrincipalTag/a": "b"})
    assert [(d.action, d.decision, d.allowed) for d in decisions] == [
        ("s3:GetObject", "allowed", True),
        ("s3:PutObject", "implicitDeny", False),
    ]
    assert all(isinstance(d, Decision) for d in decisions)


@pytest.mark.parametrize("answered", [(), ("s3:GetObject",), ("s3:GetObject", "s3:DeleteObject")])
def test_a_simulation_of_other_actions_is_unreadable(
    session: AwsSession, monkeypatch: pytest.MonkeyPatch, answered: tuple[str, ...]
) -> None:
    decisions = [Decision(action=action, resource="*", decision="allowed") for action in answered]
    monkeypatch.setattr(session.iam._api, "items", lambda *_: iter(decisions))
    with pytest.raises(UnreadableAnswer, match="its actions are not the requested ones"):
        session.iam.simulate("arn:aws:iam::111122223333:role/shop", ("s3:GetObject", "s3:PutObject"))


def test_a_simulation_in_another_case_has_the_requested_names(
    session: AwsSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        session.iam._api, "items", lambda *_: iter([Decision(action="S3:getobject", resource="*", decision="allowed")])
    )
    (decision,) = session.iam.simulate("arn:aws:iam::111122223333:role/shop", ("s3:GetObject",))
    assert decision.action == "s3:GetObject"
