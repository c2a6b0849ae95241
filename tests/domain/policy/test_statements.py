"""Statements of permissions policies: parsed, and matched with a resource."""

from dataclasses import replace

from domain.policy.policies import ACCOUNT, BUCKET, SESSION, access, allow, document
from harness import table
from podid.domain.policy.evaluate import AccessVerdict
from podid.domain.policy.statements import parse_permissions


def test_a_document_that_iam_rejects_is_unread() -> None:
    policy = parse_permissions("odd", "identity", {"Statement": {"Effect": "Allow", "Action": "s3:*"}})
    assert policy.unread is not None
    assert policy.unread.reason == "policy odd cannot be parsed: Statement[0].Resource: is missing"


def test_a_match_that_depends_on_undocumented_wildcards_is_unknown() -> None:
    policies = access(allow("sqs:*", "arn:aws:sqs:*:orders"))
    assert (
        policies.ruling("sqs:SendMessage", f"arn:aws:sqs:eu-west-1:{ACCOUNT}:orders").verdict is AccessVerdict.UNKNOWN
    )
    assert policies.ruling("sqs:SendMessage", f"arn:aws:sqs:eu-west-1:{ACCOUNT}:carts").verdict is AccessVerdict.DENIED


@table(
    ("tags", "resource", "expected"),
    [
        ({"team": "blue"}, f"{BUCKET}/blue/a", True),
        ({"team": "blue"}, f"{BUCKET}/red/a", False),
        ({}, f"{BUCKET}/blue/a", False),
        (None, f"{BUCKET}/blue/a", None),
        (None, "arn:aws:s3:::other/blue/a", False),
    ],
)
def test_a_variable_whose_value_is_not_known(tags: dict[str, str] | None, resource: str, expected: bool | None) -> None:
    raw = allow("s3:*", f"{BUCKET}/${{aws:PrincipalTag/team}}/*")
    (item,) = parse_permissions("app", "identity", document(raw)).statements
    context = replace(SESSION, role_tags=tags).context("s3", resource)
    assert item.truth(resource, context) is expected
    assert item.unknown_keys(context) == (("aws:principaltag/team",) if tags is None else ())
