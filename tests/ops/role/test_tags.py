"""Notes about associations without session tags or with a session policy."""

import json
import random
import string
from types import SimpleNamespace
from typing import Any, cast

from harness import table
from podid.domain.aws import AttachedPolicy, Role
from podid.domain.errors import AccessDenied
from podid.domain.plan import Header, Plan
from podid.ops.change.kinds import ASSOCIATION
from podid.ops.clients import Clients
from podid.ops.role.tags import packed_percent, relied_on, room_words, session_notes
from worlds import ACCOUNT, ROLE_ARN, target_arn

ROLE = Role(name="shop-orders", arn=ROLE_ARN, role_id="AROA", path="/", trust={})
NAMESPACE_TAG = "aws:PrincipalTag/kubernetes-namespace"


def document(*actions: str, **more: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*", **more}
    return {"Version": "2012-10-17", "Statement": [statement]}


class Policies:
    """Simulates IAM with the policies of roles, inline and attached."""

    def __init__(self, attached: dict[str, Any] | None = None, **inline: dict[str, Any]) -> None:
        self.inline, self.attached = inline, attached or {}
        self.error: AccessDenied | None = None

    def list_inline_policies(self, name: str) -> Any:
        if self.error is not None:
            raise self.error
        return self.inline if name == "shop-orders" else {}

    def list_attached_policies(self, name: str) -> Any:
        return [AttachedPolicy(item, f"arn:{item}") for item in self.attached]

    def get_managed_documents(self, arns: list[str]) -> Any:
        return [(arn, self.attached[arn.removeprefix("arn:")]) for arn in arns]


def notes(iam: Policies, *, before: Any = None, role: Role | None = ROLE, **after: Any) -> tuple[str, ...]:
    keys = {"cluster": "demo", "namespace": "shop", "serviceAccount": "orders"}
    state = {**keys, "roleArn": ROLE_ARN, **after}
    old = None if before is None else {**keys, "roleArn": ROLE_ARN, **before}
    plan = Plan(
        header=Header(caller_arn="arn", account=ACCOUNT, region="us-west-2", cluster="demo"),
        actions=(ASSOCIATION.action(old, state),),
    )
    return session_notes(plan, cast("Clients", SimpleNamespace(iam=iam)), role)


def test_policies_that_rely_on_session_tags_are_named() -> None:
    abac = document("s3:*", Condition={"StringEquals": {NAMESPACE_TAG: "shop"}})
    iam = Policies({"wide": document("sqs:*"), "tagged": abac}, own=document("s3:*"))
    (note,) = notes(iam, disableSessionTags=True)
    assert note.startswith(f"policy tagged of role shop-orders relies on {NAMESPACE_TAG}, which EKS no longer sends")
    assert notes(iam, disableSessionTags=False) == ()
    assert notes(iam, before={"disableSessionTags": True}, disableSessionTags=True) == ()
    assert notes(iam, role=None, disableSessionTags=True) == ()
    iam.error = AccessDenied("x", permission="iam:ListRolePolicies")
    (note,) = notes(iam, disableSessionTags=True)
    assert note.endswith("was not checked: requires iam:ListRolePolicies")


def test_a_session_policy_adds_no_permissions() -> None:
    iam = Policies(own=document("s3:GetObject"))
    policy = json.dumps(document("s3:GetObject", "sqs:SendMessage"))
    size, denied = notes(iam, policy=policy, disableSessionTags=True, before={"disableSessionTags": True})
    assert size.startswith("the session policy of ")
    assert denied.startswith("the session policy allows sqs:SendMessage, but no policy of role shop-orders does")
    same: dict[str, Any] = {"policy": policy, "disableSessionTags": True}
    assert notes(iam, before=same, **same) == ()
    # the sessions of a target role are restricted
    *_, denied = notes(iam, before=same, targetRoleArn=target_arn(), **same)
    assert "allows s3:GetObject, sqs:SendMessage, but no policy of role reports-reader does" in denied
    *_, unread = notes(iam, before=same, targetRoleArn=target_arn("444455556666"), **same)
    assert unread.endswith("was not checked: it is in another account")
    # also if the plan creates the association's own role
    assert notes(iam, before=same, role=None, targetRoleArn=target_arn("444455556666"), **same) == (unread,)


@table(
    ("text", "tags"),
    [
        ({"StringEquals": {NAMESPACE_TAG: "shop"}}, (NAMESPACE_TAG,)),
        ({"StringEquals": {NAMESPACE_TAG.upper(): "shop"}}, (NAMESPACE_TAG,)),
        ({"StringLike": {"s3:prefix": f"${{{NAMESPACE_TAG}}}/*"}}, (NAMESPACE_TAG,)),
        ({"StringEquals": {"aws:PrincipalTag/team": "shop"}}, ()),
        ({"StringEquals": {"aws:RequestTag/kubernetes-namespace": "shop"}}, ()),
    ],
)
def test_session_tags_in_conditions_and_variables(text: Any, tags: tuple[str, ...]) -> None:
    assert relied_on(document("s3:*", Condition=text)) == tags


def test_the_packed_size_is_estimated() -> None:
    letters = "".join(random.Random(7).choices(string.printable, k=2048))
    assert packed_percent("a" * 2048) < 5
    assert 70 < packed_percent(letters) < 100
    assert room_words("a" * 100).startswith("100 of 2,048 characters; packed size about ")
    assert "PackedPolicyTooLarge" not in room_words("a" * 2048)
    assert "so PackedPolicyTooLarge is possible" in room_words(letters)
