"""The ways to more permissions that a plan opens for roles."""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from harness import table
from podid.domain.aws import AttachedPolicy, RolePolicies
from podid.domain.errors import AccessDenied
from podid.domain.plan import Action, Header, Plan
from podid.ops.change.granting import granted_by, granting_notes
from podid.ops.change.kinds import ROLE_ATTACHMENT, ROLE_POLICY

HEADER = Header(caller_arn="arn:aws:iam::111122223333:user/x", account="111122223333", region="us-west-2")
PASSING, RUNNING = "iam:PassRole", "ec2:RunInstances"
OWN = "arn:aws:iam::111122223333:policy/own"


def policy(*actions: str, effect: str = "Allow") -> dict[str, Any]:
    resource = "arn:aws:iam::111122223333:role/node" if actions == (PASSING,) else "*"
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": effect, "Action": list(actions), "Resource": resource}],
    }


def inline(name: str, before: object, after: object) -> Action:
    old, new = (
        None if item is None else {"roleName": "x", "policyName": name, "policyDocument": item}
        for item in (before, after)
    )
    return ROLE_POLICY.action(old, new)


def attached(arn: str) -> Action:
    return ROLE_ATTACHMENT.action(None, ROLE_ATTACHMENT.state_of("x", arn))


def iam(held: RolePolicies | Exception, documents: Mapping[str, object]) -> Any:
    def get_policies(name: str) -> RolePolicies:
        if isinstance(held, Exception):
            raise held
        return held

    def read(arns: Sequence[str]) -> dict[str, object]:
        return {arn: documents.get(arn, AccessDenied("no")) for arn in arns}

    return SimpleNamespace(get_policies=get_policies, get_managed_documents=read)


def judged(held: RolePolicies | Exception, *actions: Action, **documents: object) -> list[str]:
    own = {OWN: documents["own"]} if documents else {}
    return [*granted_by(iam(held, own), actions, ["x"]).values()]


def test_policies_of_a_plan_count_together() -> None:
    parts = inline("a", None, policy(PASSING)), inline("b", None, policy(RUNNING))
    sentence = "role x may become administrator: iam:PassRole with ec2:RunInstances (policy a, b)"
    assert judged(RolePolicies(), *parts) == [sentence]
    assert judged(RolePolicies(), parts[0]) == []


def test_policies_of_the_role_count_too() -> None:
    sentence = "role x may become administrator: iam:PassRole with ec2:RunInstances (policy a)"
    part = inline("a", None, policy(PASSING))
    assert judged(RolePolicies(inline={"b": policy(RUNNING)}), part) == [sentence]
    held = RolePolicies(attached=(AttachedPolicy(name="own", arn=OWN),))
    assert judged(held, part, own=policy(RUNNING)) == [sentence]
    assert judged(held, part) == []
    assert judged(AccessDenied("no"), part) == []


def test_a_way_that_the_role_has_is_none_of_the_plan() -> None:
    held = RolePolicies(inline={"a": policy("iam:PutRolePolicy")})
    assert judged(held, inline("a", policy("iam:PutRolePolicy"), policy("iam:PutRolePolicy", "s3:*"))) == []
    assert judged(held, inline("a", policy("iam:PutRolePolicy"), None)) == []


def test_the_deletion_of_a_deny_opens_a_way() -> None:
    held = RolePolicies(inline={"a": policy("iam:*"), "no": policy("iam:*", effect="Deny")})
    (sentence,) = judged(held, inline("no", policy("iam:*", effect="Deny"), None))
    assert sentence == "role x would be administrator: all actions of IAM on any resource"


@table(
    ("action", "notes"),
    [
        (attached("arn:aws:iam::aws:policy/AdministratorAccess"), ["managed policy AdministratorAccess"]),
        (attached("arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"), []),
        # of the account: not read
        (attached("arn:aws:iam::111122223333:policy/AdministratorAccess"), []),
        (inline("p", None, policy("iam:CreateAccessKey")), ["iam:CreateAccessKey"]),
        (inline("p", None, policy("s3:*")), []),
    ],
)
def test_notes_of_a_plan_need_no_call(action: Action, notes: list[str]) -> None:
    name = action.target.rpartition("/")[2]
    expected = tuple(f"role x may become administrator: {note} (policy {name})" for note in notes)
    assert granting_notes(Plan(header=HEADER, actions=(action,))) == expected
